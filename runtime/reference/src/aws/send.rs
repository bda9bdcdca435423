//! `sns_publish` and `sqs_send_message`: messages to topics and queues that the deployment allows.

use std::collections::BTreeMap;

use mcp_lambda_aws::signed::Service;
use rmcp::{
    Json, RoleServer,
    handler::server::wrapper::Parameters,
    model::CallToolResult,
    schemars::{self, JsonSchema},
    service::RequestContext,
    tool, tool_router,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Action, Form, Input, icon, in_time, resources::Resource, xml};
use crate::{server::Reference, tools::refused};

const SNS: Service = Service { id: "SNS", name: "sns" };
const SQS: Service = Service { id: "SQS", name: "sqs" };
/// The largest message, with its attributes: <https://docs.aws.amazon.com/sns/latest/api/API_Publish.html> (read 2026-11-28).
const LARGEST_MESSAGE: usize = 256 * 1024;
const LONGEST_SUBJECT: usize = 99;
const MOST_ATTRIBUTES: usize = 10;

#[derive(Deserialize, JsonSchema)]
struct Publish {
    /// The topic: its name, or its ARN.
    #[schemars(length(min = 1, max = 1024))]
    topic: String,
    #[serde(flatten)]
    message: Message,
    /// The subject, which subscribers by email see: printable ASCII.
    #[serde(default)]
    #[schemars(length(min = 1, max = 99))]
    subject: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
struct SendMessage {
    /// The queue: its name, or its ARN.
    #[schemars(length(min = 1, max = 1024))]
    queue: String,
    #[serde(flatten)]
    message: Message,
    /// The time for which the message stays hidden, in seconds. Not for a FIFO queue.
    #[serde(default)]
    #[schemars(range(min = 0, max = 900))]
    delay_seconds: u32,
}

/// What topics and queues have in common.
#[derive(Deserialize, JsonSchema)]
struct Message {
    /// The text of the message.
    #[schemars(length(min = 1, max = 262_144))]
    message: String,
    /// Attributes of the message: texts by name, 10 at most.
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    /// The message group, which a FIFO topic or queue needs.
    #[serde(default)]
    #[schemars(length(min = 1, max = 128))]
    group_id: Option<String>,
    /// The id by which a FIFO topic or queue drops a repeated message. Without one it needs deduplication by content.
    #[serde(default)]
    #[schemars(length(min = 1, max = 128))]
    deduplication_id: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct Sent {
    /// The ARN of the topic or the queue.
    arn: String,
    /// The id that AWS gave the message.
    message_id: String,
    /// The number of the message in a FIFO topic or queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    sequence_number: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SqsResponse {
    message_id: String,
    sequence_number: Option<String>,
}

#[tool_router(router = message_tools, vis = "pub(crate)")]
impl Reference {
    #[tool(
        title = "Publish to an SNS topic",
        description = "Publishes a message to an SNS topic: all its subscribers get it. Only topics that the deployment \
                       allows; call it with any name to learn which.",
        icons = icon("M3 10v4l12 6V4zm12 0c4 0 4 4 0 4M6 16v4"),
        annotations(read_only_hint = false, destructive_hint = false, idempotent_hint = false, open_world_hint = true)
    )]
    async fn sns_publish(
        &self,
        Parameters(publish): Parameters<Publish>,
        context: RequestContext<RoleServer>,
    ) -> Result<Json<Sent>, CallToolResult> {
        in_time(&context, self.publish(&publish)).await.map(Json).map_err(refused)
    }

