//! Tokens of a real issuer: which are accepted, the challenge for the others, and the effect of scopes.
//! <https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization> (read 2026-11-20).

use http::Method;
use local_issuer::{Issuer, SCOPE, cases};
use mcp_lambda_server::Principal;
use serde_json::{Value, json};
use test_support::{
    McpRequest, Reply, World, call,
    environments::world,
    environments_with, refused,
    request::initialize_request,
    stateless, text,
    tokens::{challenge, guarded, now, taking, token, with},
};

const METADATA: &str =
    r#"scope="mcp:call", resource_metadata="http://127.0.0.1:9000/.well-known/oauth-protected-resource/mcp""#;

/// In both eras and on every method.
#[tokio::test]
async fn each_token_gives_exactly_the_access_it_states() {
    let issuer = Issuer::start().await.expect("a port");
    let world = guarded(1, &issuer);
    for case in cases(&issuer, now(&world)) {
        let eras = [
            call("echo", json!({ "message": "hi" })),
            initialize_request("2025-11-25", json!({})),
            McpRequest::of(Method::GET).header("accept", "text/event-stream"),
            McpRequest::of(Method::DELETE).header("mcp-session-id", "0123456789abcdef0123456789abcdef"),
        ];
        for (at, post) in eras.into_iter().enumerate() {
            let post = case
                .authorization
                .iter()
                .fold(post, |post, value| post.and_header("authorization", value.as_bytes()))
                .path(&format!("/mcp{}", case.query));
            let reply = post.send(world.at(0)).await;
            let name = format!("{} ({at})", case.name);
            if case.status == 200 {
                // An authenticated caller finds no session there.
                let expected = [200, 200, 405, 404][at];
                assert_eq!(
                    (reply.status.as_u16(), reply.header("www-authenticate")),
                    (expected, None),
                    "{name}"
                );
                continue;
            }
            assert_eq!(challenge(&reply), format!("Bearer {}{METADATA}", case.error), "{name}");
            let (status, code, body) = refused(reply).await;
            assert_eq!((status, code, body.get("id")), (case.status, -32600, None), "{name}");
        }
    }
    assert_eq!(issuer.asked("/.well-known/openid-configuration"), 1, "asked once, however many came");
    assert_eq!(issuer.asked_for_keys(), 1, "and not again for keys that are made up");
}

#[tokio::test]
async fn a_tool_sees_the_subject_and_the_claims_of_the_token() {
    let issuer = Issuer::start().await.expect("a port");
    let world = guarded(1, &issuer);
    let token = token(&world, &issuer, "ada").claim("tenant", json!({ "id": 7 })).sign();
    let who: Value =
        serde_json::from_str(&text(with(call("who", json!({})), &token).send(world.at(0)).await).await)
            .expect("JSON");
    assert_eq!(who["principal"], format!("{}|ada", issuer.url()));
    assert_eq!(who["scopes"], json!([SCOPE]));
    assert_eq!(who["tenant"], json!({ "id": 7 }));
}

/// Identities beside the token, from the client or from an ingress, do not count.
#[tokio::test]
async fn a_layer_of_the_program_may_authenticate_a_caller_itself() {
    let issuer = Issuer::start().await.expect("a port");
    let world = guarded(1, &issuer);
    let post = call("who", json!({})).from(&Principal::new("https://keys.example", "key-1"));
    let who: Value = serde_json::from_str(&text(post.send(world.at(0)).await).await).expect("JSON");
    assert_eq!(who["principal"], "https://keys.example|key-1");
}

#[tokio::test]
async fn the_metadata_names_the_scopes_of_tool_definitions() {
    let issuer = Issuer::start().await.expect("a port");
    let file = std::env::temp_dir().join(format!("mcp-scopes-{}.yaml", std::process::id()));
    std::fs::write(&file, "tools:\n  echo:\n    scopes: [tools:echo, admin]\n").expect("a file");
    let change = taking(&issuer);
    let world = world(
        1,
        |config| {
            change(config);
            config.auth.tools.add("admin_*", ["admin"]);
            config.tool_definitions = Some(file.clone());
        },
        |builder| builder,
    );
    let path = "/.well-known/oauth-protected-resource/mcp";
    let document = McpRequest::of(Method::GET).path(path).send(world.at(0)).await.json().await;
    assert_eq!(document["scopes_supported"], json!([SCOPE, "admin", "tools:echo"]));
    std::fs::remove_file(&file).expect("the file");
}

