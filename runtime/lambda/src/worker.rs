//! SQS deliveries: each record names a task, which is run until it ends.
//!
//! Shapes: <https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html>,
//! <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html> (read 2026-11-27).

use std::{borrow::Cow, time::Duration};

use bytes::Bytes;
use futures::{FutureExt, future::join_all};
use serde::Deserialize;
use serde_json::{Value, json};

use mcp_lambda_core::{
    QueueWorker,
    error::Causes,
    tasks::{TaskId, TaskMessage},
    time::Deadline,
};

use super::error::InvocationError;

/// The time before the deadline of an invocation in which a task is given back and its next message is sent.
const HAND_OVER: Duration = Duration::from_secs(5);

/// One record of a delivery.
#[derive(Debug)]
pub(super) struct Record {
    message_id: String,
    /// `None`: the message names no task.
    task: Option<TaskId>,
}

#[derive(Deserialize)]
struct Delivery<'a> {
    #[serde(borrow, rename = "Records")]
    records: Vec<Message<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message<'a> {
    message_id: String,
    #[serde(borrow, default)]
    body: Cow<'a, str>,
}

/// Reads an SQS invocation. A message that names no task fails by itself, and is moved to the dead-letter queue.
pub(super) fn records(event: &str) -> Result<Vec<Record>, InvocationError> {
    let delivery: Delivery<'_> = serde_json::from_str(event).map_err(|error| {
        InvocationError::new("InvalidEvent", format!("the SQS event cannot be read: {error}"))
    })?;
    let record = |message: Message<'_>| Record {
        task: TaskMessage::task_of(&message.body).ok(),
        message_id: message.message_id,
    };
    Ok(delivery.records.into_iter().map(record).collect())
}

/// Runs the tasks of a delivery, as many at a time as the process may, and returns the records that SQS has to deliver again:
/// `ReportBatchItemFailures`.
pub(super) async fn work(worker: &QueueWorker, records: Vec<Record>, deadline: Deadline) -> Bytes {
    let deadline = deadline.minus(HAND_OVER.min(deadline.remaining() / 4));
    let served = records.into_iter().map(|record| serve(worker, record, deadline).boxed());
    let failed = join_all(served).await.into_iter().flatten();
    let failures: Vec<Value> = failed.map(|id| json!({ "itemIdentifier": id })).collect();
    json!({ "batchItemFailures": failures }).to_string().into()
}

/// Returns the id of the message if it has to be delivered again.
async fn serve(worker: &QueueWorker, record: Record, deadline: Deadline) -> Option<String> {
    let Record { message_id, task } = record;
    let Some(task) = task else {
        tracing::error!(message_id, r#"a message names no task: expected {{"task":"<id of a task>"}}"#);
        return Some(message_id);
    };
    match worker.deliver(&task, deadline).await {
        Ok(()) => None,
        Err(error) => {
            tracing::error!(message_id, %task, error = %Causes(&error), "a message of a task is to be delivered again");
            Some(message_id)
        }
    }
}
