//! `mcp-lambda publish`: an event for the clients of a server, through the topic that the server is subscribed to.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures::TryStreamExt;
use http::Request;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::{args::PublishArgs, arguments, failure::Failure, output};
use crate::{
    SigningScope,
    sender::{AwsOptions, HttpSender, Sender, SigV4},
};

const TIMEOUT: Duration = Duration::from_secs(30);
/// The largest message of SNS.
const LARGEST: usize = 256 * 1024;

pub(super) async fn run(args: PublishArgs) -> Result<(), Failure> {
    let region = match args.topic.split(':').collect::<Vec<_>>().as_slice() {
        ["arn", _, "sns", region, _, _] => (*region).to_owned(),
        _ => return Err(Failure::usage(format!("{:?}: expected the ARN of an SNS topic", args.topic))),
    };
    let body = form(&args)?;
    let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    let url = args.endpoint_url.clone().unwrap_or_else(|| format!("https://sns.{region}.{suffix}"));
    let options = AwsOptions { profile: args.profile.clone(), ..AwsOptions::default() };
    let signer = Arc::new(SigV4::new(SigningScope { service: "sns".to_owned(), region }, options));
    let sender = HttpSender::new(url.clone(), url, signer, TIMEOUT)?;
    let request = Request::post(format!("{}/", sender.url().trim_end_matches('/')))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Bytes::from(body))
        .map_err(|error| Failure::usage(error.to_string()))?;
    let response = sender.send(request).await?;
    let status = response.status();
    let body: Vec<Bytes> = response.into_body().try_collect().await?;
    let text = String::from_utf8_lossy(&body.concat()).into_owned();
    if !status.is_success() {
        let reason = element(&text, "Message").unwrap_or(&text);
        return Err(Failure::refused(format!("SNS answered HTTP {status}: {reason}")));
    }
    output::line(element(&text, "MessageId").unwrap_or_default())
}

fn form(args: &PublishArgs) -> Result<String, Failure> {
    let data = arguments::content("--data", &args.data)?;
    let data: Value =
        serde_json::from_str(&data).map_err(|error| Failure::usage(format!("--data: not JSON: {error}")))?;
    let event =
        json!({ "type": "external_event", "source": args.source, "event_type": args.kind, "payload": data })
            .to_string();
    if event.len() > LARGEST {
        return Err(Failure::usage(format!(
            "--data: the event has {} bytes; SNS takes {LARGEST}",
            event.len()
        )));
    }
    let mut fields = vec![
        ("Action", "Publish"),
        ("Version", "2010-03-31"),
        ("TopicArn", args.topic.as_str()),
        ("Message", event.as_str()),
    ];
    if let Some(principal) = &args.principal {
        fields.extend([
            ("MessageAttributes.entry.1.Name", "mcp_principal"),
            ("MessageAttributes.entry.1.Value.DataType", "String"),
            ("MessageAttributes.entry.1.Value.StringValue", principal.as_str()),
        ]);
    }
    let encode = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
    let pairs: Vec<String> =
        fields.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    Ok(pairs.join("&"))
}

/// The text of the first element with this name.
fn element<'t>(xml: &'t str, name: &str) -> Option<&'t str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(text, _)| text)
}
