//! Being told of the end.
//!
//! Lambda sends SIGTERM only to processes with an extension, internal ones too, and then half a second passes until
//! SIGKILL: <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html> (read 2026-11-20).

use std::future::{Future, pending};

use super::api::Api;
use crate::local;

/// Unique among the extensions of a function.
const NAME: &str = "mcp-lambda-server-shutdown";

/// Registers this process and returns what resolves when it is asked to stop. Lambda's initialisation ends only after
/// the extension asked for its first event, so the result has to be polled from then on.
pub(super) async fn registered(api: &Api) -> impl Future<Output = ()> + use<> {
    let mut connection = api.connection();
    let registered = connection.register(NAME).await;
    async move {
        let wait = async move {
            match registered {
                Ok(extension) => {
                    if let Err(error) = connection.extension_next(extension).await {
                        tracing::debug!(error = &error as &dyn std::error::Error, "no longer an extension");
                    }
                }
                Err(error) => tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "not registered as an extension: the end will come without notice"
                ),
            }
            pending::<()>().await;
        };
        tokio::select! {
            () = local::stop_signal() => {}
            () = wait => {}
        }
    }
}
