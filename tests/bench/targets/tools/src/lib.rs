//! The handler that both MCP targets serve: one tool that answers at once, one that sends progress.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rmcp::{
    RoleServer, ServerHandler,
    handler::server::{router::tool::ToolRouter, wrapper::Parameters},
    model::{ProgressNotificationParam, ServerCapabilities, ServerConfig},
    schemars,
    service::RequestContext,
    tool, tool_handler, tool_router,
};

/// Between two steps of `progress`: longer than any answer takes, so that each step finds an idle connection.
const STEP: Duration = Duration::from_millis(5);
/// How many steps `progress` makes.
const STEPS: u32 = 3;

/// The arguments of `echo`.
#[derive(serde::Deserialize, schemars::JsonSchema)]
pub struct Echo {
    /// The text to send back.
    message: String,
}

/// The handler.
#[derive(Clone)]
pub struct Tools {
    // In a field: the macro's default builds the router anew for every call.
    router: ToolRouter<Self>,
}

impl Default for Tools {
    fn default() -> Self {
        Self::new()
    }
}

#[tool_router]
impl Tools {
    /// The handler with its router.
    #[must_use]
    pub fn new() -> Self {
        Self { router: Self::tool_router() }
    }

    #[tool(description = "Sends a text back")]
    async fn echo(&self, Parameters(Echo { message }): Parameters<Echo>) -> String {
        message
    }

    /// Each step carries the time it was sent at, so that the reader of the stream can tell how long it took.
    #[tool(description = "Says three times how far it is")]
    async fn progress(&self, context: RequestContext<RoleServer>) -> String {
        for step in 1..=STEPS {
            tokio::time::sleep(STEP).await;
            if let Some(token) = context.meta.get_progress_token() {
                let progress = ProgressNotificationParam::new(token, f64::from(step))
                    .with_message(format!("sent at {} ns", now()));
                let _ = context.peer.notify_progress(progress).await;
            }
        }
        "done".to_owned()
    }
}

#[tool_handler(router = self.router)]
impl ServerHandler for Tools {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }
}

/// Nanoseconds since 1970: a clock the driver, another process, reads too.
#[expect(clippy::disallowed_methods, reason = "the one reader of the wall clock in this crate")]
fn now() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos()
}
