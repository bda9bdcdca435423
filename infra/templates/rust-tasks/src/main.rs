//! An MCP server with a tool that takes long. A client that knows tasks gets its id at once, and the result later.
//! It listens on `http://127.0.0.1:9000/mcp`; on Lambda the same program is the function and its worker.

#[cfg(test)]
mod tests;

use std::time::Duration;

use mcp_lambda_server::{Builder, McpContext, McpLambdaServer, tasks::TaskSupport};
use rmcp::{
    ErrorData, RoleServer, handler::server::wrapper::Parameters, schemars, service::RequestContext,
    tool, tool_router,
};

/// The arguments of `count`. Clients and models read these comments.
#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Count {
    /// The number to count to
    to: u32,
}

#[derive(Clone)]
struct Server;

#[tool_router(server_handler)]
impl Server {
    #[tool(description = "Counts to a number, ten a second")]
    async fn count(
        &self,
        Parameters(Count { to }): Parameters<Count>,
        context: RequestContext<RoleServer>,
    ) -> Result<String, ErrorData> {
        let task = context.task();
        // Another worker goes on from here if this one ends.
        let first = task.last_checkpoint::<u32>().await?.unwrap_or(0);
        for number in first..to {
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(100)) => {}
                () = task.cancelled() => return Err(ErrorData::internal_error("cancelled", None)),
            }
            let counted = number + 1;
            if counted % 10 == 0 {
                task.checkpoint(&counted).await?;
                task.set_status_message(format!("{counted} of {to}"))
                    .await?;
            }
        }
        Ok(format!("counted to {to}"))
    }
}

fn server() -> Builder<Server> {
    McpLambdaServer::builder(Server).task_tool("count", TaskSupport::Optional)
}

fn main() -> Result<(), mcp_lambda_server::Error> {
    server().run()
}
