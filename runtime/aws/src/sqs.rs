//! A queue of tasks in SQS.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use aws_sdk_sqs::{
    Client,
    config::timeout::TimeoutConfig,
    error::{DisplayErrorContext, ProvideErrorMetadata},
    types::{MessageAttributeValue, MessageSystemAttributeNameForSends, MessageSystemAttributeValue},
};

use mcp_lambda_core::{
    tasks::{QueueError, ReceivedMessage, TaskMessage, TaskQueue},
    telemetry::{trace_context, trace_header},
};

use crate::{
    TraceHeader,
    sdk::{AwsSdk, LazyClient, SdkConfig},
};

/// The SDK, in the version that this queue uses.
pub use aws_sdk_sqs as sdk;

/// The longest delay of a message:
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html> (read 2026-11-27).
const LONGEST_DELAY: Duration = Duration::from_secs(900);
/// The longest time for which a request waits for a message, and the most messages that it returns:
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html> (read 2026-11-27).
const LONG_POLL: Duration = Duration::from_secs(20);
const MOST_RECEIVED: usize = 10;
/// The time by which a request may take longer than it waits.
const GRACE: Duration = Duration::from_secs(5);

/// A standard queue of SQS, in which tasks wait for workers. The messages of one principal are one message group, so that a
/// principal with many tasks does not keep those of others waiting:
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html> (read 2026-11-27).
/// A message has the trace of the call that sends it: `traceparent`, `tracestate` and `baggage`, if the client sent them.
pub struct SqsQueue {
    client: LazyClient<Client>,
    url: String,
}

impl SqsQueue {
    /// Creates the queue with a URL. It sends no request before the first message.
    #[must_use]
    pub fn new(client: Client, url: impl Into<String>) -> Self {
        Self { client: LazyClient::Given(client), url: url.into() }
    }

    /// Creates the queue as [`SqsQueue::new`] does, but creates the client for the first message.
    #[must_use]
    pub fn deferred(aws: AwsSdk, url: impl Into<String>) -> Self {
        Self { client: LazyClient::deferred(aws, client), url: url.into() }
    }

    async fn client(&self) -> Result<&Client, QueueError> {
        self.client.get().await.map_err(QueueError::new)
    }

    fn failed<E>(&self, action: &str, error: &E) -> QueueError
    where
        E: ProvideErrorMetadata + std::error::Error,
    {
        let hint = match error.code() {
            Some("AWS.SimpleQueueService.NonExistentQueue" | "QueueDoesNotExist") => {
                " (there is no such queue: check TASK_QUEUE_URL and the region)"
            }
            Some("AccessDenied" | "AccessDeniedException") => {
                " (the IAM role may not do this: grant it on the queue)"
            }
            _ => "",
        };
        let cause = DisplayErrorContext(error);
        QueueError::new(format!("sqs:{action} on {} failed{hint}: {cause}", self.url))
    }
}

fn client(config: &SdkConfig) -> Client {
    let config = aws_sdk_sqs::config::Builder::from(config).interceptor(TraceHeader::new());
    Client::from_conf(config.build())
}

impl fmt::Debug for SqsQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqsQueue").field("url", &self.url).finish_non_exhaustive()
    }
}

#[async_trait]
impl TaskQueue for SqsQueue {
    async fn send(&self, message: &TaskMessage) -> Result<(), QueueError> {
        let delay = seconds(message.delay.min(LONGEST_DELAY));
        let mut send = self
            .client()
            .await?
            .send_message()
            .queue_url(&self.url)
            .message_body(message.body())
            .set_message_group_id(message.group.clone());
        if delay > 0 {
            send = send.delay_seconds(delay);
        }
        let trace = trace_context();
        for (name, value) in trace.iter().flat_map(|trace| trace.fields()) {
            let attribute = MessageAttributeValue::builder().data_type("String").string_value(value).build();
            send = send.message_attributes(name, attribute.map_err(QueueError::new)?);
        }
        if let Some(header) = trace_header().as_ref().and_then(|header| header.to_str().ok()) {
            let attribute =
                MessageSystemAttributeValue::builder().data_type("String").string_value(header).build();
            send = send.message_system_attributes(
                MessageSystemAttributeNameForSends::AwsTraceHeader,
                attribute.map_err(QueueError::new)?,
            );
        }
        send.send().await.map_err(|error| self.failed("SendMessage", &error))?;
        Ok(())
    }

    async fn receive(&self, most: usize, hidden: Duration) -> Result<Vec<ReceivedMessage>, QueueError> {
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(LONG_POLL + GRACE)
            .operation_timeout(LONG_POLL + 2 * GRACE)
            .build();
        let received = self
            .client()
            .await?
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(i32::try_from(most.min(MOST_RECEIVED)).unwrap_or(1))
            .wait_time_seconds(seconds(LONG_POLL))
            .visibility_timeout(seconds(hidden))
            .customize()
            .config_override(aws_sdk_sqs::config::Builder::new().timeout_config(timeouts))
            .send()
            .await
            .map_err(|error| self.failed("ReceiveMessage", &error))?;
        let messages = received.messages.unwrap_or_default().into_iter();
        Ok(messages
            .map(|message| {
                let (body, receipt) = (message.body, message.receipt_handle);
                ReceivedMessage::new(body.unwrap_or_default(), receipt.unwrap_or_default())
            })
            .collect())
    }

    async fn hide(&self, receipt: &str, hidden: Duration) -> Result<(), QueueError> {
        let change = self.client().await?.change_message_visibility().queue_url(&self.url);
        let changed = change.receipt_handle(receipt).visibility_timeout(seconds(hidden)).send().await;
        changed.map(drop).map_err(|error| self.failed("ChangeMessageVisibility", &error))
    }

    async fn delete(&self, receipt: &str) -> Result<(), QueueError> {
        let delete = self.client().await?.delete_message().queue_url(&self.url).receipt_handle(receipt);
        delete.send().await.map(drop).map_err(|error| self.failed("DeleteMessage", &error))
    }
}

/// Whole seconds, up to the twelve hours for which SQS hides a message.
fn seconds(time: Duration) -> i32 {
    const LONGEST: u64 = 12 * 60 * 60;
    let whole = time.as_secs() + u64::from(time.subsec_nanos() > 0);
    i32::try_from(whole.min(LONGEST)).unwrap_or(i32::MAX)
}
