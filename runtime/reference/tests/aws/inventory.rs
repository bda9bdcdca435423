//! `aws_inventory`.

use std::{
    sync::Arc,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};

use serde_json::{Value, json};
use test_support::{initialize, session::Client};

use crate::{
    cloud::Cloud,
    monitor::answer,
    program::{ALLOWED, CREDENTIALS, Program},
};

const TOOL: &str = "aws_inventory";
/// A lease has to expire, and the next process has to look for tasks.
const LONGEST: Duration = Duration::from_secs(90);

#[tokio::test]
async fn all_types_are_counted_by_their_states() {
    let cloud = Cloud::start(answer).await;
    let program = Program::start(&cloud.endpoint).await;
    let result = program.call(TOOL, json!({})).await;
    let counts = result["counts"].as_array().expect("counts");
    let of = |kind: &str| {
        let count = counts.iter().find(|count| count["resource_type"] == kind).expect("a count");
        (count["region"].clone(), count["total"].clone(), count["states"].clone())
    };
    assert_eq!((counts.len(), &result["total"]), (6, &json!(7)));
    assert_eq!(of("Lambda"), (json!("eu-north-1"), json!(1), json!({ "Active": 1 })));
    assert_eq!(of("S3"), (json!("eu-north-1"), json!(1), json!({})));
}

#[tokio::test]
async fn a_type_or_region_that_is_not_allowed_is_refused_and_one_that_fails_has_a_reason() {
    let cloud = Cloud::json(403, json!({ "__type": "AccessDeniedException", "message": "no" })).await;
    let variables: Vec<_> =
        ALLOWED.into_iter().chain(CREDENTIALS).chain([("MCP_TOOL_MONITOR", "EC2,Lambda")]).collect();
    let program = Program::with(&cloud.endpoint, &variables).await;
    for arguments in [json!({ "resource_types": ["S3"] }), json!({ "regions": ["us-east-1"] })] {
        let text = program.refused(TOOL, arguments).await;
        assert!(text.contains("is not allowed"), "{text}");
    }
    assert!(cloud.sent().is_empty());
    let result = program.call(TOOL, json!({ "resource_types": ["Lambda"] })).await;
    let failure = result["counts"][0]["failure"].as_str().expect("a reason");
    assert!(failure.contains("grant the IAM role of the server lambda:ListFunctions"), "{failure}");
}

/// The first process ends in its second reading; the next one does not read the first page again.
#[tokio::test]
async fn a_task_goes_on_from_its_checkpoint_in_another_process() {
    let (blocked, lists) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicUsize::new(0)));
    let (is_blocked, counted) = (Arc::clone(&blocked), Arc::clone(&lists));
    let cloud = Cloud::start(move |sent| {
        if sent.field("Action").as_deref() == Some("DescribeInstances") {
            counted.fetch_add(1, Ordering::SeqCst);
        } else if is_blocked.load(Ordering::SeqCst) {
            return (500, "text/xml", String::new());
        }
        answer(sent)
    });
    let cloud = cloud.await;
    let file = std::env::temp_dir().join(format!("{}-inventory.db", std::process::id()));
    let store = format!("sqlite:{}", file.display());
    let variables: Vec<_> = ALLOWED
        .into_iter()
        .chain(CREDENTIALS)
        .chain([
            ("MCP_STORE", store.as_str()),
            ("MCP_TASK_LEASE_SECONDS", "10"),
            ("MCP_TOOL_MONITOR", "EC2,CloudFormation"),
        ])
        .collect();
    let first = Program::with(&cloud.endpoint, &variables).await;
    let version = "2025-11-25";
    let id = initialize(&first.server, version, json!({})).await;
    let client = Client { id, version, principal: None };
    let params = json!({ "name": TOOL, "arguments": {}, "task": { "ttl": 300_000 } });
    let reply = client.request(1, "tools/call", params).send(&first.server).await;
    let task = reply.result().await["task"]["taskId"].clone();
    let status = async |program: &Program, method: &str| -> Value {
        let params = json!({ "taskId": task });
        client.request(2, method, params).send(&program.server).await.result().await
    };
    until(async || status(&first, "tasks/get").await["statusMessage"] == "1 of 2 counts, 2 resources").await;
    drop(first);
    blocked.store(false, Ordering::SeqCst);
    let second = Program::with(&cloud.endpoint, &variables).await;
    until(async || status(&second, "tasks/get").await["status"] == "completed").await;
    let result = status(&second, "tasks/result").await["structuredContent"].clone();
    assert_eq!(
        (&result["total"], result["counts"].as_array().expect("counts").len()),
        (&json!(3), 2),
        "{result}"
    );
    assert_eq!(lists.load(Ordering::SeqCst), 1, "the count of the checkpoint was not made again");
}

async fn until(holds: impl AsyncFn() -> bool) {
    let polling = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(LONGEST, polling).await.expect("it holds in time");
}
