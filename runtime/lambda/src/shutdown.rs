//! Being told of the end.
//!
//! Lambda sends SIGTERM only to processes with an extension, internal ones too, and then half a second passes until
//! SIGKILL: <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html> (read 2026-11-20).
//!
//! Only an environment that serves several requests at once has use for it. One that serves a single request is taken
//! down between requests, when nothing is open and everything is stored, and registering would cost every cold start
//! a round trip.

use std::future::pending;

use http::HeaderValue;

use super::runtime_api::{Api, ApiError, Connection};
use mcp_lambda_core::{error::Causes, stop_requested};

/// Unique among the extensions of a function.
const NAME: &str = "mcp-lambda-server-shutdown";

/// What the loop starts with.
pub(super) struct Ready {
    /// Open, unless the Runtime API cannot be reached: the first call on it says why.
    pub(super) connection: Connection,
    /// What came of the registration, if there was one.
    pub(super) extension: Option<Result<HeaderValue, ApiError>>,
}

/// Reaches the Runtime API, and registers this process if its end may come while requests are open.
pub(super) async fn prepare(mut connection: Connection, max_concurrency: usize) -> Ready {
    let extension = if max_concurrency > 1 {
        Some(connection.register(NAME).await)
    } else {
        connection.open_early().await;
        None
    };
    Ready { connection, extension }
}

/// Returns when the process is asked to stop. Lambda's initialisation ends only after an extension asked for its first
/// event, so this has to be polled from then on.
pub(super) async fn asked(api: &Api, extension: Option<Result<HeaderValue, ApiError>>) {
    tokio::select! {
        () = stop_requested() => {}
        () = wait(api, extension) => {}
    }
}

async fn wait(api: &Api, extension: Option<Result<HeaderValue, ApiError>>) {
    let ended = match extension {
        Some(Ok(extension)) => api.connection().extension_next(extension).await,
        Some(Err(error)) => Err(error),
        None => Ok(()),
    };
    if let Err(error) = ended {
        tracing::warn!(error = %Causes(&error), "not an extension: the end will come without notice");
    }
    pending::<()>().await;
}
