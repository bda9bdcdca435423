//! Each fault of a stack is found by exactly the check that is meant for it, and a stack without faults passes.

use std::sync::Arc;

use futures::future::BoxFuture;
use serde_json::{Value, json};

use crate::{
    Auth, Remote,
    aws::{ApiError, Call},
    check::{
        Plan, Report, Suite, Target, run,
        stack::{Source, Stack},
    },
};

const ACCOUNT: &str = "arn:aws:lambda:eu-north-1:123456789012:function";
const TOPIC: &str = "arn:aws:sns:eu-north-1:123456789012:events";
const QUEUE: &str = "https://sqs.eu-north-1.amazonaws.com/123456789012/tasks";

/// What AWS answers for a stack without faults, in the form of its documentation.
fn healthy(operation: &str, argument: &str) -> Option<Value> {
    Some(match (operation, argument) {
        ("DescribeStacks", _) => {
            json!({ "Stacks": [{ "StackName": "tools", "StackStatus": "UPDATE_COMPLETE" }] })
        }
        ("ListStackResources", _) => json!({ "StackResourceSummaries": resources() }),
        ("GetFunctionConfiguration", name) => function(name)?,
        ("GetFunctionUrlConfig", _) => json!({ "AuthType": "AWS_IAM", "InvokeMode": "RESPONSE_STREAM" }),
        ("GetFunctionEventInvokeConfig", _) => {
            json!({ "DestinationConfig": { "OnFailure": { "Destination": "arn:aws:sqs:x:1:failures" } } })
        }
        ("ListEventSourceMappings", _) => json!({ "EventSourceMappings": [{
            "FunctionArn": format!("{ACCOUNT}:worker:live"), "State": "Enabled",
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
        }] }),
        ("DescribeTable", _) => json!({ "Table": {
            "TableStatus": "ACTIVE",
            "KeySchema": [
                { "AttributeName": "pk", "KeyType": "HASH" }, { "AttributeName": "sk", "KeyType": "RANGE" },
            ],
            "AttributeDefinitions": [
                { "AttributeName": "pk", "AttributeType": "S" }, { "AttributeName": "sk", "AttributeType": "S" },
            ],
        } }),
        ("DescribeTimeToLive", _) => {
            json!({ "TimeToLiveDescription": { "TimeToLiveStatus": "ENABLED", "AttributeName": "ttl" } })
        }
        ("DescribeContinuousBackups", _) => json!({ "ContinuousBackupsDescription": {
            "PointInTimeRecoveryDescription": { "PointInTimeRecoveryStatus": "ENABLED" },
        } }),
        ("DescribeLogGroups", group) => {
            json!({ "logGroups": [{ "logGroupName": group, "retentionInDays": 30 }] })
        }
        ("DescribeAlarms", _) => json!({
            "MetricAlarms": [{
                "AlarmName": "errors", "StateValue": "OK", "ActionsEnabled": "true", "AlarmActions": ["arn:aws:sns:x"],
            }],
            "CompositeAlarms": "",
        }),
        _ => return of_messages(operation, argument),
    })
}

fn of_messages(operation: &str, argument: &str) -> Option<Value> {
    Some(match (operation, argument) {
        ("GetTopicAttributes", _) => json!({ "Attributes": { "Policy": json!({ "Statement": [{
            "Effect": "Deny", "Principal": "*", "Action": "sns:Publish", "Resource": TOPIC,
            "Condition": { "Bool": { "aws:SecureTransport": "false" } },
        }] }).to_string() } }),
        ("ListSubscriptionsByTopic", _) => json!({ "Subscriptions": [{
            "Protocol": "lambda", "Endpoint": format!("{ACCOUNT}:ingest:live"),
            "SubscriptionArn": format!("{TOPIC}:1"),
        }] }),
        ("GetSubscriptionAttributes", _) => {
            json!({ "Attributes": { "RedrivePolicy": "{\"deadLetterTargetArn\":\"arn:aws:sqs:x:1:failures\"}" } })
        }
        ("GetQueueAttributes", QUEUE) => json!({ "Attributes": {
            "QueueArn": "arn:aws:sqs:eu-north-1:123456789012:tasks", "VisibilityTimeout": "960",
            "RedrivePolicy": "{\"deadLetterTargetArn\":\"arn:aws:sqs:x:1:failures\",\"maxReceiveCount\":5}",
            "ApproximateNumberOfMessages": "7",
        } }),
        ("GetQueueAttributes", _) => json!({ "Attributes": { "ApproximateNumberOfMessages": "0" } }),
        ("ListRolePolicies", _) => json!({ "PolicyNames": ["own"] }),
        ("GetRolePolicy", _) => {
            json!({ "PolicyDocument": policy("dynamodb:GetItem", "arn:aws:dynamodb:x:1:table/state") })
        }
        ("ListAttachedRolePolicies", _) => json!({ "AttachedPolicies": "" }),
        _ => return None,
    })
}

