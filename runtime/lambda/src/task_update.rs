//! Updates of tasks by other systems, which finish or feed them: a direct invocation with `"action":"update-task"`, or an
//! EventBridge event with the detail type [`DETAIL_TYPE`].

use mcp_lambda_core::{
    rmcp::{ErrorData, model::CallToolResult},
    tasks::{ExternalUpdate, TaskId, TaskOutcome},
};
use serde::Deserialize;
use serde_json::{Map, Value};

/// The detail type of EventBridge events that update a task.
pub(super) const DETAIL_TYPE: &str = "MCP Task Update";

/// An update, and the task that it is for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TaskUpdate {
    pub(super) task: TaskId,
    pub(super) update: ExternalUpdate,
}

/// Why an update is not one. It is in the words of the system that sends it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidUpdate {
    /// A field has a value of another type.
    #[error("the update of a task cannot be read: {0}")]
    Field(String),
    /// The id is not one.
    #[error("taskId is not the id of a task: expected 32 lower-case hexadecimal digits")]
    Id,
    /// Nothing is updated, or too much at once.
    #[error("expected exactly one of inputResponses, result, error and statusMessage, and found {0}")]
    Count(usize),
    /// The result is not that of a tool.
    #[error("result is not a result of a tool (CallToolResult): {0}")]
    Result(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    task_id: String,
    #[serde(default)]
    input_responses: Option<Map<String, Value>>,
    #[serde(default)]
    result: Option<Map<String, Value>>,
    #[serde(default)]
    error: Option<ErrorData>,
    #[serde(default)]
    status_message: Option<String>,
}

impl TaskUpdate {
    /// Reads the fields of an update: those of a direct invocation, or the detail of an EventBridge event.
    pub(super) fn read(fields: &str) -> Result<Self, InvalidUpdate> {
        let fields: Fields =
            serde_json::from_str(fields).map_err(|error| InvalidUpdate::Field(error.to_string()))?;
        let task = fields.task_id.parse().map_err(|_| InvalidUpdate::Id)?;
        let mut updates = Vec::new();
        if let Some(responses) = fields.input_responses {
            updates.push(ExternalUpdate::Answers(responses.into_iter().collect()));
        }
        if let Some(result) = fields.result {
            // Kept as it was sent: a field that this version does not know may be of use to the client.
            CallToolResult::deserialize(&Value::Object(result.clone()))
                .map_err(|error| InvalidUpdate::Result(error.to_string()))?;
            updates.push(ExternalUpdate::Outcome(TaskOutcome::Completed(result)));
        }
        if let Some(error) = fields.error {
            updates.push(ExternalUpdate::Outcome(TaskOutcome::Failed(error)));
        }
        if let Some(message) = fields.status_message {
            updates.push(ExternalUpdate::Message(message));
        }
        let count = updates.len();
        match (updates.pop(), count) {
            (Some(update), 1) => Ok(Self { task, update }),
            _ => Err(InvalidUpdate::Count(count)),
        }
    }

    /// Reads the detail of an EventBridge event.
    pub(super) fn of_event_bridge(event: &str) -> Result<Self, InvalidUpdate> {
        #[derive(Deserialize)]
        struct Event<'a> {
            #[serde(borrow)]
            detail: &'a serde_json::value::RawValue,
        }
        let event: Event<'_> =
            serde_json::from_str(event).map_err(|error| InvalidUpdate::Field(error.to_string()))?;
        Self::read(event.detail.get())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef";

    fn read(mut fields: Value) -> Result<ExternalUpdate, String> {
        fields["taskId"] = ID.into();
        TaskUpdate::read(&fields.to_string()).map(|read| read.update).map_err(|error| error.to_string())
    }

    #[test]
    fn each_update_is_read_alone() {
        let answers = read(json!({ "inputResponses": { "name": { "action": "accept" } } }));
        assert_eq!(
            answers,
            Ok(ExternalUpdate::Answers(vec![("name".into(), json!({ "action": "accept" }))]))
        );
        let result = json!({ "content": [{ "type": "text", "text": "done" }], "own": 1 });
        let completed = TaskOutcome::Completed(result.as_object().cloned().unwrap_or_default());
        assert_eq!(read(json!({ "result": result })), Ok(ExternalUpdate::Outcome(completed)));
        let failed = read(json!({ "error": { "code": -32000, "message": "rejected" } }));
        assert!(
            matches!(&failed, Ok(ExternalUpdate::Outcome(TaskOutcome::Failed(error))) if error.message == "rejected"),
            "{failed:?}"
        );
        assert_eq!(
            read(json!({ "statusMessage": "waits for Ada" })),
            Ok(ExternalUpdate::Message("waits for Ada".into()))
        );
    }

    #[test]
    fn what_is_no_update_says_what_was_expected() {
        for (fields, text) in [
            (
                json!({}),
                "expected exactly one of inputResponses, result, error and statusMessage, and found 0",
            ),
            (json!({ "statusMessage": "a", "result": { "content": [] } }), "and found 2"),
            (json!({ "result": { "content": "text" } }), "result is not a result of a tool"),
            (json!({ "result": "text" }), "cannot be read"),
            (json!({ "error": "text" }), "cannot be read"),
            (json!({ "inputResponses": [1] }), "cannot be read"),
        ] {
            let error = read(fields.clone()).expect_err("refused");
            assert!(error.contains(text), "{fields}: {error}");
        }
        let without_id = TaskUpdate::read(r#"{"statusMessage":"a"}"#).expect_err("refused").to_string();
        assert!(without_id.contains("taskId"), "{without_id}");
        assert_eq!(TaskUpdate::read(r#"{"taskId":"one","statusMessage":"a"}"#), Err(InvalidUpdate::Id));
    }
}
