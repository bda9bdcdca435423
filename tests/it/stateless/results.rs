//! 2026-07-28: what every result carries, and what each method answers.
//! <https://modelcontextprotocol.io/specification/2026-07-28/basic#responses> (read 2026-11-20).

use mcp_lambda_server::{Principal, Server};
use serde_json::{Value, json};
use test_support::{
    McpRequest, call, environment, environments, environments_with, refused, result, stateless, text,
};

/// Every method that answers with a result, and whether a client may cache it.
fn every_method() -> Vec<(McpRequest, bool)> {
    let complete = json!({ "ref": { "type": "ref/prompt", "name": "plain" }, "argument": { "name": "a", "value": "pa" } });
    vec![
        (stateless("server/discover", json!({})), true),
        (stateless("tools/list", json!({})), true),
        (stateless("prompts/list", json!({})), true),
        (stateless("resources/list", json!({})), true),
        (stateless("resources/templates/list", json!({})), true),
        (stateless("resources/read", json!({ "uri": "test://one" })), true),
        (stateless("prompts/get", json!({ "name": "plain" })), false),
        (stateless("completion/complete", complete), false),
        (call("echo", json!({ "message": "hi" })), false),
        (stateless("fixture/own", json!({})), false),
    ]
}

async fn of(server: &Server, post: McpRequest) -> Value {
    result(post.send(server).await).await
}

#[tokio::test(start_paused = true)]
async fn discover_returns_versions_capabilities_identity_and_instructions() {
    let found = of(environment().at(0), stateless("server/discover", json!({}))).await;
    let versions = found["supportedVersions"].as_array().expect("a list");
    for version in ["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26"] {
        assert!(versions.contains(&json!(version)), "{versions:?}");
    }
    let capabilities = json!({
        "completions": {}, "logging": {}, "prompts": { "listChanged": true },
        "resources": { "listChanged": true, "subscribe": true }, "tools": { "listChanged": true },
    });
    assert_eq!(found["capabilities"], capabilities);
    assert_eq!(found["instructions"], "Say what to do.");
    assert!(found.get("serverInfo").is_none(), "identity goes into _meta");
}

/// The versions that `server/discover` lists are the ones a request may name.
#[tokio::test(start_paused = true)]
async fn discover_and_the_version_error_list_versions_that_are_served() {
    let world = environment();
    let found = of(world.at(0), stateless("server/discover", json!({}))).await;
    let discovered: Vec<String> =
        serde_json::from_value(found["supportedVersions"].clone()).expect("versions");
    let unsupported = stateless("tools/list", json!({}))
        .header("mcp-protocol-version", "2099-01-01")
        .meta("io.modelcontextprotocol/protocolVersion", json!("2099-01-01"));
    let (_, _, body) = refused(unsupported.send(world.at(0)).await).await;
    let supported: Vec<String> =
        serde_json::from_value(body["error"]["data"]["supported"].clone()).expect("versions");
    assert!(!supported.is_empty() && supported.iter().all(|version| discovered.contains(version)));
}

#[tokio::test(start_paused = true)]
async fn discover_lists_no_version_that_is_not_served() {
    let found = of(environment().at(0), stateless("server/discover", json!({}))).await;
    assert_eq!(
        found["supportedVersions"].as_array().map(Vec::len),
        Some(4),
        "{}",
        found["supportedVersions"]
    );
}

/// A flag is a promise, and without streams no client could learn of a change.
#[tokio::test(start_paused = true)]
async fn discover_promises_no_changes_when_streams_are_off() {
    let world = environments_with(1, |config| config.streams.enabled = false);
    let capabilities = of(world.at(0), stateless("server/discover", json!({}))).await["capabilities"].clone();
    let promised =
        ["/tools/listChanged", "/prompts/listChanged", "/resources/listChanged", "/resources/subscribe"];
    for flag in promised {
        assert_ne!(capabilities.pointer(flag), Some(&json!(true)), "{flag}");
    }
    assert!(capabilities["tools"].is_object(), "the tools are still there");
}

/// The experimental tasks of 2025-11-25 are not advertised here.
#[tokio::test(start_paused = true)]
async fn discover_advertises_no_tasks_capability_of_the_old_kind() {
    let found = of(environment().at(0), stateless("server/discover", json!({}))).await;
    assert_eq!(found["capabilities"].get("tasks"), None);
}

