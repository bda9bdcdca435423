//! How many tasks there may be.

use mcp_lambda_server::Principal;
use serde_json::json;
use test_support::refused;

use super::jobs::{declared, world};

/// Anonymous callers are not one person, so they share no limit but that of the process.
#[tokio::test(start_paused = true)]
async fn as_many_tasks_run_at_a_time_as_the_process_allows() {
    let world = world(1);
    let call = declared("tools/call", json!({ "name": "deaf", "arguments": {} }));
    for _ in 0..16 + 1_000 {
        assert_eq!(call.clone().send(&world.servers[0]).await.status, 200);
        tokio::task::yield_now().await;
    }
    let (status, code, body) = refused(call.send(&world.servers[0]).await).await;
    assert_eq!((status, code), (429, -32000));
    assert!(body["error"]["message"].as_str().is_some_and(|text| text.contains("at most 1000")), "{body}");
}

#[tokio::test(start_paused = true)]
async fn a_principal_has_32_open_tasks() {
    let world = world(1);
    let ada = Principal::new("issuer", "ada");
    let call = declared("tools/call", json!({ "name": "deaf", "arguments": {} })).extension(ada);
    for _ in 0..32 {
        assert_eq!(call.clone().send(&world.servers[0]).await.status, 200);
    }
    let reply = call.send(&world.servers[0]).await;
    assert!(reply.header("retry-after").is_some());
    let (status, code, body) = refused(reply).await;
    assert_eq!((status, code), (429, -32000));
    assert!(body["error"]["message"].as_str().is_some_and(|text| text.contains("at most 32")), "{body}");
}
