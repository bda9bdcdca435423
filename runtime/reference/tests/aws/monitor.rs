//! `aws_real_time_monitor`.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use test_support::{McpRequest, call, initialize, result, session::Client, stateless};

use crate::{
    cloud::{Answer, Cloud, Sent},
    program::{ALLOWED, CREDENTIALS, Program},
};

const TOOL: &str = "aws_real_time_monitor";

pub(crate) fn monitored(kind: &str) -> Value {
    json!({ "resource_type": kind })
}

fn xml(body: impl Into<String>) -> Answer {
    (200, "text/xml", body.into())
}

fn as_json(body: &Value) -> Answer {
    (200, "application/x-amz-json-1.1", body.to_string())
}

fn instances(items: &str, token: &str) -> Answer {
    xml(format!(
        "<DescribeInstancesResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><reservationSet><item><instancesSet>\
         {items}</instancesSet></item></reservationSet>{token}</DescribeInstancesResponse>"
    ))
}

fn instance(id: &str, state: &str, tag: &str) -> String {
    format!(
        "<item><instanceId>{id}</instanceId><instanceState><code>16</code><name>{state}</name></instanceState>\
         <launchTime>2026-11-28T10:00:00.000Z</launchTime>\
         <tagSet><item><key>stage</key><value>{tag}</value></item></tagSet></item>"
    )
}

/// An answer of every service that the tools call.
pub(crate) fn answer(sent: &Sent) -> Answer {
    let (service, _) = sent.scope();
    let target = sent.header("x-amz-target").and_then(|target| target.rsplit('.').next()).unwrap_or_default();
    match (service.as_str(), target) {
        ("ec2", _) => {
            instances(&(instance("i-1", "running", "prod") + &instance("i-2", "stopped", "dev")), "")
        }
        ("rds", _) => {
            xml("<DescribeDBInstancesResponse><DescribeDBInstancesResult><DBInstances><DBInstance>\
             <DBInstanceIdentifier>db-1</DBInstanceIdentifier><DBInstanceStatus>available</DBInstanceStatus>\
             <InstanceCreateTime>2026-11-01T00:00:00Z</InstanceCreateTime>\
             <TagList><Tag><Key>stage</Key><Value>prod</Value></Tag></TagList>\
             </DBInstance></DBInstances></DescribeDBInstancesResult></DescribeDBInstancesResponse>")
        }
        ("cloudformation", _) => {
            xml("<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>shop</StackName>\
             <StackStatus>UPDATE_COMPLETE</StackStatus><CreationTime>2026-01-01T00:00:00Z</CreationTime>\
             <LastUpdatedTime>2026-11-02T00:00:00Z</LastUpdatedTime>\
             <Tags><member><Key>stage</Key><Value>prod</Value></member></Tags>\
             </member></Stacks></DescribeStacksResult></DescribeStacksResponse>")
        }
        ("s3", _) => xml(
            "<ListAllMyBucketsResult><Buckets><Bucket><Name>files</Name><CreationDate>2026-11-03T00:00:00.000Z</CreationDate>\
             </Bucket></Buckets></ListAllMyBucketsResult>",
        ),
        ("lambda", _) if sent.line.ends_with("/configuration") => as_json(&json!({ "State": "Active" })),
        ("lambda", _) => as_json(&json!({ "Functions": [{
            "FunctionName": "f",
            "FunctionArn": "arn:aws:lambda:eu-north-1:123456789012:function:f",
            "LastModified": "2026-11-04T00:00:00.000+0000",
        }] })),
        ("tagging", _) => {
            let arn = &sent.json()["ResourceARNList"][0];
            as_json(&json!({ "ResourceTagMappingList": [
                { "ResourceARN": arn, "Tags": [{ "Key": "stage", "Value": "prod" }] },
            ] }))
        }
        ("ecs", "ListClusters") => {
            as_json(&json!({ "clusterArns": ["arn:aws:ecs:eu-north-1:123456789012:cluster/main"] }))
        }
        ("ecs", "ListServices") => {
            as_json(&json!({ "serviceArns": ["arn:aws:ecs:eu-north-1:123456789012:service/main/web"] }))
        }
        ("ecs", _) => as_json(&json!({ "services": [{
            "serviceName": "web",
            "status": "ACTIVE",
            "tags": [{ "key": "stage", "value": "prod" }],
            "deployments": [{ "updatedAt": 1_795_737_600.5 }, { "updatedAt": 1_795_700_000.0 }],
        }] })),
        ("sns", _) => {
            xml("<PublishResponse><PublishResult><MessageId>m</MessageId></PublishResult></PublishResponse>")
        }
        ("monitoring", _) => xml("<GetMetricDataResponse><GetMetricDataResult/></GetMetricDataResponse>"),
        ("sqs", _) => as_json(&json!({ "MessageId": "m" })),
        _ => as_json(&json!({ "Items": [] })),
    }
}

