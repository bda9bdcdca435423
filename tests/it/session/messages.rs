//! Single messages of a session: what is taken, what is refused, and how.

use serde_json::{Value, json};
use test_support::{
    McpRequest, environment, environments, refused, result,
    session::{self, Client, MIDDLE, NEWEST, OLDEST, VERSIONS},
    text,
};

#[tokio::test]
async fn an_accepted_notification_is_202_without_a_body() {
    let world = environments(2);
    for version in VERSIONS {
        let client = Client::open(world.at(0), version).await;
        assert_eq!(world.report().await, "initialized");
        for (method, params) in [
            ("notifications/initialized", json!({})),
            ("notifications/roots/list_changed", json!({})),
            ("notifications/cancelled", json!({ "requestId": "nobody", "reason": "no reason" })),
            ("notifications/progress", json!({ "progressToken": "nobody", "progress": 1 })),
            ("notifications/of/the/future", json!({ "anything": [1] })),
        ] {
            let reply = client.notification(method, params).send(world.at(1)).await;
            assert_eq!(reply.status, 202, "{method}");
            assert_eq!(reply.header("content-type"), None);
            assert!(reply.bytes().await.is_empty());
        }
        assert_eq!(world.report().await, "initialized");
        assert_eq!(world.report().await, "roots changed", "the handler hears on whichever node");
    }
}

#[tokio::test]
async fn an_unacceptable_notification_is_400() {
    let world = environment();
    let client = Client::open(world.at(0), NEWEST).await;
    for message in [
        json!({ "jsonrpc": "2.0", "method": "notifications/cancelled" }),
        json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": null } }),
        json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 1.5 } }),
        json!({ "jsonrpc": "1.0", "method": "notifications/initialized" }),
        json!({ "method": "notifications/initialized" }),
        json!({ "jsonrpc": "2.0", "method": 7 }),
    ] {
        let (status, code, body) = refused(client.post(&message).send(world.at(0)).await).await;
        assert_eq!((status, code), (400, -32600), "{message}");
        assert_eq!(body.get("id"), None);
    }
}

#[tokio::test]
async fn a_response_is_202_even_when_no_request_waits_for_it() {
    let world = environment();
    for version in VERSIONS {
        let client = Client::open(world.at(0), version).await;
        for id in [json!(0), json!("unknown"), json!("0123456789abcdef0123456789abcdef/0")] {
            let asked = json!({ "id": id });
            assert_eq!(client.answer(&asked, json!({})).send(world.at(0)).await.status, 202);
            let refusal = client.refuse(&asked, -1, "no").send(world.at(0)).await;
            assert_eq!(refusal.status, 202);
            assert!(refusal.bytes().await.is_empty());
        }
    }
}

#[tokio::test]
async fn unparsable_json_is_a_parse_error_without_an_id() {
    let world = environment();
    let client = Client::open(world.at(0), NEWEST).await;
    let bad: [&[u8]; 7] =
        [b"", b"{", b"{\"jsonrpc\":\"2.0\",\"id\":1,", b"nonsense", b"[1", b"\xff\xfe", b"{\"a\":1} x"];
    for body in bad {
        let mut post = client.post(&json!({}));
        post.body = bytes::Bytes::copy_from_slice(body);
        let (status, code, answer) = refused(post.send(world.at(0)).await).await;
        assert_eq!((status, code), (400, -32700), "{}", body.escape_ascii());
        assert_eq!(answer.get("id"), None);
    }
}

#[tokio::test]
async fn a_batch_is_refused_but_for_2025_03_26() {
    let world = environment();
    for version in [NEWEST, MIDDLE] {
        let client = Client::open(world.at(0), version).await;
        let batch = json!([session::request(1, "ping", json!({}))]);
        for post in [client.post(&batch), client.post(&batch).without("mcp-protocol-version")] {
            let (status, code, body) = refused(post.send(world.at(0)).await).await;
            assert_eq!((status, code), (400, -32600), "{version}");
            assert_eq!(body.get("id"), None);
        }
    }
}

