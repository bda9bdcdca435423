//! Two environments that share no store. What they lack here is what shared stores are for.

use http::{Method, StatusCode};
use lambda_emulator::{Emulator, EnvironmentId, Routing};
use serde_json::{Value, json};

use crate::support::*;

/// Lets only one of the two environments take the next request.
fn only(emulator: &Emulator, id: EnvironmentId) {
    for other in [EnvironmentId(1), EnvironmentId(2)] {
        if other == id { emulator.thaw(other).unwrap() } else { emulator.freeze(other).unwrap() }
    }
}

#[tokio::test]
async fn a_session_is_known_only_where_it_was_made() {
    let builder = function().environments(2).routing(Routing::RoundRobin).spread(true);
    let emulator = builder.start().await.unwrap();
    let made = initialize(&emulator).await;
    let elsewhere = tool(&made, "count", json!({})).send_to(&emulator).await;
    assert_eq!((elsewhere.environment(), elsewhere.status), (EnvironmentId(2), StatusCode::NOT_FOUND));
    let error = elsewhere.json().await["error"].clone();
    assert_eq!(error["code"], -32001);
    only(&emulator, EnvironmentId(1));
    let here = tool(&made, "count", json!({})).send_to(&emulator).await;
    assert_eq!(here.environment(), EnvironmentId(1));
    assert_eq!(here.tool_text().await, "1");
    only(&emulator, EnvironmentId(2));
    for method in [Method::GET, Method::DELETE] {
        let refused = session(&made, method, &Value::Null).send_to(&emulator).await;
        assert_eq!((refused.environment(), refused.status), (EnvironmentId(2), StatusCode::NOT_FOUND));
        assert_eq!(refused.json().await["error"], error);
    }
    only(&emulator, EnvironmentId(1));
    assert_eq!(tool(&made, "count", json!({})).send_to(&emulator).await.tool_text().await, "2");
}

#[tokio::test]
async fn a_call_without_a_session_is_served_by_any_environment() {
    let builder = function().environments(2).routing(Routing::RoundRobin).spread(true);
    let emulator = builder.start().await.unwrap();
    for environment in [1, 2] {
        let reply = call("echo", json!({ "message": "on" })).send_to(&emulator).await;
        assert_eq!(reply.environment(), EnvironmentId(environment));
        assert_eq!(reply.tool_text().await, "on");
    }
}
