//! What clients send more, or otherwise, than the schema has, where nothing reads it.

use serde_json::{Value, json};
use test_support::{
    McpRequest, call, environment, refused,
    request::initialize_request,
    result,
    session::{Client, NEWEST},
    stateless, stateless_with, text,
};

/// The methods of a session that need no parameters.
const WITHOUT: [&str; 5] =
    ["ping", "tools/list", "prompts/list", "resources/list", "resources/templates/list"];

fn message(method: &str, id: Option<u8>, params: Option<&Value>) -> Value {
    let mut message = json!({ "jsonrpc": "2.0", "method": method });
    if let Some(id) = id {
        message["id"] = id.into();
    }
    if let Some(params) = params {
        message["params"] = params.clone();
    }
    message
}

/// No parameters, null, `[]` and `{}` are the same, for each method, and for notifications as for requests.
#[tokio::test(start_paused = true)]
async fn parameters_that_are_none_are_an_empty_object_for_every_message() {
    let world = environment();
    let client = Client::open(world.at(0), NEWEST).await;
    for params in [None, Some(json!(null)), Some(json!([])), Some(json!({}))] {
        for method in WITHOUT {
            let post = client.post(&message(method, Some(1), params.as_ref()));
            result(post.send(world.at(0)).await).await;
        }
        for method in ["notifications/initialized", "notifications/roots/list_changed", "notifications/own"] {
            let post = client.post(&message(method, None, params.as_ref()));
            assert_eq!(post.send(world.at(0)).await.status, 202, "{method} {params:?}");
        }
        let own =
            result(client.post(&message("fixture/own", Some(1), params.as_ref())).send(world.at(0)).await)
                .await;
        assert!(own["params"].is_null() || own["params"] == json!({}), "{own}");
        for method in ["tools/call", "prompts/get", "resources/read", "completion/complete"] {
            let post = client.post(&message(method, Some(1), params.as_ref()));
            assert_eq!(refused(post.send(world.at(0)).await).await.1, -32602, "{method} {params:?}");
        }
    }
    for params in [json!(5), json!("text"), json!([1]), json!(true)] {
        for method in WITHOUT {
            let post = client.post(&message(method, Some(1), Some(&params)));
            let (status, code, body) = refused(post.send(world.at(0)).await).await;
            assert_eq!((status, code), (200, -32602), "{method} {params}");
            assert!(
                body["error"]["message"].as_str().expect("a text").contains("params must be an object"),
                "{body}"
            );
        }
        let post = client.post(&message("notifications/own", None, Some(&params)));
        assert_eq!(post.send(world.at(0)).await.status, 400, "{params}");
    }
}

/// A field is judged only by the messages that define it.
#[tokio::test(start_paused = true)]
async fn fields_of_other_notifications_are_not_judged() {
    let world = environment();
    let client = Client::open(world.at(0), NEWEST).await;
    for wrong in [json!({}), json!([1]), json!(null), json!(1.5), json!(true)] {
        let odd = json!({ "progressToken": wrong, "requestId": wrong, "_meta": wrong });
        for method in ["notifications/initialized", "notifications/roots/list_changed", "notifications/own"] {
            let post = client.notification(method, odd.clone());
            assert_eq!(post.send(world.at(0)).await.status, 202, "{method} {odd}");
        }
        let progress = json!({ "progressToken": "foreign", "progress": wrong, "requestId": wrong });
        let post = client.notification("notifications/progress", progress);
        assert_eq!(post.send(world.at(0)).await.status, 202);
        let cancelled = json!({ "requestId": 7, "progressToken": wrong, "reason": wrong });
        assert_eq!(
            client.notification("notifications/cancelled", cancelled).send(world.at(0)).await.status,
            202
        );
        let unnamed = json!({ "requestId": wrong });
        assert_eq!(
            client.notification("notifications/cancelled", unnamed).send(world.at(0)).await.status,
            400
        );
    }
}

fn odd_capabilities() -> [Value; 7] {
    [
        json!({ "experimental": { "x": true, "y": ["z"], "z": { "a": 1 } } }),
        json!({ "experimental": [] }),
        json!({ "roots": true }),
        json!({ "roots": { "listChanged": "yes" }, "sampling": [] }),
        json!({ "elicitation": true, "extensions": { "io.modelcontextprotocol/ui": true } }),
        json!({ "extensions": 5, "own": [1] }),
        json!({ "sampling": null, "tasks": { "list": 5 } }),
    ]
}

