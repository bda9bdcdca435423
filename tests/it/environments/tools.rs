//! Tools that are switched on and off while the server runs: on every environment, with a notification to every client.

use std::time::Duration;

use mcp_lambda_server::{Config, MemoryStore, Stores, rmcp::model::ServerCapabilities};
use serde_json::{Value, json};
use test_support::{
    McpRequest, World, call,
    environments::world,
    refused, result,
    session::{Client, NEWEST},
    stateless, text,
};

const CHECK: Duration = Duration::from_secs(10);

/// Environments with dynamic tools; `slow` is off at first.
fn switched(n: usize) -> World {
    world(n, |_| {}, |builder| builder.initially_disabled(["slow"]))
}

async fn listed(world: &World, at: usize) -> Vec<String> {
    let list = result(stateless("tools/list", json!({})).send(world.at(at)).await).await;
    let tools = list["tools"].as_array().expect("tools").clone();
    tools.into_iter().map(|tool| tool["name"].as_str().expect("a name").to_owned()).collect()
}

fn switch(tool: &str, on: bool) -> McpRequest {
    call("switch", json!({ "tool": tool, "on": on }))
}

/// The environment that switched a tool sees it at once, all others within the interval.
#[tokio::test(start_paused = true)]
async fn a_tool_switched_off_is_gone_everywhere_within_the_interval_and_comes_back() {
    let world = switched(3);
    let has = async |at, tool: &str| listed(&world, at).await.contains(&tool.to_owned());
    for at in 0..3 {
        assert!(has(at, "echo").await);
    }
    let echo = || call("echo", json!({ "message": "hi" }));
    for on in [false, true] {
        assert_eq!(text(switch("echo", on).send(world.at(0)).await).await, "true");
        assert_eq!(has(0, "echo").await, on);
        for at in [1, 2] {
            assert_eq!(has(at, "echo").await, !on, "not yet looked");
        }
        world.clock.advance(CHECK);
        for at in 0..3 {
            assert_eq!(has(at, "echo").await, on, "environment {at}");
            let reply = echo().send(world.at(at)).await;
            match on {
                true => assert_eq!(text(reply).await, "hi"),
                false => assert_eq!(refused(reply).await.1, -32602),
            }
        }
    }
    assert_eq!(text(switch("echo", true).send(world.at(1)).await).await, "false", "it is on");
}

#[tokio::test(start_paused = true)]
async fn a_tool_can_be_off_until_it_is_switched_on() {
    let world = switched(2);
    let client = Client::open(world.at(0), NEWEST).await;
    assert!(!listed(&world, 0).await.contains(&"slow".to_owned()));
    let (_, code, body) = refused(client.call(1, "slow", json!({})).send(world.at(0)).await).await;
    assert_eq!(code, -32602);
    assert!(body["error"]["message"].as_str().expect("a text").contains("slow"));
    assert_eq!(text(switch("slow", true).send(world.at(1)).await).await, "true");
    world.clock.advance(CHECK);
    world.allow(1);
    assert_eq!(text(client.call(2, "slow", json!({})).send(world.at(0)).await).await, "done");
}

/// Of both eras, on whichever environment they listen, and once however many environments learn of it.
#[tokio::test(start_paused = true)]
async fn a_change_is_announced_to_every_client_once() {
    let world = switched(4);
    for at in 0..4 {
        listed(&world, at).await;
    }
    let client = Client::open(world.at(1), NEWEST).await;
    let mut get = client.listening(world.at(1)).await;
    let filter = json!({ "notifications": { "toolsListChanged": true } });
    let mut listen = stateless("subscriptions/listen", filter).send(world.at(2)).await;
    listen.message().await;
    assert_eq!(text(switch("echo", false).send(world.at(3)).await).await, "true");
    world.clock.advance(CHECK);
    for at in 0..4 {
        listed(&world, at).await;
    }
    let mark = client.call(1, "tell_session", json!({ "uri": "test://after" }));
    let subscribe = client.request(2, "resources/subscribe", json!({ "uri": "test://after" }));
    assert_eq!(subscribe.send(world.at(0)).await.status, 200);
    let changed = "notifications/tools/list_changed";
    assert_eq!(get.message().await["method"], changed);
    assert_eq!(listen.message().await["method"], changed);
    assert_eq!(mark.send(world.at(0)).await.status, 200);
    assert_eq!(get.message().await["method"], "notifications/resources/updated", "and nothing in between");
    assert!(listen.is_waiting());
}

/// The environment that switched may die before it has published the change: the next that notices publishes it.
#[tokio::test(start_paused = true)]
async fn a_change_whose_environment_died_is_announced_by_the_next_that_notices() {
    let world = switched(1);
    listed(&world, 0).await;
    let client = Client::open(world.at(0), NEWEST).await;
    let mut get = client.listening(world.at(0)).await;
    // What the environment had written by then.
    let state = &world.stores.state;
    let end = mcp_lambda_server::time::Timestamp::MAX;
    let scope = mcp_lambda_server::session::StateScope::Server;
    state.put_state(&scope, "tools", &json!({ "echo": false }), 0, end).await.expect("written");
    world.clock.advance(CHECK);
    assert!(!listed(&world, 0).await.contains(&"echo".to_owned()));
    assert_eq!(get.message().await["method"], "notifications/tools/list_changed");
}

/// Changes at the same moment on different environments are all kept.
#[tokio::test(start_paused = true)]
async fn no_switch_is_lost_when_environments_switch_at_once() {
    let world = switched(4);
    let tools = ["echo", "log", "big", "who"];
    let switches = tools.iter().zip(0..).map(|(tool, at)| switch(tool, false).send(world.at(at)));
    for reply in futures::future::join_all(switches).await {
        assert_eq!(text(reply).await, "true");
    }
    world.clock.advance(CHECK);
    for at in 0..4 {
        let listed = listed(&world, at).await;
        assert!(tools.iter().all(|tool| !listed.contains(&(*tool).to_owned())), "{listed:?}");
    }
}

/// Only a server with dynamic tools advertises `listChanged` for them, and only it reads their state from the store.
#[tokio::test(start_paused = true)]
async fn tools_that_can_be_switched_are_advertised_as_such() {
    let list_changed = |capabilities: &Value| capabilities["tools"]["listChanged"] == true;
    let config = Config::default();
    let (stage, _) = test_support::Stage::new();
    let mut fixture = test_support::Fixture::new(stage);
    fixture.capabilities = ServerCapabilities::builder().enable_tools().build();
    let clock =
        mcp_lambda_server::Clock::manual(mcp_lambda_server::time::Timestamp::from_millis(1_800_000_000_000));
    for dynamic in [false, true] {
        let stores = Stores::of(MemoryStore::new(clock.clone()));
        let builder = mcp_lambda_server::McpLambdaServer::builder(fixture.clone());
        let builder = builder.config(config.clone()).stores(stores).clock(clock.clone());
        let builder = if dynamic { builder.initially_disabled(["echo"]) } else { builder };
        let server = test_support::built(builder).expect("a server");
        let discovered = result(stateless("server/discover", json!({})).send(&server).await).await;
        assert_eq!(list_changed(&discovered["capabilities"]), dynamic);
        let opened = test_support::request::initialize_request(NEWEST, json!({})).send(&server).await;
        assert_eq!(list_changed(&result(opened).await["capabilities"]), dynamic);
    }
}
