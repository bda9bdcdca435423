//! The texts for callers that are not known, may not, or ask for too much at a time. The table is the second one of
//! `refusals.md`.

use local_issuer::{Issuer, Outage, cases};
use mcp_lambda_server::{
    Config,
    auth::{AuthConfig, AuthMode},
};
use serde_json::json;
use test_support::{
    McpRequest, World, call, environments_with,
    session::{Client, NEWEST},
    stateless,
    tokens::{guarded, now, rules, token, with},
};

use super::refusals::{HEAD, check, line};

fn echo() -> McpRequest {
    call("echo", json!({ "message": "hi" }))
}

/// Authentication: 401, 403, and 503 where no token can be checked.
async fn unknown_callers(table: &mut String) {
    let issuer = Issuer::start().await.expect("a port");
    let world = guarded(1, &issuer);
    for case in cases(&issuer, now(&world)).into_iter().filter(|case| case.status != 200) {
        let values = case.authorization.iter();
        let post = values.fold(echo(), |post, value| post.and_header("authorization", value.as_bytes()));
        let reply = post.path(&format!("/mcp{}", case.query)).send(world.at(0)).await;
        line(table, case.name, reply).await;
    }
    let of_tool = environments_with(1, |config| {
        config.auth = AuthConfig::tokens(rules(&issuer));
        config.auth.tools.add("echo", ["echo:call"]);
    });
    let post = with(echo(), &token(&of_tool, &issuer, "ada").sign());
    line(table, "a token without the scope of the tool", post.send(of_tool.at(0)).await).await;
    let unchecked = guarded(1, &issuer);
    let post = with(echo(), &token(&unchecked, &issuer, "ada").sign());
    issuer.suffer(Outage::Failing);
    line(table, "a token whose issuer fails", post.send(unchecked.at(0)).await).await;
    let gateway = environments_with(1, |config| config.auth.mode = AuthMode::Gateway);
    line(table, "no identity from the gateway", echo().send(gateway.at(0)).await).await;
}

fn limited(set: impl Fn(&mut Config)) -> World {
    environments_with(1, set)
}

fn listen() -> McpRequest {
    let everything = json!({ "notifications": { "toolsListChanged": true } });
    stateless("subscriptions/listen", everything)
}

/// Refuses the second request while the first one is open.
async fn second(table: &mut String, what: &str, world: World, first: McpRequest, post: McpRequest) {
    let server = world.at(0).clone();
    let mut held = Box::pin(async move {
        let mut reply = first.send(&server).await;
        while reply.event().await.is_some() {}
    });
    // Until it waits: for its gate, or for events.
    for _ in 0..50 {
        assert!(futures::poll!(&mut held).is_pending());
        tokio::task::yield_now().await;
    }
    let reply = post.send(world.at(0)).await;
    line(table, what, reply).await;
}

/// Limits of what is open at a time: 429 for a caller, 503 for the process.
async fn busy_callers(table: &mut String) {
    let padded = |post: McpRequest| post.meta("pad", json!("x".repeat(1000)));
    let slow = || call("slow", json!({}));
    let one = limited(|config| config.requests.per_principal = 1);
    second(table, "a second request of a caller", one, slow(), echo()).await;
    let one = limited(|config| config.requests.per_process = 1);
    second(table, "a second request of all callers", one, slow(), echo()).await;
    let bytes = |of_caller: usize, of_process: usize| {
        limited(move |config| {
            config.max_body = 1800;
            config.requests.body_bytes_per_principal = of_caller;
            config.requests.body_bytes_per_process = of_process;
        })
    };
    second(table, "more bytes of a caller", bytes(1800, 9000), padded(slow()), padded(echo())).await;
    second(table, "more bytes of all callers", bytes(9000, 1800), padded(slow()), padded(echo())).await;
    let one = limited(|config| config.streams.per_principal = 1);
    second(table, "a second stream of a caller", one, listen(), listen()).await;
    let one = limited(|config| config.streams.per_process = 1);
    second(table, "a second stream of all callers", one, listen(), listen()).await;
    let world = limited(|config| config.streams.per_principal = 1);
    let client = Client::open(world.at(0), NEWEST).await;
    second(table, "a second GET stream of a caller", world, client.listen(), client.listen()).await;
}

#[tokio::test]
async fn every_refusal_of_a_caller_has_its_text() {
    let mut table = HEAD.to_owned();
    unknown_callers(&mut table).await;
    busy_callers(&mut table).await;
    check("Callers", &table);
}