fn policy(action: &str, resource: &str) -> String {
    let traces = json!({ "Effect": "Allow", "Action": ["xray:PutTraceSegments"], "Resource": "*" });
    let own = json!({ "Effect": "Allow", "Action": [action], "Resource": resource });
    json!({ "Statement": [traces, own] }).to_string().replace(' ', "%20").replace('{', "%7B")
}

fn resources() -> Value {
    let listed = [
        ("AWS::Lambda::Function", "server".to_owned()),
        ("AWS::Lambda::Function", "ingest".to_owned()),
        ("AWS::Lambda::Function", "worker".to_owned()),
        ("AWS::Lambda::Alias", format!("{ACCOUNT}:server:live")),
        ("AWS::Lambda::Url", format!("{ACCOUNT}:server:live")),
        ("AWS::SQS::Queue", QUEUE.to_owned()),
        ("AWS::SQS::Queue", "https://sqs.eu-north-1.amazonaws.com/123456789012/failures".to_owned()),
        ("AWS::CloudWatch::Alarm", "errors".to_owned()),
    ];
    let resource =
        |(kind, id): &(&str, String)| json!({ "ResourceType": kind, "PhysicalResourceId": id.as_str() });
    listed.iter().map(resource).collect()
}

fn function(name: &str) -> Option<Value> {
    let mut variables = json!({ "EVENT_TABLE_NAME": "events", "SESSION_TABLE_NAME": "state" });
    let timeout = match name {
        "server" => {
            variables["MCP_STATE_KEYS_SECRET"] =
                json!("arn:aws:secretsmanager:eu-north-1:123456789012:secret:key-AbCdEf");
            variables["MCP_RESPONSE_MODE"] = json!("stream");
            variables["MCP_EVENTS"] = json!("on");
            variables["SNS_TOPIC_ARN"] = json!(TOPIC);
            variables["TASK_QUEUE_URL"] = json!(QUEUE);
            120
        }
        "ingest" => 30,
        "worker" => 900,
        _ => return None,
    };
    Some(json!({
        "FunctionName": name, "FunctionArn": format!("{ACCOUNT}:{name}"), "Timeout": timeout, "MemorySize": 256,
        "State": "Active", "LastUpdateStatus": "Successful", "TracingConfig": { "Mode": "Active" },
        "Role": format!("arn:aws:iam::123456789012:role/{name}"),
        "LoggingConfig": { "LogGroup": format!("/mcp/{name}") }, "Environment": { "Variables": variables },
    }))
}

/// A change of what AWS answers: of which operation and argument, where in it, to what, and the check that finds it.
struct Fault(&'static str, &'static str, &'static str, Value, &'static str);

