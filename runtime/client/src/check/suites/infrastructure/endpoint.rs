//! The Function URL.

use serde_json::{Value, json};

use super::links::{URL_AUTH, URL_MODE};
use crate::{
    aws::Service,
    check::{
        finding::{Checked, ensure, skipped, warning},
        probe::Probe,
        row::{Check, check},
        stack::{Function, View},
    },
};

pub(crate) const CHECKS: &[Check] = &[
    check!(
        "infrastructure.url-auth",
        Infrastructure,
        Once,
        "Who may call the Function URL",
        "A Function URL should want signatures (AWS_IAM), unless the server itself checks tokens.",
        URL_AUTH,
        auth
    ),
    check!(
        "infrastructure.url-mode",
        Infrastructure,
        Once,
        "The Function URL streams as the server expects",
        "The invoke mode of the Function URL is RESPONSE_STREAM exactly if the server streams its responses.",
        URL_MODE,
        mode
    ),
];

/// The server, and the configuration of its Function URL.
async fn url(stack: &View<'_>) -> Checked<(Function, Value)> {
    let server = stack.server().await?;
    if stack.ids("AWS::Lambda::Url").await?.is_empty() {
        skipped!("the stack has no Function URL");
    }
    let mut input = json!({ "FunctionName": server.name() });
    if let Some(alias) = stack.alias(&server).await? {
        input["Qualifier"] = json!(alias);
    }
    let config = stack.read(Service::Lambda, "GetFunctionUrlConfig", input).await?;
    Ok((server, config))
}

async fn auth(probe: &Probe<'_>) -> Checked {
    let (server, config) = url(&probe.stack()?).await?;
    let kind = config["AuthType"].as_str().unwrap_or_default();
    if kind == "NONE" && server.variable("MCP_JWT_ISSUER").is_none() {
        warning!("everybody may call the server: its AuthType is NONE, and it checks no tokens");
    }
    Ok(())
}

async fn mode(probe: &Probe<'_>) -> Checked {
    let (server, config) = url(&probe.stack()?).await?;
    let mode = config["InvokeMode"].as_str().unwrap_or("BUFFERED");
    // Without the variable the server streams behind a Function URL.
    let streams = server.variable("MCP_RESPONSE_MODE").is_none_or(|mode| mode != "buffered");
    let expected = if streams { "RESPONSE_STREAM" } else { "BUFFERED" };
    ensure!(
        mode == expected,
        "the invoke mode of the Function URL is {mode}, and MCP_RESPONSE_MODE of {} wants {expected}",
        server.name()
    );
    Ok(())
}
