//! The functions of a program that run outside of requests.

use mcp_lambda_core::hook::Hook;

/// The time of the hook that runs when a server on a local address has ended. Those who stop a process give it ten seconds,
/// of which open requests may take eight (`MCP_STOP_SECONDS`).
const LOCAL_SHUTDOWN: std::time::Duration = std::time::Duration::from_secs(1);

/// The hooks of a program.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hooks {
    pub(crate) on_shutdown: Option<Hook>,
    #[cfg(feature = "lambda")]
    pub(crate) lambda: mcp_lambda_runtime::Hooks,
}

impl Hooks {
    pub(crate) fn set_on_shutdown(&mut self, hook: Hook) {
        #[cfg(feature = "lambda")]
        self.lambda.on_shutdown(hook.clone());
        self.on_shutdown = Some(hook);
    }

    /// Runs what ends a process that has served a local address.
    pub(crate) async fn ended_locally(&self) {
        if let Some(hook) = &self.on_shutdown {
            hook.run_logged(LOCAL_SHUTDOWN).await;
        }
    }
}
