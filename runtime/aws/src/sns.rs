//! A publisher to an SNS topic.

// The SDK client and not a signed HTTP request: signing, credentials, endpoints and connections are linked for DynamoDB
// anyway, so `Publish` adds only its own serialization.

use std::fmt;

use async_trait::async_trait;
use aws_sdk_sns::{
    Client,
    error::{DisplayErrorContext, ProvideErrorMetadata},
    types::MessageAttributeValue,
};

use mcp_lambda_core::{
    events::{PublishError, Publisher, TopicMessage},
    telemetry::trace_context,
};

use crate::{
    TraceHeader,
    sdk::{AwsSdk, LazyClient, SdkConfig},
};

/// The SDK, in the version that this publisher uses.
pub use aws_sdk_sns as sdk;

/// Longest subject of a message, in characters: <https://docs.aws.amazon.com/sns/latest/api/API_Publish.html> (read 2026-11-20).
const MAX_SUBJECT: usize = 100;

/// Publishes events to an SNS topic, with the id and the type of each event as message attributes, and the trace of the call
/// that publishes it: `traceparent`, `tracestate` and `baggage`, if the client sent them.
pub struct SnsPublisher {
    client: LazyClient<Client>,
    topic_arn: String,
}

impl SnsPublisher {
    /// Creates a publisher to the topic with an ARN. It sends no request before the first message.
    #[must_use]
    pub fn new(client: Client, topic_arn: impl Into<String>) -> Self {
        Self { client: LazyClient::Given(client), topic_arn: topic_arn.into() }
    }

    /// Creates a publisher as [`SnsPublisher::new`] does, but creates the client for the first message.
    #[must_use]
    pub fn deferred(aws: AwsSdk, topic_arn: impl Into<String>) -> Self {
        Self { client: LazyClient::deferred(aws, client), topic_arn: topic_arn.into() }
    }
}

fn client(config: &SdkConfig) -> Client {
    let config = aws_sdk_sns::config::Builder::from(config).interceptor(TraceHeader::new());
    Client::from_conf(config.build())
}

impl fmt::Debug for SnsPublisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SnsPublisher").field("topic_arn", &self.topic_arn).finish_non_exhaustive()
    }
}

#[async_trait]
impl Publisher for SnsPublisher {
    async fn publish(&self, message: &TopicMessage) -> Result<String, PublishError> {
        let attributes = [
            ("correlation_id", message.correlation_id.as_str()),
            ("timestamp", message.timestamp.as_str()),
            ("event_type", message.event_type),
            (TopicMessage::EVENT_ID, message.id.as_str()),
        ];
        let mut publish = self
            .client
            .get()
            .await
            .map_err(|error| PublishError::Topic(error.into()))?
            .publish()
            .topic_arn(&self.topic_arn)
            .subject(message.subject.chars().take(MAX_SUBJECT).collect::<String>())
            .message(&message.message);
        let trace = trace_context();
        let trace = trace.iter().flat_map(|trace| trace.fields());
        for (name, value) in attributes.into_iter().chain(trace) {
            let attribute = MessageAttributeValue::builder().data_type("String").string_value(value).build();
            publish = publish
                .message_attributes(name, attribute.map_err(|error| PublishError::Topic(error.into()))?);
        }
        let published = publish.send().await.map_err(|error| {
            let hint = match error.code() {
                Some("NotFound") => " (there is no such topic: check SNS_TOPIC_ARN and the region)",
                Some("AuthorizationError" | "AccessDenied") => {
                    " (the IAM role may not do this: grant it sns:Publish)"
                }
                _ => "",
            };
            let cause = DisplayErrorContext(&error);
            PublishError::Topic(format!("sns:Publish to {} failed{hint}: {cause}", self.topic_arn).into())
        })?;
        Ok(published.message_id.unwrap_or_default())
    }
}