fn faults() -> Vec<Fault> {
    let first = "/TimeToLiveDescription";
    vec![
        Fault("DescribeStacks", "tools", "/Stacks/0/StackStatus", json!("UPDATE_ROLLBACK_FAILED"), "stack"),
        Fault("GetFunctionConfiguration", "worker", "/State", json!("Failed"), "function-state"),
        Fault("GetFunctionConfiguration", "worker", "/State", json!("Pending"), "function-state"),
        Fault("GetFunctionConfiguration", "worker", "/LastUpdateStatus", json!("Failed"), "function-state"),
        Fault(
            "GetFunctionConfiguration",
            "worker",
            "/Environment/Variables/EVENT_TABLE_NAME",
            json!("other"),
            "function-environment",
        ),
        Fault(
            "GetFunctionConfiguration",
            "server",
            "/Environment/Variables/MCP_STATE_KEYS_SECRET",
            json!(""),
            "function-environment",
        ),
        Fault("GetFunctionConfiguration", "server", "/MemorySize", json!(128), "function-memory"),
        Fault("GetFunctionConfiguration", "server", "/Timeout", json!(10), "function-timeout"),
        Fault(
            "GetFunctionConfiguration",
            "server",
            "/TracingConfig/Mode",
            json!("PassThrough"),
            "function-tracing",
        ),
        Fault(
            "DescribeLogGroups",
            "/mcp/ingest",
            "/logGroups/0/retentionInDays",
            Value::Null,
            "function-logs",
        ),
        Fault("DescribeLogGroups", "/mcp/server", "/logGroups", json!([]), "function-logs"),
        Fault("GetFunctionEventInvokeConfig", "ingest", "/DestinationConfig", json!({}), "async-failures"),
        Fault("GetFunctionUrlConfig", "server", "/AuthType", json!("NONE"), "url-auth"),
        Fault("GetFunctionUrlConfig", "server", "/InvokeMode", json!("BUFFERED"), "url-mode"),
        Fault(
            "DescribeTable",
            "events",
            "/Table/TableStatus",
            json!("INACCESSIBLE_ENCRYPTION_CREDENTIALS"),
            "tables",
        ),
        Fault("DescribeTable", "state", "/Table/KeySchema/0/AttributeName", json!("id"), "table-keys"),
        Fault(
            "DescribeTable",
            "events",
            "/Table/AttributeDefinitions/1/AttributeType",
            json!("N"),
            "table-keys",
        ),
        Fault("DescribeTimeToLive", "events", first, json!({ "TimeToLiveStatus": "DISABLED" }), "table-ttl"),
        Fault(
            "DescribeTimeToLive",
            "state",
            "/TimeToLiveDescription/AttributeName",
            json!("expires"),
            "table-ttl",
        ),
        Fault(
            "DescribeContinuousBackups",
            "state",
            "/ContinuousBackupsDescription",
            json!({}),
            "table-recovery",
        ),
        Fault("GetTopicAttributes", TOPIC, "/Attributes/Policy", json!(open_policy()), "topic-publishers"),
        Fault("GetTopicAttributes", TOPIC, "/Attributes/Policy", json!("{}"), "topic-tls"),
        Fault("ListSubscriptionsByTopic", TOPIC, "/Subscriptions", json!(""), "topic-subscription"),
        Fault(
            "ListSubscriptionsByTopic",
            TOPIC,
            "/Subscriptions/0/SubscriptionArn",
            json!("PendingConfirmation"),
            "topic-subscription",
        ),
        Fault("GetSubscriptionAttributes", "", "/Attributes", json!({}), "topic-dead-letters"),
        Fault("GetQueueAttributes", QUEUE, "/Attributes/RedrivePolicy", json!(""), "queue-redrive"),
        Fault("GetQueueAttributes", QUEUE, "/Attributes/VisibilityTimeout", json!("30"), "queue-visibility"),
        Fault(
            "ListEventSourceMappings",
            "",
            "/EventSourceMappings/0/State",
            json!("Disabled"),
            "queue-consumer",
        ),
        Fault(
            "ListEventSourceMappings",
            "",
            "/EventSourceMappings/0/FunctionResponseTypes",
            json!([]),
            "queue-consumer",
        ),
        Fault(
            "GetQueueAttributes",
            "https://sqs.eu-north-1.amazonaws.com/123456789012/failures",
            "/Attributes/ApproximateNumberOfMessages",
            json!("2"),
            "dead-letters",
        ),
        Fault("DescribeAlarms", "", "/MetricAlarms", json!(""), "alarms"),
        Fault("DescribeAlarms", "", "/MetricAlarms/0/AlarmActions", json!(""), "alarm-actions"),
        Fault("DescribeAlarms", "", "/MetricAlarms/0/ActionsEnabled", json!("false"), "alarm-actions"),
        Fault("DescribeAlarms", "", "/MetricAlarms/0/StateValue", json!("ALARM"), "alarm-states"),
        Fault(
            "GetRolePolicy",
            "worker",
            "/PolicyDocument",
            json!(policy("dynamodb:*", "arn:aws:dynamodb:x")),
            "role-actions",
        ),
        Fault(
            "GetRolePolicy",
            "ingest",
            "/PolicyDocument",
            json!(policy("sns:Publish", "*")),
            "role-resources",
        ),
    ]
}

