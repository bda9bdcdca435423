//! Being told of the end.
//!
//! Lambda sends SIGTERM only to processes with an extension, internal ones too, and then half a second passes until
//! SIGKILL: <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html> (read 2026-11-20).

use std::future::pending;

use http::HeaderValue;

use super::api::{Api, ApiError, Connection};
use crate::local;

/// Unique among the extensions of a function.
const NAME: &str = "mcp-lambda-server-shutdown";

/// What came of the registration, and the connection it was made on.
pub(super) struct Registered {
    pub(super) connection: Connection,
    pub(super) extension: Result<HeaderValue, ApiError>,
}

/// Registers this process.
pub(super) async fn register(mut connection: Connection) -> Registered {
    let extension = connection.register(NAME).await;
    Registered { connection, extension }
}

/// Returns when the process is asked to stop. Lambda's initialisation ends only after the extension asked for its
/// first event, so this has to be polled from then on.
pub(super) async fn asked(api: &Api, extension: Result<HeaderValue, ApiError>) {
    tokio::select! {
        () = local::stop_signal() => {}
        () = wait(api, extension) => {}
    }
}

async fn wait(api: &Api, extension: Result<HeaderValue, ApiError>) {
    let ended = match extension {
        Ok(extension) => api.connection().extension_next(extension).await,
        Err(error) => Err(error),
    };
    if let Err(error) = ended {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(error, "not an extension: the end will come without notice");
    }
    pending::<()>().await;
}
