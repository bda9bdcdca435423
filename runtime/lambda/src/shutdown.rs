//! The shutdown of an environment.
//!
//! Lambda sends SIGTERM only to environments with an extension, which may be an internal one, and SIGKILL half a second
//! later: <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html> (read 2026-11-20).
//!
//! An environment registers as an extension if it serves several requests at once, or if the program has a hook for its end.
//! Any other environment is stopped between requests, when everything is stored; registering would add a round trip to every
//! cold start.

use std::future::pending;

use http::HeaderValue;

use super::runtime_api::{Api, ApiError, Connection};
use mcp_lambda_core::{error::Causes, stop_requested};

/// The name of the internal extension; it must be unique among the extensions of a function.
const NAME: &str = "mcp-lambda-server-shutdown";

/// A connection to the Runtime API, and the registration.
pub(super) struct Connected {
    /// The connection. If it could not be opened, the first call on it returns the error.
    pub(super) connection: Connection,
    /// The id of the extension, or the error of its registration. `None` if it was not registered.
    pub(super) extension: Option<Result<HeaderValue, ApiError>>,
}

/// Connects to the Runtime API, and registers an extension if the environment is to be told of its end.
pub(super) async fn connect(mut connection: Connection, registers: bool) -> Connected {
    let extension = if registers {
        Some(connection.register(NAME).await)
    } else {
        connection.open_early().await;
        None
    };
    Connected { connection, extension }
}

/// Returns on SIGTERM. Lambda ends the initialization of an environment only after its extensions have asked for their first
/// event, so this future must be polled from the start.
pub(super) async fn requested(api: &Api, extension: Option<Result<HeaderValue, ApiError>>) {
    tokio::select! {
        () = stop_requested() => {}
        () = await_extension_event(api, extension) => {}
    }
}

/// Asks for the extension's next event, which never comes: the extension has registered for none.
async fn await_extension_event(api: &Api, extension: Option<Result<HeaderValue, ApiError>>) {
    let ended = match extension {
        Some(Ok(extension)) => api.connection().extension_next(extension).await,
        Some(Err(error)) => Err(error),
        None => Ok(()),
    };
    if let Err(error) = ended {
        tracing::warn!(error = %Causes(&error), "the extension is not registered: the environment will be stopped without SIGTERM");
    }
    pending::<()>().await;
}
