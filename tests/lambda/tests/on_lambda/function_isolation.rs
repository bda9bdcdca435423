//! Two users with tokens of their own, four environments as processes over one DynamoDB: what one of them has, the
//! other cannot distinguish it from one that does not exist.

use http::Method;
use lambda_emulator::{Emulator, Routing};
use local_issuer::Issuer;
use serde_json::{Value, json};

use crate::support::*;

async fn four_environments(issuer: &Issuer, database: &Database) -> Emulator {
    let function = function()
        .environments(4)
        .routing(Routing::RoundRobin)
        .spread(true)
        .timeout(SOON)
        .env("MCP_JWT_ISSUER", issuer.url())
        .env("MCP_JWT_AUDIENCE", "mcp")
        .env("MCP_STATE_KEYS", "one:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    database.behind(function).start().await.unwrap()
}

const NEVER: &str = "0123456789abcdef0123456789abcdef";

/// Everything that can be seen of an answer, without the words that differ in any two.
async fn seen(emulator: &Emulator, request: McpRequest, token: &str) -> (u16, Vec<String>, String) {
    let reply = request.header("authorization", &format!("Bearer {token}")).send_to(emulator).await;
    let varies = ["date", "x-amzn-requestid", "x-amzn-trace-id", "x-emulator-environment"];
    let headers = reply.headers.iter().filter(|(name, _)| !varies.contains(&name.as_str()));
    let headers = headers.map(|(name, value)| format!("{name}: {value:?}")).collect();
    (reply.status.as_u16(), headers, reply.text().await)
}

#[tokio::test]
async fn a_session_or_state_of_another_user_is_refused_exactly_as_an_unknown_one() {
    let (issuer, database) = (Issuer::start().await.unwrap(), Database::start().await);
    let emulator = four_environments(&issuer, &database).await;
    let (ada, bob) = (issuer.token("ada").sign(), issuer.token("bob").sign());
    let hers = initialize_as(&emulator, &ada).await;
    let count = |id: &str| tool(id, "count", json!({}));
    let as_ada = async |request: McpRequest| {
        request.header("authorization", &format!("Bearer {ada}")).send_to(&emulator).await
    };
    for expected in ["1", "2", "3", "4"] {
        assert_eq!(
            as_ada(count(&hers)).await.tool_text().await,
            expected,
            "her session is on every environment"
        );
    }
    type Attempt = fn(&str) -> McpRequest;
    let answer = json!({ "jsonrpc": "2.0", "id": "x/1", "result": {} });
    let attempts: [(&str, Attempt); 5] = [
        ("a call", |id| tool(id, "count", json!({}))),
        ("a stream", |id| session(id, Method::GET, &Value::Null)),
        ("a replay", |id| {
            session(id, Method::GET, &Value::Null).header("last-event-id", &format!("{NEVER}.1"))
        }),
        ("the end", |id| session(id, Method::DELETE, &Value::Null)),
        ("a notification", |id| {
            session(id, Method::POST, &json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }))
        }),
    ];
    for (what, attempt) in attempts {
        // Four times each: every environment is asked.
        for _ in 0..4 {
            let real = seen(&emulator, attempt(&hers), &bob).await;
            let made_up = seen(&emulator, attempt(NEVER), &bob).await;
            assert_eq!((real.0, &real), (404, &made_up), "{what}");
        }
    }
    for _ in 0..4 {
        let real = seen(&emulator, session(&hers, Method::POST, &answer), &bob).await;
        assert_eq!((real.0, real), (404, seen(&emulator, session(NEVER, Method::POST, &answer), &bob).await));
    }
    // Every caller may use the name, and has a state of its own behind it.
    let named = |token: &str| {
        call("count", json!({ "name": "shared" })).header("authorization", &format!("Bearer {token}"))
    };
    for expected in ["1", "2", "3", "4"] {
        assert_eq!(named(&ada).send_to(&emulator).await.tool_text().await, expected);
    }
    assert_eq!(named(&bob).send_to(&emulator).await.tool_text().await, "1");
    assert_eq!(as_ada(count(&hers)).await.tool_text().await, "5", "nothing of that has touched it");
    assert_eq!(emulator.environments().len(), 4);
}