#[tokio::test]
async fn an_id_that_is_null_or_no_string_or_integer_is_an_invalid_request() {
    let world = environment();
    let client = Client::open(world.at(0), NEWEST).await;
    for id in [json!(null), json!(true), json!(1.5), json!([]), json!({})] {
        let (status, code, body) =
            refused(client.request(id, "ping", json!({})).send(world.at(0)).await).await;
        assert_eq!((status, code), (400, -32600));
        assert_eq!(body.get("id"), None);
    }
}

#[tokio::test]
async fn an_answer_echoes_the_id_of_its_request_with_its_type() {
    let world = environment();
    let client = Client::open(world.at(0), NEWEST).await;
    let gone = Client { id: "0".repeat(32), ..client.clone() };
    for id in [json!(0), json!(-7), json!(1_i64 << 53), json!(""), json!("7"), json!("ü/🦀")] {
        let posts = [
            client.request(id.clone(), "ping", json!({})),
            client.call(id.clone(), "echo", json!({})),
            client.call(id.clone(), "error", json!({})),
            client.call(id.clone(), "no such tool", json!({})),
            client.request(id.clone(), "no/such/method", json!({})),
            client.request(id.clone(), "tools/call", json!({ "name": 5 })),
            client.request(id.clone(), "ping", json!({})).without("mcp-session-id"),
            client.request(id.clone(), "ping", json!({})).header("mcp-protocol-version", "1999-01-01"),
            gone.request(id.clone(), "ping", json!({})),
        ];
        for post in posts {
            assert_eq!(post.send(world.at(0)).await.json().await["id"], id);
        }
        let streamed = client.call(id.clone(), "log", json!({ "level": "error" })).send(world.at(0)).await;
        assert_eq!(streamed.messages().await.pop().expect("a response")["id"], id);
    }
}

#[tokio::test]
async fn a_resource_that_is_not_there_is_32002() {
    let world = environment();
    for version in VERSIONS {
        let client = Client::open(world.at(0), version).await;
        let read =
            client.request(1, "resources/read", json!({ "uri": "test://never" })).send(world.at(0)).await;
        let (status, code, body) = refused(read).await;
        assert_eq!((status, code), (200, -32002));
        assert_eq!(body["error"]["data"]["uri"], "test://never");
    }
}

#[tokio::test]
async fn an_unknown_tool_is_invalid_params_and_a_failing_one_is_a_result() {
    let world = environment();
    for version in VERSIONS {
        let client = Client::open(world.at(0), version).await;
        let (status, code, _) =
            refused(client.call(1, "no such tool", json!({})).send(world.at(0)).await).await;
        assert_eq!((status, code), (200, -32602));
        let malformed = client.request(2, "tools/call", json!({ "name": 5 })).send(world.at(0)).await;
        let (status, code, _) = refused(malformed).await;
        assert_eq!((status, code), (200, -32602));
        let failed = result(client.call(3, "fail", json!({})).send(world.at(0)).await).await;
        assert_eq!(failed["isError"], true);
    }
}

#[tokio::test]
async fn an_unknown_method_is_method_not_found_at_200() {
    let world = environment();
    let client = Client::open(world.at(0), NEWEST).await;
    for method in ["no/such/method", "tasks/list", "tasks/get", "", "Ping", "skills/list"] {
        let params = json!({ "taskId": "any" });
        let (status, code, _) = refused(client.request(1, method, params).send(world.at(0)).await).await;
        assert_eq!((status, code), (200, -32601), "{method:?}");
    }
    let own = result(client.request(2, "fixture/own", json!({ "a": 1 })).send(world.at(0)).await).await;
    assert_eq!(own["params"], json!({ "a": 1 }), "a method of the handler's own");
}

