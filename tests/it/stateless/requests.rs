//! 2026-07-28: what is a request, and which are refused.
//! <https://modelcontextprotocol.io/specification/2026-07-28/basic> (read 2026-11-20).

use http::Method;
use mcp_lambda_server::{McpLambdaServer, Server, rmcp::model::ServerCapabilities};
use serde_json::{Value, json};
use test_support::{
    McpRequest, Reply, World, call, environment, refused, request::STATELESS, result, stateless,
    stateless_with, text,
};

fn echo() -> McpRequest {
    call("echo", json!({ "message": "hi" }))
}

async fn status_and_code(world: &World, post: McpRequest) -> (u16, i64) {
    let (status, code, _) = refused(post.send(world.at(0)).await).await;
    (status, code)
}

#[tokio::test(start_paused = true)]
async fn get_and_delete_do_not_exist_in_this_revision() {
    let world = environment();
    for method in [Method::GET, Method::DELETE] {
        for version in [STATELESS, "2027-01-01"] {
            let post = McpRequest::of(method.clone()).header("mcp-protocol-version", version);
            let reply = post.header("mcp-session-id", "0".repeat(32).as_str()).send(world.at(0)).await;
            assert_eq!(
                (reply.status.as_u16(), reply.header("allow")),
                (405, Some("POST, OPTIONS")),
                "{method} {version}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_notification_is_accepted_with_an_empty_body() {
    let world = environment();
    // Real clients send cancellations with and without `_meta`, and headers for them are not defined.
    let bare = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 1 } });
    let full = stateless("notifications/cancelled", json!({ "requestId": 1 }))
        .edit(|body| drop(body.as_object_mut().unwrap().remove("id")));
    for post in [McpRequest::json(&bare).header("mcp-protocol-version", STATELESS), full] {
        let reply = post.send(world.at(0)).await;
        assert_eq!(reply.status, 202);
        assert!(reply.bytes().await.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_notification_that_is_no_message_is_refused_without_an_id() {
    let world = environment();
    let wrong = [
        json!({ "method": "notifications/cancelled" }),
        json!({ "jsonrpc": "1.0", "method": "notifications/cancelled" }),
        json!({ "jsonrpc": "2.0", "method": 5 }),
        json!({ "jsonrpc": "2.0", "params": {} }),
    ];
    for body in wrong {
        let post = McpRequest::json(&body).header("mcp-protocol-version", STATELESS);
        let (status, code, answer) = refused(post.send(world.at(0)).await).await;
        assert_eq!((status, code, answer.get("id")), (400, -32600, None), "{body}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_response_is_refused_because_there_was_no_request() {
    let world = environment();
    let answers = [
        json!({ "jsonrpc": "2.0", "id": 7, "result": {} }),
        json!({ "jsonrpc": "2.0", "id": 7, "error": { "code": 1, "message": "no" } }),
    ];
    for answer in answers {
        let post = McpRequest::json(&answer).header("mcp-protocol-version", STATELESS);
        assert_eq!(status_and_code(&world, post).await, (400, -32600));
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_refused() {
    let world = environment();
    let one = echo().edit(|body| *body = json!([body.clone()]));
    assert_eq!(status_and_code(&world, one).await, (400, -32600));
    let none = echo().edit(|body| *body = json!([]));
    assert_eq!(status_and_code(&world, none).await, (400, -32600));
}

#[tokio::test(start_paused = true)]
async fn an_id_that_is_no_string_and_no_integer_is_refused() {
    let world = environment();
    for id in [json!(null), json!(1.5), json!(true), json!({}), json!([1]), json!(u64::MAX), json!(i64::MAX)]
    {
        let post = stateless_with(id.clone(), "tools/list", json!({}), json!({}));
        let (status, code, body) = refused(post.send(world.at(0)).await).await;
        assert_eq!((status, code, body.get("id")), (400, -32600, None), "{id}");
    }
}

/// Ids come back as they were sent, in type and value.
#[tokio::test(start_paused = true)]
async fn results_and_errors_echo_the_id_of_the_request() {
    let world = environment();
    for id in [json!(0), json!(-7), json!(1_i64 << 53), json!(""), json!("1"), json!("ü \"\\\u{0}")] {
        let send = |method| stateless_with(id.clone(), method, json!({}), json!({})).send(world.at(0));
        for method in ["tools/list", "no/such", "initialize"] {
            assert_eq!(send(method).await.json().await["id"], id, "{method}");
        }
        let mismatch =
            stateless_with(id.clone(), "tools/list", json!({}), json!({})).header("mcp-method", "x");
        assert_eq!(mismatch.send(world.at(0)).await.json().await["id"], id);
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_without_meta_is_refused() {
    let world = environment();
    let bodies: [fn(&mut Value); 6] = [
        |body| drop(body["params"].as_object_mut().unwrap().remove("_meta")),
        |body| drop(body.as_object_mut().unwrap().remove("params")),
        |body| body["params"] = json!(null),
        |body| body["params"] = json!([]),
        |body| body["params"]["_meta"] = json!(null),
        |body| body["params"]["_meta"] = json!("meta"),
    ];
    for (at, change) in bodies.into_iter().enumerate() {
        assert_eq!(status_and_code(&world, echo().edit(change)).await, (400, -32602), "body {at}");
    }
}

/// A client that probes an unknown server learns from the code that this one speaks 2026-07-28.
#[tokio::test(start_paused = true)]
async fn a_discover_without_envelope_is_refused_with_a_modern_error() {
    let world = environment();
    let bare = McpRequest::json(&json!({ "jsonrpc": "2.0", "id": 1, "method": "server/discover" }));
    assert_eq!(status_and_code(&world, bare).await, (400, -32602));
    let no_header = stateless("server/discover", json!({})).without("mcp-protocol-version");
    assert_eq!(status_and_code(&world, no_header).await, (400, -32020));
}

#[tokio::test(start_paused = true)]
async fn a_required_meta_key_that_is_missing_or_malformed_is_refused() {
    const VERSION: &str = "io.modelcontextprotocol/protocolVersion";
    const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
    let world = environment();
    for key in [VERSION, CAPABILITIES] {
        let gone = echo().edit(|body| drop(body["params"]["_meta"].as_object_mut().unwrap().remove(key)));
        assert_eq!(status_and_code(&world, gone).await, (400, -32602), "no {key}");
        for wrong in [json!(null), json!(5), json!(["2026-07-28"])] {
            let post = echo().meta(key, wrong.clone());
            assert_eq!(status_and_code(&world, post).await, (400, -32602), "{key}: {wrong}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_missing_client_info_is_accepted() {
    let post = echo().edit(|body| {
        body["params"]["_meta"].as_object_mut().unwrap().remove("io.modelcontextprotocol/clientInfo");
    });
    assert_eq!(text(post.send(environment().at(0)).await).await, "hi");
}

#[tokio::test(start_paused = true)]
async fn an_unknown_method_is_not_found() {
    let world = environment();
    for method in [
        "no/such",
        "tools",
        "tools/",
        "tools/unheard",
        "",
        "Tools/List",
        "notifications/cancelled",
        "rpc.discover",
    ] {
        let post = stateless(method, json!({}));
        let (status, code, body) = refused(post.send(world.at(0)).await).await;
        assert_eq!((status, code, &body["id"]), (404, -32601, &json!(1)), "{method:?}");
    }
}

/// A method of the handler's own is not unknown.
#[tokio::test(start_paused = true)]
async fn a_method_of_the_handlers_own_reaches_it() {
    let result = result(stateless("fixture/own", json!({ "a": 1 })).send(environment().at(0)).await).await;
    assert_eq!((&result["params"], &result["resultType"]), (&json!({ "a": 1 }), &json!("complete")));
}

#[tokio::test(start_paused = true)]
async fn methods_of_the_session_era_do_not_exist() {
    let world = environment();
    let gone = [
        "initialize",
        "ping",
        "logging/setLevel",
        "resources/subscribe",
        "resources/unsubscribe",
        "tasks/result",
        "tasks/list",
    ];
    for method in gone {
        let params = json!({ "level": "info", "uri": "test://one", "protocolVersion": "2025-11-25", "capabilities": {},
            "clientInfo": { "name": "c", "version": "1" }, "taskId": "t" });
        assert_eq!(status_and_code(&world, stateless(method, params)).await, (404, -32601), "{method}");
    }
}

/// One server that advertises nothing.
fn bare_server() -> Server {
    let mut fixture = test_support::Fixture::new(test_support::Stage::new().0);
    fixture.capabilities = ServerCapabilities::default();
    let config = mcp_lambda_server::Config::default();
    test_support::built(McpLambdaServer::builder(fixture).config(config)).expect("a usable configuration")
}

#[tokio::test(start_paused = true)]
async fn a_method_of_a_capability_that_is_not_advertised_does_not_exist() {
    let server = bare_server();
    let methods = [
        "tools/list",
        "tools/call",
        "prompts/list",
        "prompts/get",
        "resources/list",
        "resources/read",
        "resources/templates/list",
        "completion/complete",
        "tasks/get",
        "tasks/update",
        "tasks/cancel",
    ];
    for method in methods {
        let params = json!({ "name": "echo", "uri": "echo", "taskId": "echo" });
        let post = stateless(method, params).header("mcp-name", "echo");
        let (status, code, _) = refused(post.send(&server).await).await;
        assert_eq!((status, code), (404, -32601), "{method}");
    }
    result(stateless("server/discover", json!({})).send(&server).await).await;
}

#[tokio::test(start_paused = true)]
async fn a_capability_that_is_needed_but_undeclared_is_refused_with_what_is_needed() {
    let world = environment();
    let (status, code, body) = refused(call("needs_sampling", json!({})).send(world.at(0)).await).await;
    assert_eq!((status, code), (400, -32021));
    assert_eq!(body["error"]["data"]["requiredCapabilities"], json!({ "sampling": {} }));
    let params = json!({ "name": "needs_sampling", "arguments": {} });
    let declared = stateless_with(json!(1), "tools/call", params, json!({ "sampling": {} }));
    assert_eq!(text(declared.send(world.at(0)).await).await, "can sample");
}

/// A capability that one request declares does not hold for the next.
#[tokio::test(start_paused = true)]
async fn nothing_is_remembered_from_an_earlier_request() {
    let world = environment();
    let params = json!({ "name": "needs_sampling", "arguments": {} });
    let declared = stateless_with(json!(1), "tools/call", params, json!({ "sampling": {} }));
    text(declared.send(world.at(0)).await).await;
    assert_eq!(status_and_code(&world, call("needs_sampling", json!({}))).await, (400, -32021));
}

async fn handler_error(code: i64) -> Reply {
    call("error", json!({ "code": code })).send(environment().at(0)).await
}

/// A handler that serves both eras may use the code of 2025.
#[tokio::test(start_paused = true)]
async fn a_resource_not_found_of_a_handler_never_keeps_its_old_code() {
    assert_eq!(refused(handler_error(-32002).await).await.1, -32602);
}

/// Errors of a handler keep their code; only those the transport names have a status of their own.
#[tokio::test(start_paused = true)]
async fn errors_of_a_handler_have_the_statuses_the_transport_names() {
    for (code, status) in
        [(-32601, 404), (-32020, 400), (-32021, 400), (-32022, 400), (-32603, 200), (7, 200)]
    {
        let (found, same, _) = refused(handler_error(code).await).await;
        assert_eq!((found, same), (status, code));
    }
}

/// A handler that panics has failed; the next request is served.
#[tokio::test(start_paused = true)]
async fn a_panic_of_a_handler_is_an_internal_error() {
    let world = environment();
    assert_eq!(status_and_code(&world, call("panic", json!({}))).await, (200, -32603));
    assert_eq!(text(echo().send(world.at(0)).await).await, "hi");
}

/// The parameter `task` belongs to the experimental tasks of 2025-11-25.
#[tokio::test(start_paused = true)]
async fn a_task_param_is_ignored() {
    let post = echo().edit(|body| body["params"]["task"] = json!({ "ttl": 60_000 }));
    let result = result(post.send(environment().at(0)).await).await;
    assert_eq!((&result["resultType"], result.get("task")), (&json!("complete"), None));
}

#[tokio::test(start_paused = true)]
async fn a_session_id_is_ignored() {
    let world = environment();
    let reply = echo()
        .header("mcp-session-id", "nonsense")
        .header("last-event-id", "nonsense")
        .send(world.at(0))
        .await;
    assert_eq!(reply.header("mcp-session-id"), None);
    assert_eq!(text(reply).await, "hi");
}
