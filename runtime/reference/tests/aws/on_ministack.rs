//! On an emulator of AWS at the address in `LAWS_DYNAMODB_ENDPOINT`.

use serde_json::{Value, json};
use test_support::transport::send;

use crate::program::{CREDENTIALS, Program};

/// The account of the emulator.
const ACCOUNT: &str = "000000000000";

fn endpoint() -> String {
    #[expect(clippy::disallowed_methods, reason = "the test script sets the endpoint")]
    std::env::var("LAWS_DYNAMODB_ENDPOINT").expect("the address of an emulator of AWS")
}

/// The header by which the emulator finds the service.
fn authorization(service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential=test/20261128/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
    )
}

/// An action of a service with the JSON protocol.
async fn action(service: &str, target: &str, input: Value) -> Value {
    let (authorization, body) = (authorization(service), input.to_string());
    let headers = [
        ("content-type", "application/x-amz-json-1.0"),
        ("x-amz-target", target),
        ("authorization", authorization.as_str()),
    ];
    let reply = send("POST", format!("{}/", endpoint()), &headers, body).await;
    assert_eq!(reply.status, 200);
    reply.json_of_any_type().await
}

/// An action of a service with the query protocol.
async fn form(service: &str, fields: &str) -> String {
    let authorization = authorization(service);
    let headers =
        [("content-type", "application/x-www-form-urlencoded"), ("authorization", authorization.as_str())];
    let reply = send("POST", format!("{}/", endpoint()), &headers, fields.to_owned()).await;
    let status = reply.status;
    let text = reply.text().await;
    assert_eq!(status, 200, "{text}");
    text
}

fn unique(name: &str) -> String {
    format!("{name}-{}", std::process::id())
}

async fn program(variables: &[(&str, &str)]) -> Program {
    let variables: Vec<_> = CREDENTIALS
        .into_iter()
        .chain([("AWS_REGION", "us-east-1")])
        .chain(variables.iter().copied())
        .collect();
    Program::with(&endpoint(), &variables).await
}