#[tokio::test]
async fn progress_comes_only_with_the_token_growing_and_before_the_response() {
    let world = environment();
    for version in VERSIONS {
        let client = Client::open(world.at(0), version).await;
        let params = |token: Value| json!({ "name": "stubborn_progress", "arguments": {}, "_meta": { "progressToken": token } });
        for token in [json!("mine"), json!(7)] {
            let reply = client.request(1, "tools/call", params(token.clone())).send(world.at(0)).await;
            let messages = reply.messages().await;
            let received: Vec<_> = messages
                .iter()
                .map(|received| (&received["method"], &received["params"]["progress"]))
                .collect();
            let progress = json!("notifications/progress");
            assert_eq!(
                received,
                [(&progress, &json!(1.0)), (&progress, &json!(2.0)), (&Value::Null, &Value::Null)]
            );
            assert!(messages[..2].iter().all(|received| received["params"]["progressToken"] == token));
        }
        let silent = client.call(2, "stubborn_progress", json!({})).send(world.at(0)).await;
        assert!(!silent.is_stream(), "without a token there is nothing to stream");
        assert_eq!(text(silent).await, "done");
    }
}

#[tokio::test]
async fn ping_set_level_subscribe_and_unsubscribe_answer_with_an_empty_result() {
    let world = environments(2);
    for version in VERSIONS {
        let client = Client::open(world.at(0), version).await;
        for (method, params) in [
            ("ping", json!({})),
            ("logging/setLevel", json!({ "level": "warning" })),
            ("resources/subscribe", json!({ "uri": "test://one" })),
            ("resources/unsubscribe", json!({ "uri": "test://one" })),
            ("resources/unsubscribe", json!({ "uri": "test://never" })),
        ] {
            let reply = client.request(1, method, params).send(world.at(1)).await;
            assert_eq!(result(reply).await, json!({}), "{method}");
        }
        let bare =
            client.post(&json!({ "jsonrpc": "2.0", "id": 2, "method": "ping" })).send(world.at(0)).await;
        assert_eq!(result(bare).await, json!({}));
    }
}

#[tokio::test]
async fn a_bad_log_level_or_uri_is_invalid_params() {
    let world = environment();
    let client = Client::open(world.at(0), NEWEST).await;
    for (method, params) in [
        ("logging/setLevel", json!({ "level": "loud" })),
        ("logging/setLevel", json!({})),
        ("resources/subscribe", json!({})),
        ("resources/subscribe", json!({ "uri": 1 })),
        ("resources/unsubscribe", json!({ "uri": null })),
    ] {
        let (status, code, _) =
            refused(client.request(1, method, params.clone()).send(world.at(0)).await).await;
        assert_eq!((status, code), (200, -32602), "{method} {params}");
    }
}

const LEVELS: [&str; 8] = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"];

/// A level set on one environment holds on every environment, and lets through its own messages and more severe ones.
#[tokio::test]
async fn a_log_level_filters_the_replies_of_its_session_on_every_node() {
    let world = environments(2);
    let (client, other) = (Client::open(world.at(0), NEWEST).await, Client::open(world.at(0), NEWEST).await);
    let heard = async |client: &Client| {
        let mut messages = client.call(1, "log_all", json!({})).send(world.at(1)).await.messages().await;
        assert_eq!(messages.pop().expect("a response")["id"], 1);
        let levels =
            messages.iter().map(|received| received["params"]["level"].as_str().expect("a level").to_owned());
        levels.collect::<Vec<_>>()
    };
    assert_eq!(heard(&client).await, LEVELS, "everything until the client says otherwise");
    for (at, level) in LEVELS.iter().enumerate() {
        let set = client.request(2, "logging/setLevel", json!({ "level": level })).send(world.at(0)).await;
        assert_eq!(result(set).await, json!({}));
        assert_eq!(heard(&client).await, LEVELS[at..]);
    }
    assert_eq!(heard(&other).await, LEVELS, "another session's level is its own");
}

#[tokio::test]
async fn both_eras_are_served_interleaved_on_one_endpoint() {
    let world = environment();
    let oldest = Client::open(world.at(0), OLDEST).await;
    let newest = Client::open(world.at(0), NEWEST).await;
    for round in 0..3 {
        let echo = json!({ "message": format!("round {round}") });
        let stateless = text(test_support::call("echo", echo.clone()).send(world.at(0)).await).await;
        let in_sessions = [oldest.call(round, "echo", echo.clone()), newest.call(round, "echo", echo)];
        for post in in_sessions {
            assert_eq!(text(post.send(world.at(0)).await).await, stateless);
        }
        let with_session = test_support::call("who", json!({})).header("mcp-session-id", &newest.id);
        let who: Value =
            serde_json::from_str(&text(with_session.send(world.at(0)).await).await).expect("JSON");
        assert_eq!(who["session"], Value::Null, "2026-07-28 has no sessions, whatever a header says");
    }
    let modern =
        McpRequest::json(&json!({ "jsonrpc": "2.0", "id": 1, "method": "server/discover", "params": {} }));
    let (status, code, _) = refused(modern.send(world.at(0)).await).await;
    assert_eq!((status, code), (400, -32602));
}