#[tokio::test]
async fn each_type_has_states_tags_and_times_in_the_words_of_its_service() {
    let cloud = Cloud::start(answer).await;
    let program = Program::start(&cloud.endpoint).await;
    let tags = json!({ "stage": "prod" });
    for (kind, expected) in [
        (
            "EC2",
            json!({ "id": "i-1", "state": "running", "tags": tags, "last_updated": "2026-11-28T10:00:00.000Z" }),
        ),
        (
            "RDS",
            json!({ "id": "db-1", "state": "available", "tags": tags, "last_updated": "2026-11-01T00:00:00Z" }),
        ),
        (
            "Lambda",
            json!({ "id": "f", "state": "Active", "tags": tags, "last_updated": "2026-11-04T00:00:00.000Z" }),
        ),
        (
            "ECS",
            json!({ "id": "main/web", "state": "ACTIVE", "tags": tags, "last_updated": "2026-11-27T00:00:00.500Z" }),
        ),
        ("S3", json!({ "id": "files", "tags": tags, "last_updated": "2026-11-03T00:00:00.000Z" })),
        (
            "CloudFormation",
            json!({ "id": "shop", "state": "UPDATE_COMPLETE", "tags": tags, "last_updated": "2026-11-02T00:00:00Z" }),
        ),
    ] {
        let mut arguments = monitored(kind);
        arguments["filter_tags"] = tags.clone();
        let result = program.call(TOOL, arguments).await;
        assert_eq!(result["resources"], json!([expected]), "{kind}");
        assert_eq!(result["total_scanned"], if kind == "EC2" { 2 } else { 1 }, "{kind}");
        assert_eq!(result.get("instances"), (kind == "EC2").then_some(&result["resources"]), "{kind}");
        assert_eq!(
            (&result["monitoring_status"], &result["updates"]),
            (&json!("completed"), &json!(1)),
            "{kind}"
        );
        assert_eq!((&result["region"], result.get("next_cursor")), (&json!("eu-north-1"), None), "{kind}");
        assert!(result["timestamp"].is_string() && result["correlation_id"].is_string(), "{kind}");
    }
}

/// 25 pages of 100: a call looks at a thousand, and its cursor leads to the rest.
#[tokio::test]
async fn a_call_looks_at_a_thousand_resources_and_its_cursor_leads_to_the_rest() {
    let cloud = Cloud::start(|sent| {
        let page: usize = sent.field("NextToken").map_or(0, |token| token.parse().expect("a page"));
        let items: String =
            (0..100).map(|at| instance(&format!("i-{page}-{at}"), "running", "prod")).collect();
        let token = if page < 24 { format!("<nextToken>{}</nextToken>", page + 1) } else { String::new() };
        instances(&items, &token)
    });
    let cloud = cloud.await;
    let program = Program::start(&cloud.endpoint).await;
    let mut arguments = monitored("EC2");
    // No instance has it, so that the limit of the resources that are returned is not reached.
    arguments["filter_tags"] = json!({ "stage": "none" });
    let mut scanned = Vec::new();
    loop {
        let result = program.call(TOOL, arguments.clone()).await;
        scanned.push(result["total_scanned"].as_u64().expect("a number"));
        assert_eq!(result["resources"], json!([]));
        match result.get("next_cursor") {
            Some(cursor) => arguments["cursor"] = cursor.clone(),
            None => break,
        }
    }
    assert_eq!(scanned, [1000, 1000, 500]);
    let mut arguments = monitored("EC2");
    arguments["limit"] = json!(150);
    let result = program.call(TOOL, arguments).await;
    assert_eq!(result["resources"].as_array().expect("resources").len(), 200);
    assert!(result["next_cursor"].is_string());
}

#[tokio::test]
async fn other_types_regions_and_cursors_are_refused_before_a_request() {
    let cloud = Cloud::start(answer).await;
    let variables: Vec<_> =
        ALLOWED.into_iter().chain(CREDENTIALS).chain([("MCP_TOOL_MONITOR", "EC2,S3")]).collect();
    let program = Program::with(&cloud.endpoint, &variables).await;
    let text = program.refused(TOOL, monitored("RDS")).await;
    assert_eq!(
        text,
        "resource_type RDS is not allowed: this deployment allows EC2, S3, as MCP_TOOL_MONITOR sets"
    );
    let text = program.refused(TOOL, json!({ "resource_type": "EC2", "region": "us-east-1" })).await;
    assert_eq!(
        text,
        "region \"us-east-1\" is not allowed: this deployment allows eu-north-1, as MCP_TOOL_REGIONS sets"
    );
    let text = program.refused(TOOL, json!({ "resource_type": "EC2", "cursor": "%" })).await;
    assert_eq!(text, "cursor is not the next_cursor of a result of this tool");
    assert!(cloud.sent().is_empty());
}