#[tokio::test]
#[ignore = "needs DynamoDB: scripts/with-dynamodb ministack"]
async fn a_table_is_queried_page_by_page() {
    let name = unique("orders");
    action(
        "dynamodb",
        "DynamoDB_20120810.CreateTable",
        json!({
            "TableName": name,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [
                { "AttributeName": "customer", "AttributeType": "S" },
                { "AttributeName": "day", "AttributeType": "N" },
            ],
            "KeySchema": [
                { "AttributeName": "customer", "KeyType": "HASH" },
                { "AttributeName": "day", "KeyType": "RANGE" },
            ],
        }),
    )
    .await;
    for day in 1..=5 {
        let item = json!({ "customer": { "S": "c1" }, "day": { "N": day.to_string() } });
        action("dynamodb", "DynamoDB_20120810.PutItem", json!({ "TableName": name, "Item": item })).await;
    }
    let arn = format!("arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/{name}");
    let program = program(&[("MCP_TOOL_TABLES", &arn)]).await;
    let mut days = Vec::new();
    let mut cursor = None;
    loop {
        let mut query =
            json!({ "table": name, "partition_key": "customer", "partition_value": "c1", "limit": 2 });
        query["sort_key"] = json!({ "name": "day", "operator": "greater", "value": 1 });
        if let Some(cursor) = cursor {
            query["cursor"] = cursor;
        }
        let page = program.call("dynamodb_query", query).await;
        let items = page["items"].as_array().expect("items");
        assert!(items.len() <= 2);
        days.extend(items.iter().map(|item| item["day"].as_i64().expect("a number")));
        cursor = page.get("next_cursor").cloned();
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(days, [2, 3, 4, 5]);
}

#[tokio::test]
#[ignore = "needs SQS and SNS: scripts/with-dynamodb ministack"]
async fn messages_arrive_at_a_queue_and_through_a_topic() {
    let (queue, topic) = (unique("queue"), unique("topic"));
    let created = action("sqs", "AmazonSQS.CreateQueue", json!({ "QueueName": queue })).await;
    let url = created["QueueUrl"].as_str().expect("a URL").to_owned();
    let queue_arn = format!("arn:aws:sqs:us-east-1:{ACCOUNT}:{queue}");
    let topic_arn = format!("arn:aws:sns:us-east-1:{ACCOUNT}:{topic}");
    form("sns", &format!("Action=CreateTopic&Version=2010-03-31&Name={topic}")).await;
    let subscribe =
        format!("Action=Subscribe&Version=2010-03-31&TopicArn={topic_arn}&Protocol=sqs&Endpoint={queue_arn}");
    form("sns", &subscribe).await;
    let program = program(&[("MCP_TOOL_QUEUES", &queue_arn), ("MCP_TOOL_TOPICS", &topic_arn)]).await;
    program.call("sqs_send_message", json!({ "queue": queue, "message": "directly" })).await;
    program.call("sns_publish", json!({ "topic": topic, "message": "through a topic" })).await;
    let mut bodies = Vec::new();
    for _ in 0..10 {
        let input = json!({ "QueueUrl": url, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 1 });
        let received = action("sqs", "AmazonSQS.ReceiveMessage", input).await;
        for message in received["Messages"].as_array().into_iter().flatten() {
            bodies.push(message["Body"].as_str().expect("a body").to_owned());
        }
        if bodies.len() == 2 {
            break;
        }
    }
    assert!(bodies.iter().any(|body| body == "directly"), "{bodies:?}");
    assert!(bodies.iter().any(|body| body.contains("through a topic")), "{bodies:?}");
}

#[tokio::test]
#[ignore = "needs CloudWatch: scripts/with-dynamodb ministack"]
async fn a_metric_has_the_values_that_were_written() {
    let namespace = unique("Shop");
    let put = format!(
        "Action=PutMetricData&Version=2010-08-01&Namespace={namespace}&MetricData.member.1.MetricName=Orders\
         &MetricData.member.1.Value=7&MetricData.member.1.Dimensions.member.1.Name=Shop\
         &MetricData.member.1.Dimensions.member.1.Value=north"
    );
    form("monitoring", &put).await;
    let program = program(&[("MCP_TOOL_METRIC_NAMESPACES", &namespace)]).await;
    let metric = json!({
        "namespace": namespace, "metric": "Orders", "dimensions": { "Shop": "north" }, "statistic": "Sum", "period_seconds": 60,
    });
    let values = program.call("cloudwatch_metrics", metric).await;
    let sum: f64 =
        values["values"].as_array().expect("values").iter().filter_map(|one| one["value"].as_f64()).sum();
    assert_eq!(sum, 7.0, "{values}");
}

/// Creates a resource of each type, with the tag `stage`.
async fn create_all(stage: &str) {
    let tag = |prefix: &str| format!("&{prefix}.1.Key=stage&{prefix}.1.Value={stage}");
    let instances = format!(
        "Action=RunInstances&Version=2016-11-15&ImageId=ami-12345678&MinCount=1100&MaxCount=1100\
         &TagSpecification.1.ResourceType=instance{}",
        tag("TagSpecification.1.Tag")
    );
    form("ec2", &instances).await;
    let database = format!(
        "Action=CreateDBInstance&Version=2014-10-31&DBInstanceIdentifier={stage}&DBInstanceClass=db.t3.micro&Engine=mysql\
         &MasterUsername=a&MasterUserPassword=abcdefgh1&AllocatedStorage=20{}",
        tag("Tags.Tag")
    );
    form("rds", &database).await;
    let template = "%7B%22Resources%22%3A%7B%22Q%22%3A%7B%22Type%22%3A%22AWS%3A%3ASQS%3A%3AQueue%22%7D%7D%7D";
    let stack = format!(
        "Action=CreateStack&Version=2010-05-15&StackName={stage}&TemplateBody={template}{}",
        tag("Tags.member")
    );
    form("cloudformation", &stack).await;
    let ecs = |name: &str| format!("AmazonEC2ContainerServiceV20141113.{name}");
    action("ecs", &ecs("CreateCluster"), json!({ "clusterName": stage })).await;
    let container = json!({ "name": "web", "image": "nginx" });
    let task = json!({ "family": stage, "containerDefinitions": [container] });
    action("ecs", &ecs("RegisterTaskDefinition"), task).await;
    let service = json!({
        "cluster": stage, "serviceName": "web", "taskDefinition": stage, "desiredCount": 0,
        "tags": [{ "key": "stage", "value": stage }],
    });
    action("ecs", &ecs("CreateService"), service).await;
    let tags =
        format!("<Tagging><TagSet><Tag><Key>stage</Key><Value>{stage}</Value></Tag></TagSet></Tagging>");
    rest("s3", "PUT", &format!("/{stage}"), String::new()).await;
    rest("s3", "PUT", &format!("/{stage}?tagging"), tags).await;
    // An archive without files.
    let archive = "UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA==";
    let function = json!({
        "FunctionName": stage, "Runtime": "provided.al2023", "Handler": "bootstrap", "Code": { "ZipFile": archive },
        "Role": format!("arn:aws:iam::{ACCOUNT}:role/r"), "Tags": { "stage": stage },
    });
    rest("lambda", "POST", "/2015-03-31/functions", function.to_string()).await;
}

/// A request to a REST API.
async fn rest(service: &str, method: &str, target: &str, body: String) {
    let authorization = authorization(service);
    let headers = [("authorization", authorization.as_str())];
    let reply = send(method, format!("{}{target}", endpoint()), &headers, body).await;
    assert!(reply.status.is_success(), "{method} {target}: {}", reply.status);
}

#[tokio::test]
#[ignore = "needs EC2, RDS, Lambda, ECS, S3 and CloudFormation: scripts/with-dynamodb ministack"]
async fn the_monitor_finds_a_resource_of_each_type_by_its_tag() {
    let stage = unique("stage");
    create_all(&stage).await;
    let types = [("MCP_TOOL_MONITOR", "EC2,RDS,Lambda,ECS,S3,CloudFormation")];
    let program = program(&types).await;
    for kind in ["RDS", "Lambda", "ECS", "S3", "CloudFormation"] {
        let found = program
            .call(
                "aws_real_time_monitor",
                json!({ "resource_type": kind, "filter_tags": { "stage": stage } }),
            )
            .await;
        let resources = found["resources"].as_array().expect("resources");
        assert_eq!(resources.len(), 1, "{kind}: {found}");
        assert!(resources[0]["id"].as_str().expect("an id").contains(&stage), "{kind}: {found}");
        assert_eq!(resources[0]["state"].is_string(), kind != "S3", "{kind}: {found}");
        assert!(resources[0]["last_updated"].is_string(), "{kind}: {found}");
    }
    // The emulator has no pages of instances.
    let arguments = json!({ "resource_type": "EC2", "filter_tags": { "stage": stage }, "limit": 1000 });
    let found = program.call("aws_real_time_monitor", arguments).await;
    assert_eq!(found["instances"].as_array().expect("instances").len(), 1100);
    assert!(found["total_scanned"].as_u64().expect("a number") >= 1100);
}

#[tokio::test]
#[ignore = "needs DynamoDB: scripts/with-dynamodb ministack"]
async fn a_table_that_does_not_exist_is_named() {
    let arn = format!("arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/none");
    let program = program(&[("MCP_TOOL_TABLES", &arn)]).await;
    let query = json!({ "table": arn, "partition_key": "id", "partition_value": "1" });
    let text = program.refused("dynamodb_query", query).await;
    assert!(text.starts_with(&format!("{arn} does not exist in us-east-1")), "{text}");
}
