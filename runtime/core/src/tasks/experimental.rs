//! The experimental tasks of 2025-11-25 on the wire: another protocol than the extension of 2026-07-28, for the same tasks.
//! rmcp has no types for it.
//! <https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/tasks> (read 2026-11-27).

use std::{borrow::Cow, time::Duration};

use rmcp::model::JsonObject;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Task, TaskCursor, TaskId, TaskOutcome, TaskStatus, TaskSupport, wire::POLL_INTERVAL_MS};
use crate::protocol::Fault;

/// The key of `_meta` that names the task of a message.
pub(crate) const RELATED_TASK: &str = "io.modelcontextprotocol/related-task";
/// The method of the notification that a task has changed.
pub(crate) const STATUS: &str = "notifications/tasks/status";

/// What the server declares. `lists` says whether its caller can list tasks.
pub(crate) fn capability(lists: bool) -> Value {
    let mut declared = json!({ "cancel": {}, "requests": { "tools": { "call": {} } } });
    if lists {
        declared["list"] = json!({});
    }
    declared
}

/// The value of a tool's `execution.taskSupport`. `None`: its calls never run as tasks.
pub(crate) fn tool_support(support: TaskSupport) -> Option<&'static str> {
    match support {
        TaskSupport::Optional | TaskSupport::IfSlow(_) => Some("optional"),
        TaskSupport::Required => Some("required"),
        // 2025-11-25 has no rounds that could come before a task.
        TaskSupport::AfterInput => None,
    }
}

/// What a call says about tasks.
#[derive(Deserialize)]
pub(crate) struct CallParams {
    /// The call shall run as a task.
    pub(crate) task: Option<TaskParams>,
}

/// How a call shall run as a task.
#[derive(Deserialize)]
pub(crate) struct TaskParams {
    ttl: Option<f64>,
}

impl TaskParams {
    /// How long the client wants the task to be kept. `None`: it does not ask for a time.
    pub(crate) fn ttl(&self) -> Result<Option<Duration>, Fault> {
        let ttl = self.ttl.map(|millis| Duration::try_from_secs_f64(millis / 1000.0));
        ttl.transpose().map_err(|_| {
            Fault::invalid_params(
                "params.task.ttl is a number of milliseconds, from the creation of the task on",
            )
        })
    }
}

/// The parameters of `tasks/get`, `tasks/result` and `tasks/cancel`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct IdParams {
    pub(crate) task_id: String,
}

/// The parameters of `tasks/list`.
#[derive(Deserialize)]
pub(crate) struct ListParams {
    pub(crate) cursor: Option<String>,
}

/// A task as its client reads it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExperimentalTask<'a> {
    task_id: &'a str,
    status: TaskStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_message: Option<Cow<'a, str>>,
    created_at: String,
    last_updated_at: String,
    ttl: u64,
    poll_interval: u64,
}

/// A task as its client reads it. Here a result with `isError` is a failure of its task.
pub(crate) fn task(task: &Task) -> Value {
    let message = task.state.message().map(Cow::Borrowed);
    let (status, message) = match task.state.outcome() {
        Some(TaskOutcome::Completed(result)) if result.get("isError") == Some(&Value::Bool(true)) => (
            TaskStatus::Failed,
            message.or(Some("the tool has failed: tasks/result returns its error".into())),
        ),
        _ => (task.status(), message),
    };
    json!(ExperimentalTask {
        task_id: task.id.as_str(),
        status,
        status_message: message,
        created_at: task.created_at.to_rfc3339(),
        last_updated_at: task.state.updated_at().to_rfc3339(),
        ttl: u64::try_from(task.ttl().as_millis()).unwrap_or(u64::MAX),
        poll_interval: POLL_INTERVAL_MS,
    })
}

/// The result of a call that runs as a task.
pub(crate) fn created(created: &Task) -> Value {
    json!({ "task": task(created), "_meta": { RELATED_TASK: related(&created.id) } })
}

/// The result of `tasks/list`.
pub(crate) fn page(tasks: &[Task], next: Option<&TaskCursor>) -> Value {
    let mut page = json!({ "tasks": tasks.iter().map(task).collect::<Vec<_>>() });
    if let Some(next) = next {
        page["nextCursor"] = next.to_string().into();
    }
    page
}

/// The value of [`RELATED_TASK`].
pub(crate) fn related(id: &TaskId) -> Value {
    json!({ "taskId": id.as_str() })
}

/// The result of a tool, as `tasks/result` returns it: what the call would have returned, and the task that it is of.
pub(crate) fn result(id: &TaskId, of_tool: &JsonObject) -> Value {
    let mut result = of_tool.clone();
    // Of later revisions.
    result.shift_remove("resultType");
    if result.get("structuredContent").is_some_and(|content| !content.is_object()) {
        result.shift_remove("structuredContent");
    }
    let mut result = Value::Object(result);
    if !result["_meta"].is_object() {
        result["_meta"] = json!({});
    }
    result["_meta"][RELATED_TASK] = related(id);
    result
}
