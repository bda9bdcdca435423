//! Finds the stack of a server: by its name, by its function, or by the URL in its outputs.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{PAGES, Source, Stack};
use crate::{
    Address, Error,
    aws::{Api, ApiError, Call, Service},
};

/// The tag that CloudFormation puts on the functions of a stack.
const TAG: &str = "aws:cloudformation:stack-name";

/// Finds a stack with this name, or that of the server.
pub(crate) async fn find(api: Api, name: Option<&str>, server: &Address) -> Result<Stack, Error> {
    let region = api.region().to_owned();
    let source: Arc<dyn Source> = Arc::new(api);
    let found = match (name, server) {
        (Some(name), _) => named(&*source, name).await,
        (None, Address::Function { name, .. }) => of_function(&*source, name).await,
        (None, Address::Url(url)) => with_output(&*source, url.as_str()).await,
    };
    match found {
        Ok(Some(name)) => Ok(Stack::new(name, source)),
        Ok(None) => Err(Error::Protocol(match name {
            Some(name) => format!("there is no stack {name:?} in {region}"),
            None => format!("no stack in {region} is that of {server}: name it with --stack"),
        })),
        Err(error) => Err(Error::Protocol(format!("the stack cannot be read: {error}"))),
    }
}

async fn named(source: &dyn Source, name: &str) -> Result<Option<String>, ApiError> {
    let call = Call::new(Service::CloudFormation, "DescribeStacks", json!({ "StackName": name }));
    match source.ask(&call).await {
        Ok(answer) => Ok(answer["Stacks"][0]["StackName"].as_str().map(str::to_owned)),
        Err(error) if error.is_missing() => Ok(None),
        Err(error) => Err(error),
    }
}

async fn of_function(source: &dyn Source, function: &str) -> Result<Option<String>, ApiError> {
    let call = Call::new(Service::Lambda, "GetFunction", json!({ "FunctionName": function }));
    let answer = source.ask(&call).await?;
    Ok(answer["Tags"][TAG].as_str().map(str::to_owned))
}

/// The stack that has the URL of the server as an output.
async fn with_output(source: &dyn Source, url: &str) -> Result<Option<String>, ApiError> {
    let mut input = json!({});
    for _ in 0..PAGES {
        let page = source.ask(&Call::new(Service::CloudFormation, "DescribeStacks", input.clone())).await?;
        let mut stacks = page["Stacks"].as_array().into_iter().flatten();
        if let Some(stack) = stacks.find(|stack| has_output(stack, url)) {
            return Ok(stack["StackName"].as_str().map(str::to_owned));
        }
        match page["NextToken"].as_str() {
            None | Some("") => return Ok(None),
            Some(token) => input = json!({ "NextToken": token }),
        }
    }
    Ok(None)
}

fn has_output(stack: &Value, url: &str) -> bool {
    let wanted = url.trim_end_matches('/');
    let values = stack["Outputs"].as_array().into_iter().flatten();
    values
        .filter_map(|output| output["OutputValue"].as_str())
        .any(|value| value.trim_end_matches('/') == wanted)
}
