//! A queue of tasks in SQS.

use std::fmt;

use async_trait::async_trait;
use aws_sdk_sqs::{
    Client,
    error::{DisplayErrorContext, ProvideErrorMetadata},
    types::{MessageAttributeValue, MessageSystemAttributeNameForSends, MessageSystemAttributeValue},
};

use mcp_lambda_core::{
    tasks::{QueueError, TaskMessage, TaskQueue},
    telemetry::{trace_context, trace_header},
};

use crate::{
    TraceHeader,
    sdk::{AwsSdk, LazyClient, SdkConfig},
};

/// The SDK, in the version that this queue uses.
pub use aws_sdk_sqs as sdk;

/// The longest delay of a message, in seconds, and the longest group id:
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html> (read 2026-11-27).
const LONGEST_DELAY: u64 = 900;

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
        let delay = message.delay.as_secs() + u64::from(message.delay.subsec_nanos() > 0);
        let mut send = self
            .client()
            .await?
            .send_message()
            .queue_url(&self.url)
            .message_body(message.body())
            .set_message_group_id(message.group.clone());
        if delay > 0 {
            send = send.delay_seconds(i32::try_from(delay.min(LONGEST_DELAY)).unwrap_or_default());
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
}
