//! `dynamodb_query`.

use serde_json::{Value, json};

use crate::{
    cloud::Cloud,
    program::{Program, TABLE},
};

fn query(more: &Value) -> Value {
    let mut arguments = json!({ "table": "orders", "partition_key": "customer", "partition_value": "c1" });
    let more = more.as_object().expect("an object").clone();
    arguments.as_object_mut().expect("an object").extend(more);
    arguments
}

#[tokio::test]
async fn a_page_is_plain_json_and_its_cursor_leads_to_the_next() {
    let last = json!({ "customer": { "S": "c1" }, "day": { "N": "7" } });
    let answer = json!({
        "Items": [{ "customer": { "S": "c1" }, "day": { "N": "7" }, "tags": { "SS": ["a"] } }],
        "Count": 1,
        "LastEvaluatedKey": last,
        "ConsumedCapacity": { "CapacityUnits": 0.5 },
    });
    let cloud = Cloud::json(200, answer).await;
    let program = Program::start(&cloud.endpoint).await;
    let page = program.call("dynamodb_query", query(&json!({}))).await;
    assert_eq!(page["table"], TABLE);
    assert_eq!(page["items"], json!([{ "customer": "c1", "day": 7, "tags": ["a"] }]));
    assert_eq!((&page["count"], &page["consumed_capacity"]), (&json!(1), &json!(0.5)));
    let cursor = page["next_cursor"].as_str().expect("a cursor");

    let sort = json!({ "name": "day", "operator": "between", "value": 1, "upper": 9 });
    let more = json!({
        "cursor": cursor, "sort_key": sort, "limit": 2, "descending": true, "index": "by_day", "attributes": ["day"],
    });
    program.call("dynamodb_query", query(&more)).await;
    let sent = cloud.sent();
    assert_eq!(sent[0].header("x-amz-target"), Some("DynamoDB_20120810.Query"));
    assert_eq!(sent[0].scope(), ("dynamodb".into(), "eu-north-1".into()));
    assert_eq!(
        sent[1].json(),
        json!({
            "TableName": TABLE,
            "IndexName": "by_day",
            "KeyConditionExpression": "#p = :p AND #s BETWEEN :s AND :u",
            "ExpressionAttributeNames": { "#p": "customer", "#s": "day", "#a0": "day" },
            "ExpressionAttributeValues": { ":p": { "S": "c1" }, ":s": { "N": "1" }, ":u": { "N": "9" } },
            "ProjectionExpression": "#a0",
            "ExclusiveStartKey": last,
            "Limit": 2,
            "ScanIndexForward": false,
            "ReturnConsumedCapacity": "TOTAL",
        })
    );
}

#[tokio::test]
async fn a_page_that_is_too_large_says_what_to_ask_for() {
    let item = json!({ "customer": { "S": "c1" }, "text": { "S": "x".repeat(300 * 1024) } });
    let cloud = Cloud::json(200, json!({ "Items": [item] })).await;
    let program = Program::start(&cloud.endpoint).await;
    let text = program.refused("dynamodb_query", query(&json!({}))).await;
    assert!(text.contains("262144 at most") && text.contains("a smaller limit"), "{text}");
}

#[tokio::test]
async fn another_table_or_cursor_is_refused_before_a_request() {
    let cloud = Cloud::json(200, json!({})).await;
    let program = Program::start(&cloud.endpoint).await;
    let text = program.refused("dynamodb_query", query(&json!({ "table": "secrets" }))).await;
    let expected =
        format!("table \"secrets\" is not allowed: this deployment allows {TABLE}, as MCP_TOOL_TABLES sets");
    assert_eq!(text, expected);
    for cursor in ["x", "W10", "bm9uZQ"] {
        let text = program.refused("dynamodb_query", query(&json!({ "cursor": cursor }))).await;
        assert_eq!(text, "cursor is not the next_cursor of a page of this tool");
    }
    let upper = json!({ "name": "day", "operator": "less", "value": 1, "upper": 2 });
    let text = program.refused("dynamodb_query", query(&json!({ "sort_key": upper }))).await;
    assert!(text.starts_with("sort_key.upper belongs to"), "{text}");
    assert!(cloud.sent().is_empty());
}
