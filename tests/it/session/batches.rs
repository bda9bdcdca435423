//! JSON-RPC batches, which only 2025-03-26 has:
//! <https://modelcontextprotocol.io/specification/2025-03-26/basic#batching> (read 2026-11-20).

use std::collections::BTreeMap;

use serde_json::{Value, json};
use test_support::{
    McpRequest, Reply, environment, environments, environments_with, refused,
    session::{self, Client, OLDEST, call, notification, request},
};

/// The answers by id, however they came. Those without an id are under "null".
async fn answers(reply: Reply) -> BTreeMap<String, Value> {
    assert_eq!(reply.status, 200);
    let is_stream = reply.is_stream();
    let mut messages = reply.messages().await;
    if !is_stream {
        let Some(Value::Array(members)) = messages.pop() else { panic!("a batch is answered with an array") };
        messages = members;
    }
    messages.into_iter().map(|message| (message["id"].to_string(), message)).collect()
}

fn initialize() -> Value {
    let params = json!({ "protocolVersion": OLDEST, "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } });
    request("init", "initialize", params)
}

#[tokio::test]
async fn a_batch_of_requests_is_answered_with_an_array_of_their_responses() {
    let world = environments(2);
    let client = Client::open(world.at(0), OLDEST).await;
    let batch = json!([
        request(1, "ping", json!({})),
        call("two", "echo", json!({ "message": "hi" })),
        call(3, "no such tool", json!({})),
        request(4, "logging/setLevel", json!({ "level": "error" })),
    ]);
    let reply = client.post(&batch).send(world.at(1)).await;
    assert_eq!(reply.header("content-type"), Some("application/json"));
    let answers = answers(reply).await;
    assert_eq!(answers.len(), 4);
    assert_eq!(answers["1"]["result"], json!({}));
    assert_eq!(answers["\"two\""]["result"]["content"][0]["text"], "hi");
    assert_eq!(answers["3"]["error"]["code"], -32602);
    assert_eq!(answers["4"]["result"], json!({}));
}

#[tokio::test]
async fn a_batch_of_one_is_still_a_batch() {
    let world = environment();
    let client = Client::open(world.at(0), OLDEST).await;
    let reply = client.post(&json!([request(1, "ping", json!({}))])).send(world.at(0)).await;
    assert_eq!(reply.json().await, json!([{ "jsonrpc": "2.0", "id": 1, "result": {} }]));
}

#[tokio::test]
async fn a_batch_of_notifications_and_answers_is_202_without_a_body() {
    let world = environment();
    let client = Client::open(world.at(0), OLDEST).await;
    assert_eq!(world.report().await, "initialized");
    let batch = json!([
        notification("notifications/roots/list_changed", json!({})),
        { "jsonrpc": "2.0", "id": "unknown", "result": {} },
        { "jsonrpc": "2.0", "id": "unknown", "error": { "code": 1, "message": "no" } },
    ]);
    let reply = client.post(&batch).send(world.at(0)).await;
    assert_eq!(reply.status, 202);
    assert!(reply.bytes().await.is_empty());
    assert_eq!(world.report().await, "roots changed");
}

/// The answer and the cancellation in one body reach two calls; the third member is a call of its own.
#[tokio::test(start_paused = true)]
async fn requests_notifications_and_answers_mix() {
    let world = environments(2);
    let client = Client::open(world.at(0), OLDEST).await;
    let mut asking = client.call(1, "ask", json!({ "what": "roots" })).send(world.at(0)).await;
    let asked = asking.message().await;
    let slow = client.call(2, "slow", json!({})).send(world.at(0));
    let batch = async {
        assert_eq!(world.report().await, "initialized");
        assert_eq!(world.report().await, "started");
        let roots = json!({ "roots": [{ "uri": "file:///a" }] });
        let batch = json!([
            { "jsonrpc": "2.0", "id": asked["id"], "result": roots },
            notification("notifications/cancelled", json!({ "requestId": 2 })),
            call(3, "echo", json!({ "message": "third" })),
        ]);
        answers(client.post(&batch).send(world.at(1)).await).await
    };
    let (cancelled, answers) = tokio::join!(slow, batch);
    assert_eq!(answers.keys().collect::<Vec<_>>(), ["3"]);
    assert_eq!(asking.message().await["result"]["content"][0]["text"], "file:///a");
    assert_eq!(cancelled.messages().await, Vec::<Value>::new());
    assert_eq!(world.report().await, "cancelled");
}

#[tokio::test]
async fn a_bad_member_does_not_spoil_its_neighbours() {
    let world = environment();
    let client = Client::open(world.at(0), OLDEST).await;
    let batch = json!([
        7,
        { "jsonrpc": "2.0", "id": 1, "method": 5 },
        { "jsonrpc": "2.0", "method": "notifications/cancelled", "params": {} },
        [],
        call(2, "echo", json!({ "message": "hi" })),
        { "jsonrpc": "1.0", "id": 3, "method": "ping" },
    ]);
    let reply = client.post(&batch).send(world.at(0)).await;
    assert_eq!(reply.status, 200);
    let Value::Array(members) = reply.json().await else { panic!("an array") };
    assert_eq!(members.len(), 6);
    let codes = |id: Option<Value>| -> Vec<_> {
        let of_id = members.iter().filter(|member| member.get("id") == id.as_ref());
        of_id.map(|member| member["error"]["code"].as_i64()).collect()
    };
    assert_eq!(codes(Some(json!(1))), [Some(-32600)]);
    assert_eq!(codes(Some(json!(2))), [None]);
    assert_eq!(codes(Some(json!(3))), [Some(-32600)]);
    assert_eq!(codes(None), [Some(-32600); 3], "no id could be read, so none is given");
}

#[tokio::test]
async fn a_batch_of_nothing_but_an_unacceptable_notification_is_400() {
    let world = environment();
    let client = Client::open(world.at(0), OLDEST).await;
    let batch = json!([notification("notifications/cancelled", json!({}))]);
    let (status, code, _) = refused(client.post(&batch).send(world.at(0)).await).await;
    assert_eq!((status, code), (400, -32600));
}

#[tokio::test]
async fn an_empty_batch_is_an_invalid_request() {
    let world = environment();
    let client = Client::open(world.at(0), OLDEST).await;
    let (status, code, body) = refused(client.post(&json!([])).send(world.at(0)).await).await;
    assert_eq!((status, code), (400, -32600));
    assert!(body.is_object(), "one error, not an array of one");
}

#[tokio::test]
async fn a_batch_with_too_many_members_is_an_invalid_request_and_runs_nothing() {
    let world = environments_with(1, |config| config.limits.batch = 3);
    let client = Client::open(world.at(0), OLDEST).await;
    let batch = |members| Value::Array((0..members).map(|id| call(id, "count", json!({}))).collect());
    let (status, code, _) = refused(client.post(&batch(4)).send(world.at(0)).await).await;
    assert_eq!((status, code), (400, -32600));
    let taken = answers(client.post(&batch(3)).send(world.at(0)).await).await;
    assert_eq!(taken["2"]["result"]["content"][0]["text"], "3", "the four did not count");
}

/// "The initialize request MUST NOT be part of a JSON-RPC batch".
#[tokio::test]
async fn initialize_is_refused_inside_a_batch() {
    let world = environment();
    let client = Client::open(world.at(0), OLDEST).await;
    let inside = client.post(&json!([initialize(), request(2, "ping", json!({}))])).send(world.at(0)).await;
    assert_eq!(inside.header("mcp-session-id"), None);
    let answers = answers(inside).await;
    assert_eq!(answers["\"init\""]["error"]["code"], -32600);
    assert_eq!(answers["2"]["result"], json!({}));
    let alone = McpRequest::json(&json!([initialize()])).send(world.at(0)).await;
    assert_eq!(alone.header("mcp-session-id"), None);
    assert_eq!(alone.json().await[0]["error"]["code"], -32600);
}

/// A batch with messages is one stream: first the messages, then every response, then its end.
#[tokio::test]
async fn a_batch_that_talks_is_a_stream_with_every_response() {
    let world = environment();
    let client = Client::open(world.at(0), OLDEST).await;
    let batch = json!([
        request(1, "ping", json!({})),
        call(2, "log", json!({ "level": "error" })),
        call(3, "echo", json!({ "message": "hi" })),
    ]);
    let mut reply = client.post(&batch).send(world.at(0)).await;
    assert!(reply.is_stream());
    let rest = session::rest(&mut reply).await;
    let messages: Vec<_> = rest.iter().map(|(_, message)| message).collect();
    let ids: Vec<_> = messages.iter().filter_map(|message| message.get("id")).collect();
    assert_eq!(ids, [&json!(1), &json!(2), &json!(3)]);
    assert_eq!(messages.iter().filter(|message| message["method"] == "notifications/message").count(), 1);
}

#[tokio::test]
async fn a_stateless_method_in_a_batch_is_method_not_found() {
    let world = environment();
    let client = Client::open(world.at(0), OLDEST).await;
    let batch =
        json!([request(1, "server/discover", json!({})), request(2, "subscriptions/listen", json!({}))]);
    let answers = answers(client.post(&batch).send(world.at(0)).await).await;
    assert!(answers.values().all(|answer| answer["error"]["code"] == -32601), "{answers:?}");
}

/// Batches arrive whole or not at all: a cut-off array is a parse error.
#[tokio::test]
async fn an_unparsable_batch_is_a_parse_error() {
    let world = environment();
    let client = Client::open(world.at(0), OLDEST).await;
    let mut post = client.post(&json!([]));
    post.body = bytes::Bytes::from_static(b"[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"},");
    let (status, code, _) = refused(post.send(world.at(0)).await).await;
    assert_eq!((status, code), (400, -32700));
}
