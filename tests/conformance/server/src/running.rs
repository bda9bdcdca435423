//! Tools that send messages before their response: log messages, progress, changed lists, and a reply that continues
//! without its connection.
#![expect(deprecated, reason = "deprecated by SEP-2577, and tested until it is gone")]

use std::time::Duration;

use mcp_lambda_server::rmcp::{
    ErrorData, RoleServer,
    model::{
        CallToolResult, LoggingLevel, LoggingMessageNotificationParam, ProgressNotificationParam,
        ResourceUpdatedNotificationParam,
    },
    service::{RequestContext, ServiceError},
};
use tokio::time::sleep;

use crate::{content, resources};

/// The pause between two notifications that the suite asks for.
const STEP: Duration = Duration::from_millis(50);

pub(crate) async fn three_logs(context: &RequestContext<RoleServer>) -> Result<CallToolResult, ErrorData> {
    log(context, "Tool execution started").await?;
    sleep(STEP).await;
    log(context, "Tool processing data").await?;
    sleep(STEP).await;
    log(context, "Tool execution completed").await?;
    Ok(content::say("Logged three messages"))
}

pub(crate) async fn one_log(context: &RequestContext<RoleServer>) -> Result<CallToolResult, ErrorData> {
    log(context, "Only those who asked for a level see this").await?;
    Ok(content::say("Logged one message"))
}

/// Sends the message at every level. The runtime drops those that the client did not ask for.
async fn log(context: &RequestContext<RoleServer>, message: &str) -> Result<(), ErrorData> {
    let message = LoggingMessageNotificationParam::new(LoggingLevel::Info, message.into());
    context.peer.notify_logging_message(message).await.map_err(unheard)
}

pub(crate) async fn progress(context: &RequestContext<RoleServer>) -> Result<CallToolResult, ErrorData> {
    let token = context.meta.get_progress_token();
    for (wait, done) in [(Duration::ZERO, 0.0), (STEP, 50.0), (STEP, 100.0)] {
        sleep(wait).await;
        if let Some(token) = token.clone() {
            let progress = ProgressNotificationParam::new(token, done).with_total(100.0);
            context.peer.notify_progress(progress).await.map_err(unheard)?;
        }
    }
    Ok(content::say("Reported progress up to 100"))
}

/// Ends the connection of this reply and continues: the client gets the result by GET.
pub(crate) async fn reconnection(context: &RequestContext<RoleServer>) -> CallToolResult {
    if let Some(reply) = context.extensions.get::<mcp_lambda_server::ReplyStream>() {
        reply.disconnect();
    }
    sleep(4 * STEP).await;
    content::say("The answer outlived its connection")
}

pub(crate) async fn tools_changed(context: &RequestContext<RoleServer>) -> Result<CallToolResult, ErrorData> {
    context.peer.notify_tool_list_changed().await.map_err(unheard)?;
    Ok(content::say("The list of tools has changed"))
}

pub(crate) async fn prompts_changed(
    context: &RequestContext<RoleServer>,
) -> Result<CallToolResult, ErrorData> {
    context.peer.notify_prompt_list_changed().await.map_err(unheard)?;
    Ok(content::say("The list of prompts has changed"))
}

pub(crate) async fn resources_changed(
    context: &RequestContext<RoleServer>,
) -> Result<CallToolResult, ErrorData> {
    context.peer.notify_resource_list_changed().await.map_err(unheard)?;
    Ok(content::say("The list of resources has changed"))
}

pub(crate) async fn resource_updated(
    context: &RequestContext<RoleServer>,
) -> Result<CallToolResult, ErrorData> {
    let updated = ResourceUpdatedNotificationParam::new(resources::WATCHED);
    context.peer.notify_resource_updated(updated).await.map_err(unheard)?;
    Ok(content::say(format!("{} has changed", resources::WATCHED)))
}

#[expect(clippy::needless_pass_by_value, reason = "map_err hands over the error")]
fn unheard(error: ServiceError) -> ErrorData {
    ErrorData::internal_error(format!("the notification went nowhere: {error}"), None)
}