    #[tool(
        title = "Send a message to an SQS queue",
        description = "Sends a message to an SQS queue. Only queues that the deployment allows; call it with any name to \
                       learn which.",
        icons = icon("M3 6h18v12H3zl9 7 9-7"),
        annotations(read_only_hint = false, destructive_hint = false, idempotent_hint = false, open_world_hint = true)
    )]
    async fn sqs_send_message(
        &self,
        Parameters(send): Parameters<SendMessage>,
        context: RequestContext<RoleServer>,
    ) -> Result<Json<Sent>, CallToolResult> {
        in_time(&context, self.send_message(&send)).await.map(Json).map_err(refused)
    }

    async fn publish(&self, Publish { topic, message, subject }: &Publish) -> Result<Sent, String> {
        let topic = self.aws.topic(topic)?;
        message.check(&topic)?;
        if subject.as_ref().is_some_and(|subject| !is_subject(subject)) {
            return Err(format!("subject must have 1 to {LONGEST_SUBJECT} printable ASCII characters"));
        }
        let mut form = Form::default()
            .with("TopicArn", &topic.arn)
            .with("Message", &message.message)
            .with_some("Subject", subject.as_deref())
            .with_some("MessageGroupId", message.group_id.as_deref())
            .with_some("MessageDeduplicationId", message.deduplication_id.as_deref());
        for (at, (name, value)) in message.attributes.iter().enumerate() {
            let entry = format!("MessageAttributes.entry.{}", at + 1);
            form = form
                .with(&format!("{entry}.Name"), name)
                .with(&format!("{entry}.Value.DataType"), "String")
                .with(&format!("{entry}.Value.StringValue"), value);
        }
        let action = Action {
            service: SNS,
            name: "Publish",
            permission: "sns:Publish",
            resource: &topic.arn,
            place: &topic.place,
        };
        let response = self.aws.send(action, Input::Form { version: "2010-03-31", form }).await?;
        xml::read(&response, |root| {
            let found = |name: &str| xml::text(root, &format!("PublishResult/{name}"));
            let message_id = found("MessageId").unwrap_or_default();
            Sent { arn: topic.arn.clone(), message_id, sequence_number: found("SequenceNumber") }
        })
    }

    async fn send_message(
        &self,
        SendMessage { queue, message, delay_seconds }: &SendMessage,
    ) -> Result<Sent, String> {
        let queue = self.aws.queue(queue)?;
        message.check(&queue)?;
        if *delay_seconds > 900 {
            return Err(format!("delay_seconds is {delay_seconds}: expected a number from 0 to 900"));
        }
        if *delay_seconds > 0 && queue.name.ends_with(".fifo") {
            return Err("delay_seconds is not for a FIFO queue: its delay belongs to the queue".to_owned());
        }
        let action = Action {
            service: SQS,
            name: "SendMessage",
            permission: "sqs:SendMessage",
            resource: &queue.arn,
            place: &queue.place,
        };
        let endpoint = self.aws.endpoint(&action).await?;
        let url = format!("{endpoint}/{}/{}", queue.account, queue.name);
        let mut body = json!({ "QueueUrl": url, "MessageBody": message.message });
        if *delay_seconds > 0 {
            body["DelaySeconds"] = json!(delay_seconds);
        }
        if let Some(group) = &message.group_id {
            body["MessageGroupId"] = json!(group);
        }
        if let Some(id) = &message.deduplication_id {
            body["MessageDeduplicationId"] = json!(id);
        }
        let typed = |(name, value): (&String, &String)| {
            (name.clone(), json!({ "DataType": "String", "StringValue": value }))
        };
        let attributes: Map<String, Value> = message.attributes.iter().map(typed).collect();
        if !attributes.is_empty() {
            body["MessageAttributes"] = Value::Object(attributes);
        }
        let input = Input::Json { target: "AmazonSQS", version: "application/x-amz-json-1.0", body };
        let response = self.aws.send(action, input).await?;
        let SqsResponse { message_id, sequence_number } = serde_json::from_slice(&response).map_err(|_| {
            "the response of SQS is malformed: the message may have been sent, so look before you repeat the call".to_owned()
        })?;
        Ok(Sent { arn: queue.arn, message_id, sequence_number })
    }
}

impl Message {
    fn check(&self, to: &Resource) -> Result<(), String> {
        let attributes = self.attributes.iter().map(|(name, value)| name.len() + value.len());
        let size = self.message.len() + attributes.sum::<usize>();
        if self.message.is_empty() || size > LARGEST_MESSAGE {
            return Err(format!(
                "the message has {size} bytes, with its attributes: expected from 1 to {LARGEST_MESSAGE}"
            ));
        }
        if self.attributes.len() > MOST_ATTRIBUTES {
            return Err(format!(
                "attributes has {}: expected {MOST_ATTRIBUTES} at most",
                self.attributes.len()
            ));
        }
        if let Some((name, _)) =
            self.attributes.iter().find(|(name, value)| name.is_empty() || value.is_empty())
        {
            return Err(format!("attributes.{name} is empty: names and values have a character at least"));
        }
        if to.name.ends_with(".fifo") && self.group_id.is_none() {
            return Err(format!(
                "group_id is missing: {} is FIFO, and orders the messages of a group",
                to.arn
            ));
        }
        Ok(())
    }
}

fn is_subject(text: &str) -> bool {
    (1..=LONGEST_SUBJECT).contains(&text.len()) && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}