#[tokio::test]
async fn metadata_is_served_at_both_paths_without_a_token() {
    let issuer = Issuer::start().await.expect("a port");
    let change = taking(&issuer);
    let world = world(
        1,
        |config| {
            change(config);
            config.auth.tools.add("admin_*", ["admin"]);
        },
        |builder| builder.tool_scopes("publish", ["events:write", SCOPE]),
    );
    for path in ["/.well-known/oauth-protected-resource/mcp", "/.well-known/oauth-protected-resource"] {
        let reply = McpRequest::of(Method::GET)
            .path(path)
            .header("origin", "http://localhost:5173")
            .send(world.at(0))
            .await;
        assert_eq!(reply.status, 200);
        assert_eq!(
            reply.header("access-control-allow-origin"),
            Some("http://localhost:5173"),
            "pages read it"
        );
        let expected = json!({
            "resource": "http://127.0.0.1:9000/mcp",
            "authorization_servers": [issuer.url()],
            "bearer_methods_supported": ["header"],
            "scopes_supported": [SCOPE, "admin", "events:write"],
        });
        assert_eq!(reply.json().await, expected);
        let head = McpRequest::of(Method::HEAD).path(path).send(world.at(0)).await;
        assert_eq!((head.status.as_u16(), head.bytes().await.len()), (200, 0));
        let other = McpRequest::of(Method::POST).path(path).send(world.at(0)).await;
        assert_eq!((other.status.as_u16(), other.header("allow")), (405, Some("GET, HEAD, OPTIONS")));
    }
    assert_eq!(
        issuer.asked("/.well-known/openid-configuration"),
        0,
        "the metadata needs no request to the issuer"
    );
    let open = test_support::environment();
    let reply =
        McpRequest::of(Method::GET).path("/.well-known/oauth-protected-resource").send(open.at(0)).await;
    assert_eq!(reply.status, 404, "a server without tokens has nothing to say");
}