fn open_policy() -> String {
    let open =
        json!({ "Effect": "Allow", "Principal": { "AWS": "*" }, "Action": "SNS:Publish", "Resource": TOPIC });
    let tls = json!({ "Effect": "Deny", "Condition": { "Bool": { "aws:SecureTransport": "false" } } });
    json!({ "Statement": [open, tls] }).to_string()
}

/// AWS with a fault, or without one.
struct Recorded(Option<Fault>);

impl Source for Recorded {
    fn ask<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Value, ApiError>> {
        const ARGUMENTS: [&str; 7] = [
            "TableName",
            "TopicArn",
            "QueueUrl",
            "FunctionName",
            "RoleName",
            "logGroupNamePrefix",
            "StackName",
        ];
        let argument = ARGUMENTS.iter().find_map(|name| call.input[*name].as_str()).unwrap_or_default();
        let missing =
            || ApiError::Refused { code: "ResourceNotFoundException".into(), message: call.to_string() };
        let mut answer = healthy(call.operation, argument).ok_or_else(missing);
        if let (Some(Fault(operation, of, at, to, _)), Ok(answer)) = (&self.0, &mut answer)
            && (call.operation, argument) == (*operation, *of)
        {
            *answer.pointer_mut(at).unwrap_or_else(|| panic!("{at} of {operation}")) = to.clone();
        }
        Box::pin(async { answer })
    }
}

async fn checked(source: Arc<dyn Source>) -> Report {
    let url = "http://127.0.0.1:9/mcp";
    let http = Remote::new(url).expect("a URL").auth(Auth::Anonymous).http().expect("a client");
    let target = Target::new(Arc::new(http), url).expect("a URL").stack(Stack::new("tools".into(), source));
    run(&target, &Plan::of([Suite::Infrastructure]), |_| {}).await.expect("a report")
}

fn found(report: &Report) -> Vec<&str> {
    let wrong = report.findings.iter().filter(|one| ["failed", "warning"].contains(&one.verdict.word()));
    wrong.map(|one| one.id.strip_prefix("infrastructure.").expect("the suite")).collect()
}

#[tokio::test]
async fn a_stack_without_faults_passes_every_check() {
    let report = checked(Arc::new(Recorded(None))).await;
    let other: Vec<_> = report.findings.iter().filter(|one| one.verdict.word() != "passed").collect();
    assert!(other.is_empty(), "{other:#?}");
    assert_eq!(report.server, "the stack tools");
}

#[tokio::test]
async fn each_fault_is_found_by_exactly_its_check() {
    let mut unprovoked: Vec<&str> = super::checks().iter().map(|check| check.id).collect();
    for fault in faults() {
        let expected = fault.4;
        let name = format!("{} {} {}", fault.0, fault.1, fault.2);
        let report = checked(Arc::new(Recorded(Some(fault)))).await;
        assert_eq!(found(&report), [expected], "{name}");
        unprovoked.retain(|id| *id != format!("infrastructure.{expected}"));
    }
    assert!(unprovoked.is_empty(), "no fault provokes {unprovoked:?}");
}

/// Refuses the calls of one service.
struct Denied(&'static str);

impl Source for Denied {
    fn ask<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Value, ApiError>> {
        if call.action().starts_with(self.0) {
            let refused =
                ApiError::Refused { code: "AccessDeniedException".into(), message: "not you".into() };
            return Box::pin(async { Err(refused) });
        }
        Box::pin(async move { Recorded(None).ask(call).await })
    }
}

#[tokio::test]
async fn a_check_whose_calls_are_not_allowed_is_skipped_and_names_the_permission() {
    let report = checked(Arc::new(Denied("iam:"))).await;
    let skipped: Vec<_> = report.findings.iter().filter(|one| one.verdict.word() != "passed").collect();
    assert_eq!(skipped.len(), 2, "{skipped:#?}");
    assert!(
        skipped
            .iter()
            .all(|one| one.verdict.reason().is_some_and(|why| why.contains("iam:ListRolePolicies")))
    );
}

#[tokio::test]
async fn without_a_stack_the_checks_are_skipped() {
    let url = "http://127.0.0.1:9/mcp";
    let http = Remote::new(url).expect("a URL").auth(Auth::Anonymous).http().expect("a client");
    let target = Target::new(Arc::new(http), url).expect("a URL");
    let report = run(&target, &Plan::of([Suite::Infrastructure]), |_| {}).await.expect("a report");
    assert_eq!(report.count("skipped"), report.findings.len());
    assert!(!report.findings.is_empty());
}
