//! How a tool ends an attempt of its task without an outcome.

use std::time::Duration;

use rmcp::ErrorData;
use serde_json::json;

/// Member of the data of an error that is a [`Continue`].
const MARK: &str = "io.mcp-lambda-server/continue";

/// The end of an attempt, but not of the task. A tool returns it as its error, and runs again later, from its last checkpoint and
/// perhaps in another environment. Nothing is billed meanwhile.
///
/// ```
/// use std::time::Duration;
///
/// use mcp_lambda_core::{rmcp::ErrorData, tasks::Continue};
///
/// fn not_ready() -> Result<String, ErrorData> {
///     Err(Continue::later(Duration::from_secs(600)).into())
/// }
/// # assert!(not_ready().is_err());
/// ```
///
/// A call that runs inline has no later: its client gets an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Continue {
    after: Option<Duration>,
}

impl Continue {
    /// The tool runs again after a pause, which may be longer than any invocation. A task that expires before is over.
    #[must_use]
    pub fn later(after: Duration) -> Self {
        Self { after: Some(after) }
    }

    /// The tool runs again when a question of the task is answered, by its client or by another system. Until then another system
    /// may also end the task, with a result or an error.
    #[must_use]
    pub fn after_update() -> Self {
        Self { after: None }
    }

    /// The pause. `None`: until an update.
    #[must_use]
    pub fn pause(&self) -> Option<Duration> {
        self.after
    }

    /// Reads the error of a tool.
    pub(crate) fn of(error: &ErrorData) -> Option<Self> {
        let millis = error.data.as_ref()?.get(MARK)?;
        Some(Self { after: millis.as_u64().map(Duration::from_millis) })
    }
}

impl From<Continue> for ErrorData {
    fn from(value: Continue) -> Self {
        let millis = value.after.map(|after| u64::try_from(after.as_millis()).unwrap_or(u64::MAX));
        let text =
            "this call goes on later, which only a call that runs as a task can: declare the tasks extension";
        Self::internal_error(text, Some(json!({ MARK: millis })))
    }
}