#[tokio::test]
async fn a_missing_permission_names_the_action() {
    let denied = "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>You are not</Message></Error></Errors></Response>";
    let cloud = Cloud::start(move |_| (403, "text/xml", denied.to_owned())).await;
    let text = Program::start(&cloud.endpoint).await.refused(TOOL, monitored("EC2")).await;
    assert!(
        text.contains("grant the IAM role of the server ec2:DescribeInstances on * in eu-north-1"),
        "{text}"
    );
}

/// With a token the resources are read until a reading fails: here the fourth.
#[tokio::test]
async fn with_a_progress_token_each_change_is_reported_while_the_call_runs() {
    let readings = AtomicUsize::new(0);
    let cloud = Cloud::start(move |_| {
        match readings.fetch_add(1, Ordering::SeqCst) {
        0 => instances(&instance("i-1", "pending", "prod"), ""),
        1 | 2 => instances(&instance("i-1", "running", "prod"), ""),
        _ => (400, "text/xml", "<Response><Errors><Error><Code>InvalidParameterValue</Code><Message>no</Message></Error></Errors></Response>".to_owned()),
    }
    });
    let cloud = cloud.await;
    let program = Program::start(&cloud.endpoint).await;
    let mut arguments = monitored("EC2");
    arguments["update_frequency"] = json!(1000);
    let request: McpRequest = call(TOOL, arguments).meta("progressToken", json!("p"));
    let messages = program.messages(request).await;
    let texts: Vec<_> = messages
        .iter()
        .filter(|message| message["method"] == "notifications/progress")
        .map(|message| message["params"]["message"].as_str().expect("a text").to_owned())
        .collect();
    assert_eq!(
        texts,
        ["1 found: 1 pending", "1 found: 1 running; i-1: pending -> running", "1 found: 1 running"]
    );
    let result = &messages.last().expect("a response")["result"]["structuredContent"];
    assert_eq!((&result["monitoring_status"], &result["updates"]), (&json!("failed"), &json!(3)));
    assert!(result["failure"].as_str().expect("a text").contains("InvalidParameterValue"), "{result}");
    assert_eq!(result["resources"][0]["state"], "running");
}

/// A call with a progress token, that reads once a second.
fn watching() -> Value {
    let mut arguments = monitored("EC2");
    arguments["update_frequency"] = json!(1000);
    json!({ "name": TOOL, "arguments": arguments, "_meta": { "progressToken": "p" } })
}

#[tokio::test]
async fn it_ends_before_the_deadline_of_the_call_with_the_last_resources() {
    let cloud = Cloud::start(answer).await;
    // Five seconds of them are kept for the result.
    let variables: Vec<_> =
        ALLOWED.into_iter().chain(CREDENTIALS).chain([("MCP_REQUEST_SECONDS", "8")]).collect();
    let program = Program::with(&cloud.endpoint, &variables).await;
    let messages = program.messages(stateless("tools/call", watching())).await;
    let result = &messages.last().expect("a response")["result"]["structuredContent"];
    assert_eq!(result["monitoring_status"], "deadline_reached", "{result}");
    assert!(result["updates"].as_u64().expect("a number") >= 2, "{result}");
    assert_eq!(result["resources"].as_array().expect("resources").len(), 2);
}

#[tokio::test]
async fn it_ends_when_its_client_cancels_it() {
    let cloud = Cloud::start(answer).await;
    let program = Program::start(&cloud.endpoint).await;
    let version = "2025-11-25";
    let id = initialize(&program.server, version, json!({})).await;
    let client = Client { id, version, principal: None };
    let mut reply = client.request(7, "tools/call", watching()).send(&program.server).await;
    assert_eq!(reply.message().await["method"], "notifications/progress");
    assert_eq!(client.cancel(7).send(&program.server).await.status, 202);
    // The stream ends without a response, and long before the deadline of a call.
    while let Some(message) = reply.next_message().await {
        assert_eq!(message["method"], "notifications/progress", "{message}");
    }
}

#[tokio::test]
async fn its_numbers_are_an_event_without_names_and_tags() {
    let cloud = Cloud::start(answer).await;
    let program = Program::start(&cloud.endpoint).await;
    let called = program.call(TOOL, monitored("EC2")).await;
    let read = stateless("resources/read", json!({ "uri": "event://monitoring_update/EC2" }));
    let read = result(read.send(&program.server).await).await;
    let text = read["contents"][0]["text"].as_str().expect("a text");
    assert!(!text.contains("i-1") && !text.contains("prod"), "{text}");
    for part in [
        r#""total_scanned":2"#.to_owned(),
        r#""region":"eu-north-1""#.to_owned(),
        format!(r#""correlation_id":{}"#, called["correlation_id"]),
    ] {
        assert!(text.replace(": ", ":").contains(&part), "{part} in {text}");
    }
}