#[tokio::test(start_paused = true)]
async fn every_result_has_a_result_type() {
    let world = environment();
    for (post, _) in every_method() {
        let body = post.body.clone();
        assert_eq!(of(world.at(0), post).await["resultType"], "complete", "{body:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_result_names_the_server() {
    let world = environment();
    for (post, _) in every_method() {
        let body = post.body.clone();
        let info = of(world.at(0), post).await["_meta"]["io.modelcontextprotocol/serverInfo"].clone();
        assert_eq!((&info["name"], &info["version"]), (&json!("fixture"), &json!("1.2.3")), "{body:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_six_cacheable_results_carry_hints_and_no_other_does() {
    let world = environment();
    for (post, cacheable) in every_method() {
        let body = post.body.clone();
        let result = of(world.at(0), post).await;
        let hints = (result["ttlMs"].as_u64(), result["cacheScope"].as_str());
        if cacheable {
            assert!(hints.0.is_some() && matches!(hints.1, Some("public" | "private")), "{body:?}: {result}");
        } else {
            assert_eq!((result.get("ttlMs"), result.get("cacheScope")), (None, None), "{body:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn all_pages_of_a_list_have_one_cache_scope() {
    let world = environment();
    let first = of(world.at(0), stateless("resources/list", json!({}))).await;
    let second = of(world.at(0), stateless("resources/list", json!({ "cursor": first["nextCursor"] }))).await;
    assert_eq!(first["cacheScope"], second["cacheScope"]);
    assert_eq!((&second["resources"][0]["uri"], second.get("nextCursor")), (&json!("test://two"), None));
}

/// 1.6: an empty string is a cursor like any other, and one that is unknown is invalid params.
#[tokio::test(start_paused = true)]
async fn an_unknown_cursor_is_invalid_params() {
    let world = environment();
    for (method, cursor) in
        [("tools/list", json!("x")), ("resources/list", json!("")), ("tools/list", json!(5))]
    {
        let post = stateless(method, json!({ "cursor": cursor }));
        let (status, code, _) = refused(post.send(world.at(0)).await).await;
        assert_eq!((status, code), (200, -32602), "{method} {cursor}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_resource_is_invalid_params_that_names_it() {
    let reply = stateless("resources/read", json!({ "uri": "test://none" })).send(environment().at(0)).await;
    let (status, code, body) = refused(reply).await;
    assert_eq!((status, code, &body["error"]["data"]["uri"]), (200, -32602, &json!("test://none")));
}

#[tokio::test(start_paused = true)]
async fn an_unknown_tool_or_prompt_is_invalid_params() {
    let world = environment();
    for post in [call("none", json!({})), stateless("prompts/get", json!({ "name": "none" }))] {
        let (status, code, _) = refused(post.send(world.at(0)).await).await;
        assert_eq!((status, code), (200, -32602));
    }
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_fails_answers_with_a_result_that_is_an_error() {
    let result = of(environment().at(0), call("fail", json!({}))).await;
    assert_eq!((&result["isError"], &result["resultType"]), (&json!(true), &json!("complete")));
}

#[tokio::test(start_paused = true)]
async fn tools_are_listed_alike_for_every_caller_on_every_environment_at_any_time() {
    let world = environments(2);
    let list = || stateless("tools/list", json!({}));
    let first = of(world.at(0), list()).await;
    text(call("change", json!({ "what": "tools" })).send(world.at(0)).await).await;
    let ada = Principal::new("issuer", "ada");
    for (at, post) in
        [(0, list()), (1, list()), (1, list().from(&ada)), (0, list().header("user-agent", "other"))]
    {
        assert_eq!(of(world.at(at), post).await, first);
    }
}

/// 1.1: state between requests is named by a handle that the client passes, and works on any environment.
#[tokio::test(start_paused = true)]
async fn a_handle_carries_state_between_requests_and_environments() {
    let world = environments(2);
    let first: Value =
        serde_json::from_str(&text(call("count", json!({})).send(world.at(0)).await).await).expect("JSON");
    let again = call("count", json!({ "handle": first["handle"] }));
    let second: Value =
        serde_json::from_str(&text(again.clone().send(world.at(1)).await).await).expect("JSON");
    assert_eq!((&first["count"], &second["count"]), (&json!(1), &json!(2)));
    let bob = again.from(&Principal::new("issuer", "bob"));
    let other: Value = serde_json::from_str(&text(bob.send(world.at(0)).await).await).expect("JSON");
    assert_eq!(other["count"], 1, "another caller's handle is empty");
}

/// What a tool finds about its caller.
#[tokio::test(start_paused = true)]
async fn a_tool_sees_the_principal_the_version_and_no_session() {
    let world = environment();
    let who = |post: McpRequest| async {
        serde_json::from_str::<Value>(&text(post.send(world.at(0)).await).await).expect("JSON")
    };
    let anonymous = who(call("who", json!({}))).await;
    let expected = json!({
        "principal": "anonymous", "scopes": [], "tenant": null, "session": null, "version": "2026-07-28",
        "client": "test",
    });
    assert_eq!(anonymous, expected);
    let ada = who(call("who", json!({})).from(&Principal::new("issuer", "ada"))).await;
    assert_eq!(ada["principal"], "issuer|ada");
}
