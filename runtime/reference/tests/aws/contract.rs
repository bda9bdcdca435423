//! What each tool sends, compared with tests/contract/tools.json, which the construct grants.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::{
    cloud::{Cloud, Sent},
    monitor::{answer, monitored},
    program::Program,
};

/// The IAM action of a request.
fn action(sent: &Sent) -> String {
    let (service, _) = sent.scope();
    let service = match service.as_str() {
        "monitoring" => "cloudwatch",
        "tagging" => "tag",
        other => other,
    };
    let name = match (sent.header("x-amz-target"), sent.field("Action")) {
        (Some(target), _) => target.rsplit('.').next().expect("an action").to_owned(),
        (None, Some(action)) => action,
        (None, None) if service == "s3" => "ListAllMyBuckets".to_owned(),
        (None, None) if sent.line.ends_with("/configuration") => "GetFunctionConfiguration".to_owned(),
        (None, None) => "ListFunctions".to_owned(),
    };
    format!("{service}:{name}")
}

/// The actions of a call.
async fn actions(tool: &str, arguments: Value) -> BTreeSet<String> {
    let cloud = Cloud::start(answer).await;
    Program::start(&cloud.endpoint).await.call(tool, arguments).await;
    cloud.sent().iter().map(action).collect()
}

#[tokio::test]
async fn each_tool_calls_exactly_the_actions_that_the_construct_grants() {
    let contract = include_str!("../../../../tests/contract/tools.json");
    let contract: Vec<Value> = serde_json::from_str(contract).expect("JSON");
    let set = |actions: &Value| -> BTreeSet<String> {
        let actions = actions.as_array().expect("actions").iter();
        actions.map(|action| action.as_str().expect("an action").to_owned()).collect()
    };
    let calls = [
        (
            "dynamodb_query",
            json!({ "table": "orders", "partition_key": "id", "partition_value": "1", "index": "i-1" }),
        ),
        ("sns_publish", json!({ "topic": "orders", "message": "m" })),
        ("sqs_send_message", json!({ "queue": "orders", "message": "m" })),
        ("cloudwatch_metrics", json!({ "namespace": "Shop", "metric": "m" })),
    ];
    for row in &contract {
        let tool = row["tool"].as_str().expect("a tool");
        if let Some(types) = row["types"].as_object() {
            for (kind, granted) in types {
                assert_eq!(actions(tool, monitored(kind)).await, set(granted), "{kind}");
            }
        } else {
            let (_, arguments) = calls.iter().find(|(name, _)| *name == tool).expect("a call");
            assert_eq!(actions(tool, arguments.clone()).await, set(&row["actions"]), "{tool}");
        }
    }
}
