//! `mcp-lambda publish`: an event for the clients of a server, through the topic that the server is subscribed to.

use serde_json::Value;

use super::{args::PublishArgs, arguments, failure::Failure, output};
use crate::{aws, sender::AwsOptions};

/// The largest message of SNS.
const LARGEST: usize = 256 * 1024;

pub(super) async fn run(args: PublishArgs) -> Result<(), Failure> {
    let Some(region) = aws::region_of_topic(&args.topic) else {
        return Err(Failure::usage(format!("{:?}: expected the ARN of an SNS topic", args.topic)));
    };
    let event = event(&args)?;
    let options = AwsOptions {
        profile: args.profile.clone(),
        region: Some(region.to_owned()),
        ..AwsOptions::default()
    };
    let api = aws::Api::open(options, args.endpoint_url.as_deref()).await?;
    let published = aws::publish(&api, &args.topic, &event, None, args.principal.as_deref()).await;
    match published {
        Ok(id) => output::line(&id),
        Err(error @ aws::ApiError::Refused { .. }) => Err(Failure::refused(format!("SNS: {error}"))),
        Err(error @ aws::ApiError::Failed(_)) => Err(Failure::unreachable(format!("SNS: {error}"))),
    }
}

fn event(args: &PublishArgs) -> Result<String, Failure> {
    let data = arguments::content("--data", &args.data)?;
    let data: Value =
        serde_json::from_str(&data).map_err(|error| Failure::usage(format!("--data: not JSON: {error}")))?;
    let event = aws::external_event(&args.source, &args.kind, &data);
    if event.len() > LARGEST {
        let size = event.len();
        return Err(Failure::usage(format!("--data: the event has {size} bytes; SNS takes {LARGEST}")));
    }
    Ok(event)
}
