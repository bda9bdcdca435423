//! Messages for an SNS topic.

use serde_json::{Value, json};

use super::{
    api::{Api, ApiError},
    call::{Call, Service},
};

/// The region in the ARN of a topic. `None` of a text that is no ARN of a topic.
pub(crate) fn region_of_topic(topic: &str) -> Option<&str> {
    match topic.split(':').collect::<Vec<_>>().as_slice() {
        ["arn", _, "sns", region, _, name] if !region.is_empty() && !name.is_empty() => Some(region),
        _ => None,
    }
}

/// An event in the form in which servers of this project take it from their topic.
pub(crate) fn external_event(source: &str, kind: &str, payload: &Value) -> String {
    json!({ "type": "external_event", "source": source, "event_type": kind, "payload": payload }).to_string()
}

/// Publishes a message, for one principal if one is given, and returns its id.
pub(crate) async fn publish(
    api: &Api,
    topic: &str,
    message: &str,
    subject: Option<&str>,
    principal: Option<&str>,
) -> Result<String, ApiError> {
    let mut input = json!({ "TopicArn": topic, "Message": message });
    if let Some(subject) = subject {
        input["Subject"] = json!(subject);
    }
    if let Some(principal) = principal {
        let value = json!({ "DataType": "String", "StringValue": principal });
        input["MessageAttributes"] = json!({ "entry.1": { "Name": "mcp_principal", "Value": value } });
    }
    let answer = api.call(&Call::new(Service::Sns, "Publish", input)).await?;
    Ok(answer["MessageId"].as_str().unwrap_or_default().to_owned())
}
