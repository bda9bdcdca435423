//! Secrets are never logged: planted everywhere a client or an operator can put one, searched in every line, at every
//! level, of everything that is linked in.

#[path = "../login/lab.rs"]
#[allow(dead_code, reason = "the tests of the login use the rest")]
mod lab;
mod login;
#[path = "../login/upstream_lab.rs"]
#[allow(dead_code, reason = "the tests of the login use the rest")]
mod upstream_lab;

use http::Method;
use local_issuer::{Issuer, Outage, SCOPE, cases};
use mcp_lambda_server::{
    Config,
    auth::{AuthConfig, JwtConfig},
    config::NamedKey,
};
use serde_json::json;
use test_support::{
    McpRequest, call, environments_with,
    logs::everything::{self, MARK},
    request::{STATELESS, initialize_request},
    session::{Client, NEWEST},
    stateless, stateless_with,
};

/// The secret that is planted here.
fn planted(place: &str) -> String {
    format!("{MARK}-{place}")
}

/// A request that carries secrets wherever a client of ours would put one.
fn laden(post: McpRequest) -> McpRequest {
    post.header("cookie", &format!("session={}", planted("cookie")))
        .header("proxy-authorization", &format!("Basic {}", planted("proxy")))
        .header("x-api-key", &planted("api-key"))
        .header("x-authorizer-secret", &planted("forged"))
        .header("x-amz-security-token", &planted("aws"))
        .path(&format!("/mcp?access_token={}", planted("query")))
}

fn requests() -> Vec<McpRequest> {
    let secret = |place: &str| json!({ "message": planted(place), "password": planted(place) });
    let call_of = |tool: &str| call(tool, secret("argument"));
    let mut all: Vec<McpRequest> =
        ["echo", "fail", "error", "panic", "none", "log", "count", "who"].into_iter().map(call_of).collect();
    all.push(call_of("sheds_load").edit(|body| body["params"]["requestState"] = json!(planted("state"))));
    all.push(call_of("echo").without("mcp-method"));
    all.push(call_of("mirrored"));
    all.push(call_of("echo").header("content-type", "text/plain"));
    all.push(call_of("echo").header("accept", "text/html"));
    all.push(call_of("echo").edit(|body| body["params"]["_meta"]["token"] = json!(planted("meta"))));
    all.push(stateless("resources/read", json!({ "uri": "test://one" })));
    all.push(stateless("subscriptions/listen", json!({ "notifications": {} })));
    all.push(stateless_with(json!(1), "tools/list", json!({ "secret": planted("params") }), json!({})));
    all.push(initialize_request(
        NEWEST,
        json!({ "experimental": { "x": { "key": planted("capability") } } }),
    ));
    let half = format!("{{\"jsonrpc\":\"2.0\",\"params\":{{\"password\":\"{}\"", planted("half"));
    all.push(McpRequest::bytes(half.into_bytes()).header("mcp-protocol-version", STATELESS));
    all.push(McpRequest::json(
        &json!([{ "jsonrpc": "2.0", "id": 1, "method": "ping", "secret": planted("batch") }]),
    ));
    all.push(McpRequest::of(Method::GET).header("mcp-session-id", "0123456789abcdef0123456789abcdef"));
    all.push(McpRequest::of(Method::PUT));
    all
}

/// Configuration is never printed, and its errors quote no keys.
fn configure(config: &mut Config, issuer: &Issuer) {
    config.state_keys = vec![NamedKey::new("one", planted("a-key-of-thirty-two-bytes-or-more"))];
    let mut rules = JwtConfig::new(issuer.url(), "mcp");
    rules.scopes = vec![SCOPE.to_owned()];
    config.auth = AuthConfig::tokens(rules);
}

#[tokio::test]
async fn no_line_of_any_log_holds_a_secret() {
    everything::watch();
    let issuer = Issuer::start().await.expect("a port");
    let world = environments_with(1, |config| configure(config, &issuer));
    let now = world.clock.now().epoch_seconds();
    let token = issuer.token_at("ada", now).claim("scope", SCOPE).claim("secret", planted("claim"));
    let good = token.sign();
    let mut tokens: Vec<Vec<String>> = vec![
        vec![format!("Bearer {good}")],
        vec![format!("Bearer {}", planted("bearer"))],
        vec![format!("Basic {}", planted("basic"))],
        vec![planted("no-scheme")],
        vec![],
    ];
    tokens.extend(cases(&issuer, now).into_iter().map(|case| case.authorization));
    for authorization in &tokens {
        // Everything that comes in is tried with a good token, and one request with each of the others.
        let is_good = authorization.first().is_some_and(|value| value.ends_with(&good));
        for post in requests().into_iter().take(if is_good { usize::MAX } else { 1 }) {
            let post = authorization
                .iter()
                .fold(laden(post), |post, value| post.and_header("authorization", value.as_bytes()));
            let _ = post.send(world.at(0)).await.bytes().await;
        }
    }
    session(&world, &good).await;
    for outage in [Outage::Closed, Outage::Failing, Outage::Garbage, Outage::Elsewhere] {
        issuer.suffer(outage);
        world.clock.advance(std::time::Duration::from_secs(3700));
        let late =
            issuer.token_at("ada", world.clock.now().epoch_seconds()).claim("secret", planted("late")).sign();
        let reply = laden(call("echo", json!({})))
            .header("authorization", &format!("Bearer {late}"))
            .send(world.at(0))
            .await;
        assert_eq!(reply.status, 503, "{outage:?}");
    }
    let signatures: Vec<&str> =
        tokens.iter().flatten().filter_map(|token| token.rsplit('.').next()).collect();
    // A short piece of text may be in a line by chance; a signature is not.
    let mut never: Vec<&str> = signatures.into_iter().filter(|text| text.len() > 40).collect();
    never.extend([MARK, "eyJ"]);
    let (lines, leaks) = everything::found(&never);
    assert!(lines > 100, "{lines} lines: nothing was listened to");
    assert!(leaks.is_empty(), "{leaks:#?}");
}

/// A session, with secrets in what is stored and replayed.
async fn session(world: &test_support::World, token: &str) {
    let with = |post: McpRequest| laden(post).header("authorization", &format!("Bearer {token}"));
    let opened = with(initialize_request(NEWEST, json!({ "roots": {} }))).send(world.at(0)).await;
    let client = Client {
        id: opened.header("mcp-session-id").expect("a session").to_owned(),
        version: NEWEST,
        principal: None,
    };
    for post in [
        client.call(1, "panic", json!({ "password": planted("in-a-session") })),
        client.call(2, "none", json!({ "password": planted("in-a-session") })),
        client.answer(&json!({ "id": "x/1" }), json!({ "password": planted("answer") })),
        client.notification("notifications/odd", json!({ "password": planted("notification") })),
        client
            .post(&json!({ "jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": planted("params") })),
        client.end(),
        client.call(4, "echo", json!({ "message": planted("too-late") })),
    ] {
        let _ = with(post).send(world.at(0)).await.bytes().await;
    }
}
