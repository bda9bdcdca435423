//! The server that every host runs: a tool that answers, and one that reports its progress first.

use mcp_lambda_server::{
    McpContext,
    rmcp::{
        RoleServer,
        handler::server::wrapper::Parameters,
        model::ProgressNotificationParam,
        schemars,
        service::{RequestContext, ServiceError},
    },
};
use rmcp::{tool, tool_router};

/// A message to return.
#[derive(serde::Deserialize, schemars::JsonSchema)]
pub struct Echo {
    message: String,
}

/// The handler.
#[derive(Debug, Clone)]
pub struct Hosted;

#[tool_router(server_handler)]
impl Hosted {
    #[tool(description = "Returns its message")]
    async fn echo(&self, Parameters(Echo { message }): Parameters<Echo>) -> String {
        message
    }

    #[tool(
        description = "Reports its progress twice, then the key of the caller and the seconds that it may take"
    )]
    async fn steps(&self, context: RequestContext<RoleServer>) -> Result<String, rmcp::ErrorData> {
        if let Some(token) = context.meta.get_progress_token() {
            for step in [1.0, 2.0] {
                let progress = ProgressNotificationParam::new(token.clone(), step);
                context.peer.notify_progress(progress).await.map_err(lost)?;
            }
        }
        let seconds = context.deadline().map_or(0, |deadline| deadline.budget().as_secs());
        Ok(format!("{} {seconds}", context.principal().key()))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the signature of map_err")]
fn lost(error: ServiceError) -> rmcp::ErrorData {
    rmcp::ErrorData::internal_error(error.to_string(), None)
}
