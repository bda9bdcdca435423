//! Tokens of a real issuer: which are taken, what the others are told, and whose keys are believed for how long.
//! <https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization> (read 2026-11-20).
#![cfg(feature = "jwt")]

mod common;

use std::{sync::Arc, time::Duration};

use common::{
    Post, Reply, World, call,
    client::{self, initialize_request},
    environments_with, refused, stateless, text,
    world::world,
};
use futures::future::join_all;
use http::Method;
use local_issuer::{Issuer, Key, Outage, SCOPE, cases};
use mcp_lambda_server::{
    Config, Principal,
    auth::{AuthConfig, JwtConfig, TokenAlgorithm},
};
use serde_json::{Value, json};

const METADATA: &str =
    r#"scope="mcp:call", resource_metadata="http://127.0.0.1:9000/.well-known/oauth-protected-resource/mcp""#;

fn rules(issuer: &Issuer) -> JwtConfig {
    let mut rules = JwtConfig::new(issuer.url(), "mcp");
    rules.scopes = vec![SCOPE.to_owned()];
    rules
}

fn taking(issuer: &Issuer) -> impl Fn(&mut Config) + use<> {
    let rules = rules(issuer);
    move |config| config.auth = AuthConfig::tokens(rules.clone())
}

/// Environments that take this issuer's tokens.
fn guarded(n: usize, issuer: &Issuer) -> World {
    environments_with(n, taking(issuer))
}

fn now(world: &World) -> u64 {
    world.clock.now().epoch_seconds()
}

/// A token of somebody who may call.
fn token(world: &World, issuer: &Issuer, subject: &str) -> local_issuer::Token {
    issuer.token_at(subject, now(world)).claim("scope", SCOPE)
}

fn with(post: Post, token: &str) -> Post {
    post.header("authorization", &format!("Bearer {token}"))
}

async fn status(world: &World, token: &str) -> u16 {
    with(call("echo", json!({ "message": "hi" })), token).send(world.at(0)).await.status.as_u16()
}

fn challenge(reply: &Reply) -> String {
    reply.header("www-authenticate").unwrap_or("none").to_owned()
}

