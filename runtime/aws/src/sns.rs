//! The SNS topic that announcements go to.
//!
//! With the SDK and not a signed request of our own: signing, credentials, endpoints and connections are linked for
//! DynamoDB anyway, so what `Publish` adds is its own serialisation.

use async_trait::async_trait;
use aws_sdk_sns::{
    Client,
    error::{DisplayErrorContext, ProvideErrorMetadata},
    types::MessageAttributeValue,
};

use mcp_lambda_core::events::{PublishError, Publisher, TopicMessage};

use crate::sdk::{AwsSdk, LazyClient};

/// The SDK, in the version this announcer uses.
pub use aws_sdk_sns as sdk;

/// SNS takes subjects of 100 characters: <https://docs.aws.amazon.com/sns/latest/api/API_Publish.html> (read 2026-11-20).
const LONGEST_SUBJECT: usize = 100;

/// Publishes to one topic.
pub struct SnsPublisher {
    client: LazyClient<Client>,
    topic_arn: String,
}

impl SnsPublisher {
    /// Publishes to this topic. Nothing is asked of SNS until there is something to announce.
    #[must_use]
    pub fn new(client: Client, topic_arn: impl Into<String>) -> Self {
        Self { client: LazyClient::Given(client), topic_arn: topic_arn.into() }
    }

    /// The same with a client that is made with the first message.
    pub fn deferred(aws: AwsSdk, topic_arn: impl Into<String>) -> Self {
        Self { client: LazyClient::deferred(aws, |config| Client::new(config)), topic_arn: topic_arn.into() }
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
            .subject(message.subject.chars().take(LONGEST_SUBJECT).collect::<String>())
            .message(&message.message);
        for (name, value) in attributes {
            let attribute = MessageAttributeValue::builder().data_type("String").string_value(value).build();
            publish = publish
                .message_attributes(name, attribute.map_err(|error| PublishError::Topic(error.into()))?);
        }
        let published = publish.send().await.map_err(|error| {
            let hint = match error.code() {
                Some("NotFound") => " (there is no such topic: check SNS_TOPIC_ARN and the region)",
                Some("AuthorizationError" | "AccessDenied") => " (the role may not: grant it sns:Publish)",
                _ => "",
            };
            let cause = DisplayErrorContext(&error);
            PublishError::Topic(format!("sns:Publish to {} failed{hint}: {cause}", self.topic_arn).into())
        })?;
        Ok(published.message_id.unwrap_or_default())
    }
}