/// A client that sees one of these codes takes this server for one of 2026-07-28 alone.
#[tokio::test]
async fn no_error_of_a_session_carries_a_stateless_code() {
    let world = environment();
    let client = Client::open(world.at(0), NEWEST).await;
    let error = |code: i64| client.call(1, "error", json!({ "code": code, "data": { "why": 1 } }));
    let posts = [
        error(-32020),
        error(-32021),
        error(-32022),
        client.call(1, "needs_sampling", json!({})).without("mcp-session-id"),
        client.call(1, "asks_input", json!({})),
        client.call(1, "sheds_load", json!({})),
        client.request(1, "tasks/get", json!({ "taskId": "any" })),
        client.request(1, "ping", json!({})).header("mcp-protocol-version", "2024-11-05"),
        client.request(1, "ping", json!({})).and_header("mcp-protocol-version", b"2025-11-25"),
        client.request(1, "ping", json!({})).and_header("mcp-session-id", b"2025-11-25"),
        client.request(1, "ping", json!({})).header("mcp-method", "tools/call"),
        client.resume("nonsense"),
        McpRequest::json(&json!({})),
    ];
    for (at, post) in posts.into_iter().enumerate() {
        let body = post.send(world.at(0)).await.json().await;
        if let Some(code) = body["error"]["code"].as_i64() {
            assert!(!(-32099..=-32020).contains(&code), "{at}: {body}");
        }
    }
    let (_, code, body) = refused(error(-32021).send(world.at(0)).await).await;
    assert_eq!((code, &body["error"]["data"]["why"]), (-32600, &json!(1)), "the rest of the error stays");
    let (_, code, _) = refused(error(-31999).send(world.at(0)).await).await;
    assert_eq!(code, -31999, "a handler's own codes are its own");
}

/// Checks the shape alone: no field that only 2026-07-28 has, and every message is a JSON-RPC object.
#[tokio::test]
async fn results_of_a_session_carry_nothing_that_only_the_stateless_era_has() {
    let world = environment();
    for version in VERSIONS {
        let client = Client::open(world.at(0), version).await;
        let initialize = test_support::request::initialize_request(version, json!({}));
        let complete = json!({
            "ref": { "type": "ref/prompt", "name": "plain" }, "argument": { "name": "city", "value": "pa" },
        });
        let posts = [
            initialize,
            client.request(1, "tools/list", json!({})),
            client.call(1, "echo", json!({ "message": "hi" })),
            client.call(1, "log", json!({ "level": "error" })),
            client.request(1, "prompts/list", json!({})),
            client.request(1, "prompts/get", json!({ "name": "plain" })),
            client.request(1, "resources/list", json!({})),
            client.request(1, "resources/templates/list", json!({})),
            client.request(1, "resources/read", json!({ "uri": "test://one" })),
            client.request(1, "completion/complete", complete),
            client.request(1, "ping", json!({})),
            client.request(1, "logging/setLevel", json!({ "level": "error" })),
        ];
        for post in posts {
            let mut messages = post.send(world.at(0)).await.messages().await;
            assert!(messages.iter().all(|message| message["jsonrpc"] == "2.0"), "{messages:?}");
            let last = messages.pop().expect("a response");
            assert!(last["result"].is_object(), "{last}");
            for key in ["resultType", "ttlMs", "cacheScope", "_meta"] {
                assert_eq!(last["result"].get(key), None, "{key} in {last}");
            }
            assert_eq!(last["result"]["capabilities"].get("extensions"), None);
        }
    }
}
