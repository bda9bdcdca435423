//! The trace of an invocation on the calls that it makes to AWS. Lambda stops functions that invoke each other in a loop
//! by this header: <https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html> (read 2026-11-26).

use std::collections::BTreeSet;

use serde_json::json;

use crate::support::*;

fn trace(number: u32) -> String {
    format!("Root=1-5e6722a7-{number:024x};Parent=53995c3f42cd8ad8;Sampled=1;Lineage=a87bd80c:0")
}

/// `lambda_runtime` sets `_X_AMZN_TRACE_ID` for the SDK, which is one variable for all invocations of a process.
#[tokio::test]
async fn a_call_to_aws_has_the_trace_header_of_its_invocation() {
    let database = Database::start().await;
    let emulator = database.behind(function()).start().await.unwrap();
    let session = initialize(&emulator).await;
    database.take_trace_headers();
    // One era runs a call while its response is sent, the other in a task of its own.
    let calls = [call("count", json!({ "name": "everybody's" })), tool(&session, "count", json!({}))];
    for (number, request) in (0..).zip(calls) {
        let reply = request.header("x-amzn-trace-id", &trace(number)).send_to(&emulator).await;
        assert_eq!(reply.tool_text().await, "1");
        let headers = database.take_trace_headers();
        assert!(!headers.is_empty());
        assert!(headers.iter().all(|header| *header == Some(trace(number))), "{headers:?}");
    }
}

#[tokio::test]
async fn invocations_of_one_environment_at_a_time_do_not_share_a_trace_header() {
    let database = Database::start().await;
    let emulator = database.behind(function()).concurrency(4).start().await.unwrap();
    let calls = (0..4).map(|number| {
        let request = call("count", json!({ "name": format!("counter {number}") }));
        request.header("x-amzn-trace-id", &trace(number)).send_to(&emulator)
    });
    for reply in futures::future::join_all(calls).await {
        assert_eq!(reply.tool_text().await, "1");
    }
    let headers: BTreeSet<_> = database.take_trace_headers().into_iter().flatten().collect();
    assert_eq!(headers, (0..4).map(trace).collect());
}
