//! For programs that come from lambda-turul-mcp-server: the events that it publishes, as its documentation writes them. docs/migrating.md
//! has the rest.
//!
//! ```
//! use mcp_lambda_server::turul::{GlobalEvent, broadcast_global_event};
//! use serde_json::json;
//! # use mcp_lambda_server::{Config, McpLambdaServer, rmcp::ServerHandler};
//! # struct Shop;
//! # impl ServerHandler for Shop {}
//! # async fn publish() -> Result<(), Box<dyn std::error::Error>> {
//! # let (details, result) = (json!({ "latency_ms": 4 }), json!({ "instances": 3 }));
//! broadcast_global_event(GlobalEvent::system_health("healthy", details)).await?;
//! broadcast_global_event(GlobalEvent::tool_execution("aws_monitor", "session-123", "completed", result)).await?;
//! # Ok(())
//! # }
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! # let mut config = Config::default();
//! # config.listen = "127.0.0.1:0".parse()?;
//! # let server = McpLambdaServer::builder(Shop).config(config).build().await?;
//! # let serving = tokio::spawn(server.clone().serve());
//! # tokio::task::yield_now().await;
//! // An id that no server has issued reaches no session: that is an error here.
//! # let error = publish().await.expect_err("no session has this id").to_string();
//! # assert!(error.contains("session-123"), "{error}");
//! # server.stop();
//! # serving.await??;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

use mcp_lambda_core::events::{self, ToolStatus};
use serde_json::Value;

pub use crate::running::{BroadcastError, broadcast_global_event};

/// The component of an event that names none.
const COMPONENT: &str = "server";

/// Constructors of [`events::GlobalEvent`] with the arguments of that documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GlobalEvent {}

impl GlobalEvent {
    /// The health of the component `server`. [`events::GlobalEvent::system_health`] names another component.
    #[must_use]
    pub fn system_health(status: impl Into<String>, details: Value) -> events::GlobalEvent {
        events::GlobalEvent::system_health(COMPONENT, status, details)
    }

    /// The progress of a tool in a session, which alone receives it. The status is one of `started`, `in_progress` and `completed`,
    /// a [`ToolStatus`], or else the text of an error.
    #[must_use]
    pub fn tool_execution(
        tool: impl Into<String>,
        session: impl Into<String>,
        status: impl Into<ToolStatus>,
        result: impl Into<Option<Value>>,
    ) -> events::GlobalEvent {
        events::GlobalEvent::ToolExecution {
            tool_name: tool.into(),
            session_id: Some(session.into()),
            status: status.into(),
            result: result.into(),
            timestamp: None,
        }
    }
}
