//! `SnapStart`: Lambda stores an environment before its first invocation, and restores copies of it.
//!
//! The Runtime API's call `restore/next` ends the initialization, and returns in each copy. `lambda_runtime` 1.5 makes the
//! same calls: <https://github.com/aws/aws-lambda-rust-runtime/blob/main/lambda-runtime/src/runtime.rs> (read 2026-11-27).

use std::time::Duration;

use super::{
    error::InvocationError,
    hooks::Hooks,
    runtime_api::{ApiError, Connection},
};
use mcp_lambda_core::{error::Causes, hook::HookError};

/// The time that Lambda gives to an initialization before a snapshot:
/// <https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks-python.html> (read 2026-11-27).
const BEFORE_SNAPSHOT: Duration = Duration::from_secs(130);
/// The time that Lambda gives to a restore, with its hooks (the same page).
const AFTER_RESTORE: Duration = Duration::from_secs(10);

/// Lets Lambda store the environment. Returns in each restored copy. An error has been reported, and ends the process.
pub(super) async fn stored_and_restored(connection: &mut Connection, hooks: &Hooks) -> Result<(), ApiError> {
    for hook in hooks.before_each_snapshot() {
        if let Err(error) = hook.run(BEFORE_SNAPSHOT).await {
            report(connection, "init", &failed("Runtime.InitError", &error)).await;
            return Err(ApiError::Hook(error));
        }
    }
    if let Err(error) = connection.restore_next().await {
        let report_of = InvocationError::new("Runtime.InitError", Causes(&error).to_string());
        report(connection, "init", &report_of).await;
        return Err(error);
    }
    // The connection is one of the environment that was stored.
    connection.close();
    for hook in hooks.after_each_restore() {
        if let Err(error) = hook.run(AFTER_RESTORE).await {
            report(connection, "restore", &failed("Runtime.AfterRestoreError", &error)).await;
            return Err(ApiError::Hook(error));
        }
    }
    connection.open_early().await;
    Ok(())
}

fn failed(kind: &'static str, error: &HookError) -> InvocationError {
    InvocationError::new(kind, Causes(error).to_string())
}

async fn report(connection: &mut Connection, phase: &str, error: &InvocationError) {
    tracing::error!(kind = error.kind, reason = error.message, "the environment cannot start");
    if let Err(error) = connection.fail_phase(phase, error).await {
        tracing::error!(error = %Causes(&error), "the Runtime API did not accept an error");
    }
}