/// Rows 91, 92 and 94, for both eras and every method.
#[tokio::test]
async fn each_token_is_worth_what_it_says_and_no_more() {
    let issuer = Issuer::start().await.expect("a port");
    let world = guarded(1, &issuer);
    for case in cases(&issuer, now(&world)) {
        let eras = [
            call("echo", json!({ "message": "hi" })),
            initialize_request("2025-11-25", json!({})),
            Post::of(Method::GET).header("accept", "text/event-stream"),
            Post::of(Method::DELETE).header("mcp-session-id", "0123456789abcdef0123456789abcdef"),
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
                // Whoever comes in finds no session there.
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
async fn a_tool_sees_whose_token_it_was_and_what_it_said() {
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

/// Nothing a client or a front says beside the token counts.
#[tokio::test]
async fn a_layer_of_the_program_may_let_somebody_in_by_itself() {
    let issuer = Issuer::start().await.expect("a port");
    let world = guarded(1, &issuer);
    let post = call("who", json!({})).from(&Principal::new("https://keys.example", "key-1"));
    let who: Value = serde_json::from_str(&text(post.send(world.at(0)).await).await).expect("JSON");
    assert_eq!(who["principal"], "https://keys.example|key-1");
}

/// Row 93.
#[tokio::test]
async fn metadata_is_at_both_places_for_everybody() {
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
        let reply = Post::of(Method::GET)
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
        let head = Post::of(Method::HEAD).path(path).send(world.at(0)).await;
        assert_eq!((head.status.as_u16(), head.bytes().await.len()), (200, 0));
        let other = Post::of(Method::POST).path(path).send(world.at(0)).await;
        assert_eq!((other.status.as_u16(), other.header("allow")), (405, Some("GET, HEAD")));
    }
    assert_eq!(issuer.asked("/.well-known/openid-configuration"), 0, "nobody has to be asked for that");
    let open = common::environment();
    let reply = Post::of(Method::GET).path("/.well-known/oauth-protected-resource").send(open.at(0)).await;
    assert_eq!(reply.status, 404, "a server without tokens has nothing to say");
}

#[tokio::test]
async fn a_public_url_is_what_clients_are_told() {
    let issuer = Issuer::start().await.expect("a port");
    let change = taking(&issuer);
    let world = environments_with(1, |config| {
        change(config);
        config.auth.public_url = Some("https://mcp.example.com/prod".into());
    });
    let reply = call("echo", json!({})).send(world.at(0)).await;
    let told = r#"Bearer scope="mcp:call", resource_metadata="https://mcp.example.com/prod/.well-known/oauth-protected-resource/mcp""#;
    assert_eq!(challenge(&reply), told);
    let document =
        Post::of(Method::GET).path("/.well-known/oauth-protected-resource/mcp").send(world.at(0)).await;
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

// --- keys -----------------------------------------------------------------------------------------------------------

/// EC keys, and algorithms that were chosen.
#[tokio::test]
async fn every_algorithm_that_is_taken_works_with_a_key_of_its_kind() {
    let issuer = Issuer::start().await.expect("a port");
    let rules = rules(&issuer);
    let all = [
        (TokenAlgorithm::RS256, "RS256"),
        (TokenAlgorithm::RS384, "RS384"),
        (TokenAlgorithm::RS512, "RS512"),
        (TokenAlgorithm::PS256, "PS256"),
        (TokenAlgorithm::PS384, "PS384"),
        (TokenAlgorithm::PS512, "PS512"),
        (TokenAlgorithm::ES256, "ES256"),
        (TokenAlgorithm::ES384, "ES384"),
        (TokenAlgorithm::EdDSA, "EdDSA"),
    ];
    let keys = [Key::ec("p256"), Key::ec384("p384"), Key::ed25519("ed"), Key::rsa("rsa")];
    let mut published: Vec<Value> = keys.iter().map(Key::jwk).collect();
    // One key for the whole family, as some issuers publish it.
    published[3].as_object_mut().expect("a key").remove("alg");
    issuer.publish(&keys);
    issuer.publish_as_written(published);
    let world = environments_with(1, |config| {
        let mut rules = rules.clone();
        rules.algorithms = all.map(|(algorithm, _)| algorithm).to_vec();
        config.auth = AuthConfig::tokens(rules);
    });
    for (_, name) in all {
        let key = keys.iter().find(|key| key.algorithm() == name).unwrap_or(&keys[3]);
        let token = token(&world, &issuer, "ada").key(key).header("alg", name).sign();
        assert_eq!(status(&world, &token).await, 200, "{name}");
        let mut broken = token.into_bytes();
        let at = broken.len() - 20;
        broken[at] = if broken[at] == b'A' { b'B' } else { b'A' };
        assert_eq!(status(&world, &String::from_utf8(broken).expect("ASCII")).await, 401, "{name}");
    }
}

/// A key that says what it is for is good for nothing else; a key that cannot be read is for somebody else.
#[tokio::test]
async fn a_key_is_used_for_what_it_is_for() {
    let issuer = Issuer::start().await.expect("a port");
    let key = issuer.signing();
    let world_of = |keys: Vec<Value>| {
        issuer.publish_as_written(keys);
        guarded(1, &issuer)
    };
    let odd = |name: &str, value: Value| {
        let mut jwk = key.jwk();
        jwk[name] = value;
        jwk
    };
    for (jwk, expected) in [
        (odd("use", json!("sig")), 200),
        (odd("use", json!("enc")), 401),
        (odd("alg", json!("RS512")), 401),
        (odd("alg", json!("RSA-OAEP")), 401),
        (odd("key_ops", json!(["verify"])), 200),
        (odd("key_ops", json!(["encrypt"])), 401),
        (odd("kty", json!("EC")), 401),
        (odd("n", json!("AQAB")), 401),
        (odd("n", json!("not base64!")), 401),
        (odd("x5c", json!(["ignored"])), 200),
        (odd("n", json!(7)), 401),
    ] {
        let world = world_of(vec![json!("no key"), json!({ "kty": "oct", "k": "c2VjcmV0" }), jwk.clone()]);
        let token = token(&world, &issuer, "ada").sign();
        assert_eq!(status(&world, &token).await, expected, "{jwk}");
    }
}

/// Without a name a key must be the only one that could be meant.
#[tokio::test]
async fn a_token_without_a_key_name_is_taken_only_when_one_key_can_be_meant() {
    let issuer = Issuer::start().await.expect("a port");
    let world = guarded(1, &issuer);
    issuer.publish(&[Key::ec("ec"), Key::rsa("one")]);
    let unnamed = || token(&world, &issuer, "ada").header("kid", json!(null)).sign();
    assert_eq!(status(&world, &unnamed()).await, 200);
    let world = guarded(1, &issuer);
    issuer.publish(&[Key::other_rsa("two"), Key::rsa("one")]);
    assert_eq!(status(&world, &unnamed()).await, 401);
}

#[tokio::test]
async fn a_new_key_is_taken_at_once_and_a_withdrawn_one_soon_no_more() {
    let issuer = Issuer::start().await.expect("a port");
    let world = guarded(1, &issuer);
    let old = token(&world, &issuer, "ada").sign();
    assert_eq!(status(&world, &old).await, 200);
    world.clock.advance(Duration::from_secs(31));
    issuer.publish(&[Key::rsa("rsa-1"), Key::ec("ec-1")]);
    let new = token(&world, &issuer, "ada").sign();
    assert_eq!(status(&world, &new).await, 200, "the key is new, and asked for");
    assert_eq!(status(&world, &old).await, 200, "the old one is there still");
    issuer.publish(&[Key::ec("ec-2")]);
    assert_eq!(status(&world, &old).await, 200, "believed for a while");
    world.clock.advance(Duration::from_secs(601));
    assert_eq!(status(&world, &old).await, 401, "and then no more");
}

/// Names of keys can be made up, a thousand a second: the issuer hears of few of them.
#[tokio::test]
async fn unknown_keys_do_not_make_us_ask_again_and_again() {
    let issuer = Issuer::start().await.expect("a port");
    let world = guarded(1, &issuer);
    for n in 0..50 {
        let token = token(&world, &issuer, "ada").header("kid", format!("made-up-{n}")).sign();
        assert_eq!(status(&world, &token).await, 401);
    }
    assert_eq!(issuer.asked_for_keys(), 1);
    world.clock.advance(Duration::from_secs(31));
    let token = token(&world, &issuer, "ada").header("kid", "made-up").sign();
    assert_eq!(status(&world, &token).await, 401);
    assert_eq!(issuer.asked_for_keys(), 2);
}

#[tokio::test]
async fn many_at_once_ask_the_issuer_once() {
    let issuer = Issuer::start().await.expect("a port");
    let world = guarded(1, &issuer);
    let token = token(&world, &issuer, "ada").sign();
    let all = join_all((0..50).map(|_| status(&world, &token))).await;
    assert!(all.iter().all(|status| *status == 200), "{all:?}");
    assert_eq!((issuer.asked("/.well-known/openid-configuration"), issuer.asked_for_keys()), (1, 1));
}

/// The one that asks may leave; those who wait behind it are served all the same.
#[tokio::test]
async fn a_client_that_leaves_while_it_asks_holds_nobody_up() {
    let issuer = Issuer::start().await.expect("a port");
    let world = Arc::new(guarded(1, &issuer));
    issuer.suffer(Outage::Silent);
    let token = token(&world, &issuer, "ada").sign();
    {
        let mut leaving = Box::pin(status(&world, &token));
        assert!(futures::poll!(&mut leaving).is_pending());
        let mut waiting = Box::pin(status(&world, &token));
        assert!(futures::poll!(&mut waiting).is_pending());
    }
    issuer.suffer(Outage::None);
    assert_eq!(status(&world, &token).await, 200);
}

/// An outage lets nobody in, and says so.
#[tokio::test]
async fn without_keys_nobody_comes_in_and_the_answer_is_503() {
    let issuer = Issuer::start().await.expect("a port");
    for outage in [Outage::Closed, Outage::Failing, Outage::Garbage, Outage::Endless, Outage::Elsewhere] {
        let world = guarded(1, &issuer);
        issuer.suffer(outage);
        let token = token(&world, &issuer, "ada").sign();
        let reply = with(call("echo", json!({})), &token).send(world.at(0)).await;
        assert_eq!(
            (reply.header("retry-after"), reply.header("www-authenticate")),
            (Some("1"), None),
            "{outage:?}"
        );
        let (status_code, code, body) = refused(reply).await;
        assert_eq!((status_code, code, body.get("id")), (503, -32603, None), "{outage:?}");
        assert!(!body.to_string().contains(issuer.url()), "{body}");
        let forged = token.replace('.', ".x");
        assert_ne!(status(&world, &forged).await, 200, "{outage:?}");
        issuer.suffer(Outage::None);
        world.clock.advance(Duration::from_secs(2));
        assert_eq!(status(&world, &token).await, 200, "after {outage:?}");
    }
}

#[tokio::test]
async fn an_issuer_that_says_nothing_is_given_up_on() {
    let issuer = Issuer::start().await.expect("a port");
    let world = guarded(1, &issuer);
    issuer.suffer(Outage::Silent);
    let token = token(&world, &issuer, "ada").sign();
    tokio::time::pause();
    assert_eq!(status(&world, &token).await, 503);
}

/// Keys are believed for a while without their issuer, and not for ever.
#[tokio::test]
async fn known_keys_outlive_an_outage_for_an_hour() {
    let issuer = Issuer::start().await.expect("a port");
    let world = guarded(1, &issuer);
    let fresh = || token(&world, &issuer, "ada").sign();
    assert_eq!(status(&world, &fresh()).await, 200);
    issuer.suffer(Outage::Failing);
    world.clock.advance(Duration::from_secs(601));
    assert_eq!(status(&world, &fresh()).await, 200, "stale, and known");
    let asked = issuer.asked_for_keys();
    assert_eq!(status(&world, &fresh()).await, 200);
    assert_eq!(issuer.asked_for_keys(), asked, "an issuer that fails is left alone for a moment");
    let unknown = token(&world, &issuer, "ada").key(&Key::ec("new")).sign();
    assert_eq!(status(&world, &unknown).await, 503, "nobody can say that there is no such key");
    world.clock.advance(Duration::from_secs(3000));
    assert_eq!(status(&world, &fresh()).await, 503, "not for ever");
    issuer.suffer(Outage::None);
    world.clock.advance(Duration::from_secs(3));
    assert_eq!(status(&world, &fresh()).await, 200);
}

// --- where the keys are -----------------------------------------------------------------------------------------------

#[tokio::test]
async fn metadata_of_an_issuer_is_found_wherever_the_specifications_put_it() {
    for (path, place) in [
        ("", "/.well-known/openid-configuration"),
        ("", "/.well-known/oauth-authorization-server"),
        ("/pool", "/pool/.well-known/openid-configuration"),
        ("/pool", "/.well-known/oauth-authorization-server/pool"),
        ("/pool", "/.well-known/openid-configuration/pool"),
        ("/", "/.well-known/openid-configuration"),
    ] {
        let issuer = Issuer::at(path).await.expect("a port");
        issuer.answer_at(&[place]);
        let world = guarded(1, &issuer);
        assert_eq!(status(&world, &token(&world, &issuer, "ada").sign()).await, 200, "{path} {place}");
    }
}

#[tokio::test]
async fn an_issuer_under_another_name_is_not_believed() {
    let issuer = Issuer::start().await.expect("a port");
    let world = guarded(1, &issuer);
    issuer.call_itself("https://evil.example");
    assert_eq!(status(&world, &token(&world, &issuer, "ada").sign()).await, 503);
    assert_eq!(issuer.asked_for_keys(), 0);
}

#[tokio::test]
async fn keys_that_are_configured_need_no_metadata() {
    let issuer = Issuer::start().await.expect("a port");
    issuer.answer_at(&[]);
    let url = format!("{}/keys", issuer.url());
    let change = taking(&issuer);
    let world = environments_with(1, |config| {
        change(config);
        if let Some(jwt) = &mut config.auth.jwt {
            jwt.jwks_url = Some(url.clone());
        }
    });
    assert_eq!(status(&world, &token(&world, &issuer, "ada").sign()).await, 200);
    assert_eq!(issuer.asked("/.well-known/openid-configuration"), 0);
}

// --- scopes of tools --------------------------------------------------------------------------------------------------

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
    let result = client::result(reply).await;
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
        // Row 92: everything that is needed, in one challenge.
        let expected = r#"Bearer error="insufficient_scope", error_description="the token does not allow this", scope="mcp:call state:write audit", resource_metadata="http://127.0.0.1:9000/.well-known/oauth-protected-resource/mcp""#;
        assert_eq!(challenge(&reply), expected, "{scope}");
        let (status, code, body) = refused(reply).await;
        assert_eq!((status, code, &body["id"]), (403, -32000, &json!(1)), "{scope}");
    }
}

#[tokio::test]
async fn a_session_is_told_the_same_of_its_tools() {
    let issuer = Issuer::start().await.expect("a port");
    let world = with_tools(&issuer);
    let token = token(&world, &issuer, "ada").sign();
    let opened = with(initialize_request("2025-03-26", json!({})), &token).send(world.at(0)).await;
    let session = opened.header("mcp-session-id").expect("a session").to_owned();
    let post = |body: Value| with(Post::json(&body).header("mcp-session-id", &session), &token);
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