fn odd_clients() -> [Value; 5] {
    [
        json!({ "name": "c", "version": 1.5 }),
        json!({ "name": "c", "version": "1", "icons": [{ "src": "data:,", "sizes": "48x48" }] }),
        json!({ "name": "c" }),
        json!({ "name": "c", "version": null, "title": 5, "icons": "none", "websiteUrl": [] }),
        json!({ "name": "c", "version": "1", "own": { "a": [1] } }),
    ]
}

/// codex#45269 and jenkins mcp-server-plugin#184: clients send more than the schema has. Both eras.
#[tokio::test(start_paused = true)]
async fn odd_values_that_nothing_needs_do_not_cost_the_connection() {
    let world = environment();
    for capabilities in odd_capabilities() {
        let opened = initialize_request(NEWEST, capabilities.clone()).send(world.at(0)).await;
        let session = opened.header("mcp-session-id").expect("a session").to_owned();
        let client = Client { id: session, version: NEWEST, principal: None };
        assert_eq!(
            text(client.call(1, "echo", json!({ "message": "hi" })).send(world.at(0)).await).await,
            "hi"
        );
        let params = json!({ "name": "echo", "arguments": { "message": "hi" } });
        let post = stateless_with(json!(1), "tools/call", params, capabilities);
        assert_eq!(text(post.send(world.at(0)).await).await, "hi");
    }
    for info in odd_clients() {
        let opened =
            initialize_request(NEWEST, json!({})).edit(|body| body["params"]["clientInfo"] = info.clone());
        let opened = opened.send(world.at(0)).await;
        let session = opened.header("mcp-session-id").expect("a session").to_owned();
        let client = Client { id: session, version: NEWEST, principal: None };
        let who = text(client.call(1, "who", json!({})).send(world.at(0)).await).await;
        assert!(who.contains("\"client\":\"c\""), "{info}: {who}");
        let post = call("who", json!({})).meta("io.modelcontextprotocol/clientInfo", info.clone());
        let who = text(post.send(world.at(0)).await).await;
        assert!(who.contains("\"client\":\"c\""), "{info}: {who}");
    }
}

/// What is declared in an odd way is declared: a client with `"roots": true` is asked for its roots.
#[tokio::test(start_paused = true)]
async fn a_capability_of_another_kind_is_declared_all_the_same() {
    let world = environment();
    let odd = stateless_with(
        json!(1),
        "tools/call",
        json!({ "name": "needs_sampling" }),
        json!({ "sampling": true }),
    );
    assert_eq!(text(odd.send(world.at(0)).await).await, "can sample");
    let none = stateless_with(
        json!(1),
        "tools/call",
        json!({ "name": "needs_sampling" }),
        json!({ "sampling": false }),
    );
    assert_eq!(refused(none.send(world.at(0)).await).await.1, -32021);
}

/// The body of a request of a session, with its id as text.
fn with_id(client: &Client, id: &str) -> McpRequest {
    let body = format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"ping\"}}");
    McpRequest::bytes(body.into_bytes())
        .header("mcp-session-id", &client.id)
        .header("mcp-protocol-version", client.version)
}

#[tokio::test(start_paused = true)]
async fn ids_up_to_2_to_the_53_are_echoed_and_larger_ones_refused_with_the_reason() {
    let world = environment();
    let client = Client::open(world.at(0), NEWEST).await;
    let largest = 9_007_199_254_740_992_i64;
    let echoed = [
        ("9007199254740992", json!(largest)),
        ("-9007199254740992", json!(-largest)),
        ("9007199254740991.0", json!(largest - 1)),
        ("2.0", json!(2)),
        ("1e3", json!(1000)),
        ("-0", json!(0)),
        ("\"9007199254740993\"", json!("9007199254740993")),
    ];
    for (sent, expected) in echoed {
        let reply = with_id(&client, sent).send(world.at(0)).await.json().await;
        assert_eq!((&reply["id"], &reply["result"]), (&expected, &json!({})), "{sent}: {reply}");
    }
    for sent in [
        "9007199254740993",
        "-9007199254740993",
        "9007199254740993.0",
        "1e30",
        "1e400",
        "18446744073709551616",
    ] {
        let (status, code, body) = refused(with_id(&client, sent).send(world.at(0)).await).await;
        assert_eq!((status, code, body.get("id")), (400, -32600, None), "{sent}");
        let said = body["error"]["message"].as_str().expect("a text");
        assert!(said.contains("2^53") && said.contains("as a string"), "{said}");
    }
    let post = stateless("tools/list", json!({})).edit(|body| body["id"] = json!(largest + 1));
    assert_eq!(refused(post.send(world.at(0)).await).await.0, 400);
}