#[tokio::test]
async fn metadata_and_challenges_name_the_configured_public_url() {
    let issuer = Issuer::start().await.expect("a port");
    let change = taking(&issuer);
    let world = environments_with(1, |config| {
        change(config);
        config.auth.public_url = Some("https://mcp.example.com/prod".into());
    });
    let reply = call("echo", json!({})).send(world.at(0)).await;
    let expected = r#"Bearer scope="mcp:call", resource_metadata="https://mcp.example.com/prod/.well-known/oauth-protected-resource/mcp""#;
    assert_eq!(challenge(&reply), expected);
    let document =
        McpRequest::of(Method::GET).path("/.well-known/oauth-protected-resource/mcp").send(world.at(0)).await;
    assert_eq!(document.json().await["resource"], "https://mcp.example.com/prod/mcp");
    let world = guarded(1, &issuer);
    let reply = call("echo", json!({}))
        .header("x-forwarded-proto", "https")
        .header("host", "localhost")
        .send(world.at(0))
        .await;
    assert!(
        challenge(&reply).contains(r#"resource_metadata="https://localhost/.well-known"#),
        "{}",
        challenge(&reply)
    );
}

fn with_tools(issuer: &Issuer) -> World {
    let change = taking(issuer);
    environments_with(1, |config| {
        change(config);
        config.auth.tools.add("count", ["state:write", "audit"]);
        config.auth.tools.add("ask*", ["people"]);
        config.auth.hierarchy.add("admin", ["state:write", "ops"]);
        config.auth.hierarchy.add("ops", ["audit"]);
    })
}

async fn tools(reply: Reply) -> (Vec<String>, Value) {
    let result = reply.result().await;
    let names = result["tools"].as_array().expect("tools").iter();
    (
        names.map(|tool| tool["name"].as_str().expect("a name").to_owned()).collect(),
        result["cacheScope"].clone(),
    )
}

/// A list of tools is the caller's own: what it may not call it does not see.
#[tokio::test]
async fn a_caller_sees_and_calls_only_the_tools_it_is_allowed() {
    let issuer = Issuer::start().await.expect("a port");
    let world = with_tools(&issuer);
    for (scope, sees, asks) in [
        ("", false, false),
        ("state:write", false, false),
        ("state:write audit", true, false),
        ("people", false, true),
        ("admin", true, false),
    ] {
        let token = issuer.token_at("ada", now(&world)).claim("scope", format!("{SCOPE} {scope}")).sign();
        let (names, cache) =
            tools(with(stateless("tools/list", json!({})), &token).send(world.at(0)).await).await;
        let has = |name: &str| names.iter().any(|known| known == name);
        assert_eq!(
            (has("count"), has("ask"), has("asks_input"), has("echo")),
            (sees, asks, asks, true),
            "{scope}"
        );
        assert_eq!(cache, "private", "{scope}");
        let reply = with(call("count", json!({ "handle": "x" })), &token).send(world.at(0)).await;
        if sees {
            assert_eq!(reply.status, 200, "{scope}");
            continue;
        }
        // All needed scopes, in one challenge.
        let expected = r#"Bearer error="insufficient_scope", error_description="the token does not allow this", scope="mcp:call state:write audit", resource_metadata="http://127.0.0.1:9000/.well-known/oauth-protected-resource/mcp""#;
        assert_eq!(challenge(&reply), expected, "{scope}");
        let (status, code, body) = refused(reply).await;
        assert_eq!((status, code, &body["id"]), (403, -32000, &json!(1)), "{scope}");
    }
}

#[tokio::test]
async fn a_session_lists_the_same_permitted_tools() {
    let issuer = Issuer::start().await.expect("a port");
    let world = with_tools(&issuer);
    let token = token(&world, &issuer, "ada").sign();
    let opened = with(initialize_request("2025-03-26", json!({})), &token).send(world.at(0)).await;
    let session = opened.header("mcp-session-id").expect("a session").to_owned();
    let post = |body: Value| with(McpRequest::json(&body).header("mcp-session-id", &session), &token);
    let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
    let (names, _) = tools(post(list.clone()).send(world.at(0)).await).await;
    assert!(!names.iter().any(|name| name == "count"), "{names:?}");
    let count = json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": { "name": "count" } });
    let reply = post(count.clone()).send(world.at(0)).await;
    assert!(challenge(&reply).contains(r#"error="insufficient_scope""#), "{}", challenge(&reply));
    let (status, _, body) = refused(reply).await;
    assert_eq!((status, &body["id"]), (403, &json!(2)));
    let batch = post(json!([list, count])).send(world.at(0)).await;
    assert_eq!(batch.status, 200);
    let mut answers = batch.messages().await;
    if let [Value::Array(all)] = answers.as_slice() {
        answers = all.clone();
    }
    let refused = answers.iter().find(|answer| answer["id"] == 2).expect("an answer");
    assert_eq!(refused["error"]["code"], -32000, "{refused}");
}

/// A stream that waits ends when the token of its caller is no longer accepted, gracefully, in both eras; a later one at
/// its own lifetime.
#[tokio::test]
async fn no_stream_outlives_the_token_of_its_caller() {
    const LEEWAY: u64 = 30;
    let issuer = Issuer::start().await.expect("a port");
    let world = guarded(1, &issuer);
    let lasting = |seconds: u64| token(&world, &issuer, "ada").claim("exp", now(&world) + seconds).sign();
    // The keys of the issuer are fetched before the clock stands still.
    let session = with(initialize_request("2025-11-25", json!({})), &lasting(600)).send(world.at(0)).await;
    let session = session.header("mcp-session-id").expect("a session").to_owned();
    tokio::time::pause();
    for (seconds, lifetime) in [(5, 5 + LEEWAY), (100, 100 + LEEWAY), (3_600, 300)] {
        let listen =
            stateless("subscriptions/listen", json!({ "notifications": { "toolsListChanged": true } }));
        let get = McpRequest::of(Method::GET)
            .header("accept", "text/event-stream")
            .header("mcp-session-id", &session);
        for request in [listen, get] {
            let start = tokio::time::Instant::now();
            let mut stream = with(request, &lasting(seconds)).send(world.at(0)).await;
            assert_eq!(stream.status, 200);
            let mut last = None;
            while let Some(event) = stream.event_after_comments().await {
                last = Some(event);
            }
            assert_eq!(start.elapsed().as_secs(), lifetime, "a token of {seconds} s");
            let last = last.expect("a farewell");
            assert!(last.retry.is_some() || last.json()["result"].is_object(), "{last:?}");
        }
    }
}
