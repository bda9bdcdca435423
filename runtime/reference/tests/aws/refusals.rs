//! The texts of requests that AWS refuses.

use serde_json::json;

use crate::{
    cloud::Cloud,
    program::{ALLOWED, CREDENTIALS, Program, QUEUE, TABLE, TOPIC},
};

const QUERY: &str = "dynamodb_query";

fn query() -> serde_json::Value {
    json!({ "table": "orders", "partition_key": "id", "partition_value": 1 })
}

/// The text for an error of DynamoDB.
async fn text_of(status: u16, code: &str) -> (String, usize) {
    let body = json!({ "__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "message": "User: arn:aws:iam::1:user/x" });
    let cloud = Cloud::json(status, body).await;
    let text = Program::start(&cloud.endpoint).await.refused(QUERY, query()).await;
    (text, cloud.sent().len())
}

#[tokio::test]
async fn a_missing_permission_names_the_action_and_the_resource_and_no_caller() {
    let (text, tries) = text_of(400, "AccessDeniedException").await;
    let grant = format!("grant the IAM role of the server dynamodb:Query on {TABLE} in eu-north-1");
    assert_eq!(text, format!("dynamodb:Query was denied (AccessDeniedException): {grant}"));
    assert_eq!(tries, 1);
}

#[tokio::test]
async fn a_throttled_request_is_tried_again_and_then_says_to_wait() {
    let (text, tries) = text_of(400, "ProvisionedThroughputExceededException").await;
    assert!(text.starts_with("dynamodb:Query is throttled in eu-north-1"), "{text}");
    assert_eq!(tries, 5);
}

#[tokio::test]
async fn what_does_not_exist_is_named() {
    let (text, _) = text_of(400, "ResourceNotFoundException").await;
    assert!(text.starts_with(&format!("{TABLE} does not exist in eu-north-1")), "{text}");
}

#[tokio::test]
async fn invalid_credentials_are_named() {
    let (text, _) = text_of(400, "UnrecognizedClientException").await;
    assert!(text.contains("credentials of the server are not valid in eu-north-1"), "{text}");
}

#[tokio::test]
async fn other_refusals_have_the_text_of_aws_and_a_failure_of_aws_has_none() {
    let (text, _) = text_of(400, "ValidationException").await;
    assert!(text.ends_with("(ValidationException): User: arn:aws:iam::1:user/x"), "{text}");
    let (text, tries) = text_of(500, "InternalServerError").await;
    assert_eq!(text, "dynamodb:Query failed in eu-north-1 (500 InternalServerError): repeat the call later");
    assert_eq!(tries, 5);
}

#[tokio::test]
async fn errors_in_xml_and_of_json_1_0_are_read_as_well() {
    let denied = "<ErrorResponse><Error><Type>Sender</Type><Code>AuthorizationError</Code><Message>no</Message></Error></ErrorResponse>";
    let cloud = Cloud::start(move |_| (403, "text/xml", denied.to_owned())).await;
    let text = Program::start(&cloud.endpoint)
        .await
        .refused("sns_publish", json!({ "topic": "orders", "message": "m" }))
        .await;
    assert!(text.contains(&format!("grant the IAM role of the server sns:Publish on {TOPIC}")), "{text}");
    let cloud =
        Cloud::json(400, json!({ "__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "no" })).await;
    let text = Program::start(&cloud.endpoint)
        .await
        .refused("sqs_send_message", json!({ "queue": "orders", "message": "m" }))
        .await;
    assert!(text.starts_with(&format!("{QUEUE} does not exist")), "{text}");
}

#[tokio::test]
async fn without_credentials_nothing_is_sent() {
    let cloud = Cloud::json(200, json!({})).await;
    let text = Program::with(&cloud.endpoint, &ALLOWED).await.refused(QUERY, query()).await;
    assert!(text.starts_with("dynamodb:Query was not sent: there are no AWS credentials"), "{text}");
    assert!(cloud.sent().is_empty());
}

#[tokio::test]
async fn without_a_connection_the_region_is_named() {
    // No process listens on port 9.
    let text = Program::start("http://127.0.0.1:9").await.refused(QUERY, query()).await;
    assert!(text.starts_with("dynamodb:Query did not reach AWS in eu-north-1"), "{text}");
}

#[tokio::test]
async fn a_tool_without_a_resource_is_not_listed_and_each_has_all_that_a_client_shows() {
    let cloud = Cloud::json(200, json!({})).await;
    let names =
        ["aws_real_time_monitor", "cloudwatch_metrics", "dynamodb_query", "sns_publish", "sqs_send_message"];
    let all = Program::start(&cloud.endpoint).await.tools().await;
    for name in names {
        let tool = all.iter().find(|tool| tool["name"] == name).unwrap_or_else(|| panic!("{name} is listed"));
        assert_eq!(tool["outputSchema"]["type"], "object", "{name}");
        let icon = tool["icons"][0]["src"].as_str().expect("an icon");
        assert!(icon.starts_with("data:image/svg+xml,") && !icon.contains(' '), "{icon}");
        let read_only = !name.starts_with('s');
        assert_eq!(tool["annotations"]["readOnlyHint"], read_only, "{name}");
    }
    // Clients refuse lists of types: https://github.com/google-gemini/gemini-cli/issues/17235
    for tool in &all {
        let schema = tool["outputSchema"].to_string();
        assert!(!schema.contains("\"null\""), "{schema}");
    }
    let none = Program::with(&cloud.endpoint, &CREDENTIALS).await.tools().await;
    assert!(none.iter().all(|tool| names.iter().all(|name| tool["name"] != *name)));
}
