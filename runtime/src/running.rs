//! The server that this process serves, for code that has no handle of it.
//!
//! This is the one state of the process that belongs to no server: [`broadcast_global_event`] is a free function, as in
//! lambda-turul-mcp-server. Code that has a `Server` or a request finds its [`Events`] there.

use std::{
    error::Error,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use mcp_lambda_core::events::{Appended, Events, GlobalEvent, PublishError};

static RUNNING: Mutex<Vec<(u64, Events)>> = Mutex::new(Vec::new());

/// Why [`broadcast_global_event`] has published nothing.
#[derive(Debug)]
#[non_exhaustive]
pub enum BroadcastError {
    /// This process serves no server at the moment.
    NotRunning,
    /// The event was not published.
    Publish(PublishError),
}

impl fmt::Display for BroadcastError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRunning => f.write_str(
                "no server runs in this process: events are published while Server::serve or McpLambdaServer::run serves one",
            ),
            Self::Publish(error) => error.fmt(f),
        }
    }
}

impl Error for BroadcastError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::NotRunning => None,
            Self::Publish(error) => error.source(),
        }
    }
}

/// Publishes a global event to the session that it names, or else to every stream, as
/// [`Events::broadcast_global_event`] does, with the server that this process serves. Of several, it is the one that was started last.
///
/// ```
/// use mcp_lambda_server::{GlobalEvent, McpLambdaServer, events::broadcast_global_event};
/// use serde_json::json;
/// # use mcp_lambda_server::{Config, rmcp::ServerHandler};
/// # struct Shop;
/// # impl ServerHandler for Shop {}
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let mut config = Config::default();
/// # config.listen = "127.0.0.1:0".parse()?;
/// let event = GlobalEvent::system_health("database", "healthy", json!({ "latency_ms": 4 }));
/// assert!(broadcast_global_event(event.clone()).await.is_err(), "nothing runs yet");
///
/// let server = McpLambdaServer::builder(Shop)
/// #   .config(config)
///     .build().await?;
/// let serving = tokio::spawn(server.clone().serve());
/// # tokio::task::yield_now().await;
/// broadcast_global_event(event).await?;
/// # server.stop();
/// # serving.await??;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`BroadcastError::NotRunning`] if this process serves no server; [`BroadcastError::Publish`] as
/// [`Events::broadcast_global_event`].
pub async fn broadcast_global_event(event: GlobalEvent) -> Result<Appended, BroadcastError> {
    let events = running().last().map(|(_, events)| events.clone());
    let events = events.ok_or(BroadcastError::NotRunning)?;
    events.broadcast_global_event(event).await.map_err(BroadcastError::Publish)
}

/// A server that is served, until this is dropped.
pub(crate) struct Running(u64);

impl Running {
    pub(crate) fn new(events: &Events) -> Self {
        let mut running = running();
        let id = running.last().map_or(0, |(last, _)| last + 1);
        running.push((id, events.clone()));
        Self(id)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        running().retain(|(id, _)| *id != self.0);
    }
}

fn running() -> MutexGuard<'static, Vec<(u64, Events)>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}
