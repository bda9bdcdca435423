//! A task as clients of 2026-07-28 read it.
//! <https://github.com/modelcontextprotocol/ext-tasks/blob/main/specification/draft/tasks.md> (read 2026-11-27).

use rmcp::{
    ErrorData,
    model::{DetailedTask, InputRequests, Task as WireTask, TaskPayload},
};

use super::{Task, TaskOutcome};

/// How often a client should ask for a task, in milliseconds.
pub(super) const POLL_INTERVAL_MS: u64 = 1_000;

/// The part of a task that a client reads in every status.
pub(crate) fn described(task: &Task) -> WireTask {
    let (created, updated) = (task.created_at.to_rfc3339(), task.state.updated_at().to_rfc3339());
    let ttl = u64::try_from(task.ttl().as_millis()).unwrap_or(u64::MAX);
    let mut described = WireTask::new(task.id.as_str(), task.status(), created, updated)
        .with_ttl_ms(ttl)
        .with_poll_interval_ms(POLL_INTERVAL_MS);
    described.status_message = task.state.message().map(str::to_owned);
    described
}

/// The task with what its status adds: the questions, the result or the error.
pub(crate) fn detailed(task: &Task) -> Result<DetailedTask, ErrorData> {
    let unreadable =
        |error: serde_json::Error| ErrorData::internal_error(format!("a stored task: {error}"), None);
    let payload = match task.state.outcome() {
        Some(TaskOutcome::Completed(result)) => TaskPayload::Completed { result: result.clone() },
        Some(TaskOutcome::Failed(error)) => {
            let error = serde_json::to_value(error).map_err(unreadable)?;
            TaskPayload::Failed { error: error.as_object().cloned().unwrap_or_default() }
        }
        Some(TaskOutcome::Cancelled) => TaskPayload::Cancelled,
        None => {
            let open = task.state.open_inputs().map(|(key, request)| {
                Ok((key.to_owned(), serde_json::from_value(request.clone()).map_err(unreadable)?))
            });
            let open = open.collect::<Result<InputRequests, ErrorData>>()?;
            if open.is_empty() {
                TaskPayload::Working
            } else {
                TaskPayload::InputRequired { input_requests: open }
            }
        }
    };
    Ok(DetailedTask::new(described(task), payload))
}
