//! 2026-07-28: `subscriptions/listen`.
//! <https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/subscriptions> (read 2026-11-20).

#![allow(clippy::needless_pass_by_value, reason = "`json!(...)` reads best as an argument")]

use std::time::Duration;

use mcp_lambda_server::{Delivery, Event, Ingress, Principal, time::Deadline};
use serde_json::{Value, json};
use test_support::{
    McpRequest, Reply, World, call, environment, environments, environments::world, environments_with,
    refused, result, sse, stateless_with, text,
};

const SUBSCRIPTION: &str = "io.modelcontextprotocol/subscriptionId";

fn listen_as(id: Value, filter: Value) -> McpRequest {
    stateless_with(id, "subscriptions/listen", json!({ "notifications": filter }), json!({}))
}

fn listen(filter: Value) -> McpRequest {
    listen_as(json!(1), filter)
}

fn everything() -> Value {
    json!({
        "toolsListChanged": true, "promptsListChanged": true, "resourcesListChanged": true,
        "resourceSubscriptions": ["test://one"],
    })
}

/// A stream whose acknowledgement has been read.
async fn listening(world: &World, post: McpRequest) -> Reply {
    let mut reply = post.send(world.at(0)).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.message().await["method"], "notifications/subscriptions/acknowledged");
    reply
}

async fn change(world: &World, at: usize, arguments: Value) {
    assert_eq!(text(call("change", arguments).send(world.at(at)).await).await, "changed");
}

fn id_of(message: &Value) -> &Value {
    let carrier = if message.get("result").is_some() { &message["result"] } else { &message["params"] };
    &carrier["_meta"][SUBSCRIPTION]
}

#[tokio::test(start_paused = true)]
async fn a_listen_is_acknowledged_before_anything_else_with_what_is_honoured() {
    let world = environment();
    let mut reply = listen(everything()).send(world.at(0)).await;
    assert_eq!((reply.status.as_u16(), reply.is_stream()), (200, true));
    assert_eq!(reply.header("x-accel-buffering"), Some("no"));
    let first = reply.event().await.expect("an event").json();
    assert_eq!(first["method"], "notifications/subscriptions/acknowledged");
    assert_eq!(first["params"]["notifications"], everything());
    assert_eq!(id_of(&first), 1);
}

#[tokio::test(start_paused = true)]
async fn what_the_server_does_not_advertise_is_left_out_of_the_honoured_subset() {
    let mut fixture = test_support::Fixture::new(test_support::Stage::new().0);
    fixture.capabilities.prompts = None;
    fixture.capabilities.resources.as_mut().expect("resources").subscribe = None;
    let server =
        mcp_lambda_server::McpLambdaServer::builder(fixture).config(mcp_lambda_server::Config::default());
    let mut reply = listen(everything()).send(&test_support::built(server).expect("a server")).await;
    let honoured = reply.message().await["params"]["notifications"].clone();
    assert_eq!(honoured, json!({ "toolsListChanged": true, "resourcesListChanged": true }));
}

#[tokio::test(start_paused = true)]
async fn every_frame_carries_the_id_of_the_listen_in_its_own_type() {
    for id in [json!(1), json!("1"), json!(-3), json!("x y")] {
        let world = environment();
        let mut reply = listen_as(id.clone(), everything()).send(world.at(0)).await;
        for what in ["tools", "prompts", "resources"] {
            change(&world, 0, json!({ "what": what })).await;
        }
        change(&world, 0, json!({ "uri": "test://one" })).await;
        for _ in 0..5 {
            assert_eq!(id_of(&reply.message().await), &id);
        }
        world.at(0).stop();
        let last = reply.message().await;
        assert_eq!((id_of(&last), &last["id"]), (&id, &id));
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_not_asked_for_is_never_delivered() {
    let world = environment();
    let mut reply =
        listening(&world, listen(json!({ "promptsListChanged": true, "toolsListChanged": false }))).await;
    for arguments in
        [json!({ "what": "tools" }), json!({ "what": "resources" }), json!({ "uri": "test://one" })]
    {
        change(&world, 0, arguments).await;
    }
    change(&world, 0, json!({ "what": "prompts" })).await;
    assert_eq!(reply.message().await["method"], "notifications/prompts/list_changed");
}

#[tokio::test(start_paused = true)]
async fn resource_updates_are_filtered_by_uri_and_cover_what_lies_below() {
    let world = environment();
    let filter = json!({ "resourceSubscriptions": ["test://one/a", "test://dir/"] });
    let mut reply = listening(&world, listen(filter)).await;
    let others = [
        "test://one/ab",
        "test://one/",
        "test://one/b",
        "test://dir",
        "test://di",
        "test://one/A",
        "test://one/a?x",
    ];
    let heard = ["test://one/a", "test://one/a/b", "test://dir/", "test://dir/x/y", "TEST://One/./%61"];
    for uri in others.iter().chain(&heard) {
        change(&world, 0, json!({ "uri": uri })).await;
    }
    for uri in heard {
        let message = reply.message().await;
        assert_eq!(message["method"], "notifications/resources/updated");
        assert_eq!(message["params"]["uri"], uri);
    }
}

/// Receiving Messages: progress and log messages flow only on the stream of their own request.
#[tokio::test(start_paused = true)]
async fn log_messages_and_progress_never_reach_a_listen_stream() {
    let world = environment();
    let mut reply = listening(&world, listen(everything())).await;
    change(&world, 0, json!({ "what": "log" })).await;
    call("log_all", json!({}))
        .meta("io.modelcontextprotocol/logLevel", json!("debug"))
        .send(world.at(0))
        .await;
    call("stubborn_progress", json!({}))
        .meta("progressToken", json!("t"))
        .send(world.at(0))
        .await
        .messages()
        .await;
    change(&world, 0, json!({ "what": "tools" })).await;
    assert_eq!(reply.message().await["method"], "notifications/tools/list_changed");
}

#[tokio::test(start_paused = true)]
async fn an_event_published_on_another_environment_reaches_the_stream() {
    let world = environments(2);
    let mut reply = listening(&world, listen(everything())).await;
    change(&world, 1, json!({ "what": "tools" })).await;
    assert_eq!(reply.message().await["method"], "notifications/tools/list_changed");
    world.at(1).events().publish(Event::PromptsListChanged).await.expect("published");
    assert_eq!(reply.message().await["method"], "notifications/prompts/list_changed");
}

/// The server subscribes before it writes the acknowledgement, so that no event falls in between.
#[tokio::test(start_paused = true)]
async fn an_event_between_the_request_and_the_acknowledgement_is_not_lost() {
    let world = environments(2);
    let mut reply = listen(everything()).send(world.at(0)).await;
    change(&world, 1, json!({ "what": "tools" })).await;
    assert_eq!(reply.message().await["method"], "notifications/subscriptions/acknowledged");
    assert_eq!(reply.message().await["method"], "notifications/tools/list_changed");
}

/// A client that falls behind is served from the log instead of the broadcast.
#[tokio::test(start_paused = true)]
async fn a_slow_reader_gets_every_event_in_order() {
    const EVENTS: usize = 700;
    let world = environments(2);
    let filter = json!({ "resourceSubscriptions": ["test://n"] });
    let mut reply = listening(&world, listen(filter)).await;
    for n in 0..EVENTS {
        let event = Event::ResourceUpdated { uri: format!("test://n/{n}") };
        world.at(1).events().publish(event).await.expect("published");
        if n % 100 == 0 {
            tokio::time::sleep(Duration::from_secs(3)).await;
        }
    }
    for n in 0..EVENTS {
        assert_eq!(reply.message().await["params"]["uri"], format!("test://n/{n}"));
    }
    assert!(reply.is_waiting());
}

#[tokio::test(start_paused = true)]
async fn a_listen_ends_with_its_result_when_its_time_is_up() {
    let world = environments_with(1, |config| config.streams.lifetime = Some(Duration::from_secs(30)));
    let began = tokio::time::Instant::now();
    let mut reply = listening(&world, listen(everything())).await;
    let last = reply.message().await;
    assert_eq!(began.elapsed(), Duration::from_secs(30));
    assert_eq!((&last["id"], &last["result"]["resultType"]), (&json!(1), &json!("complete")));
    assert_eq!(id_of(&last), 1);
    assert_eq!(reply.event().await, None);
}

/// Through an ingress that limits requests, the stream ends gracefully before it would be cut off.
#[tokio::test(start_paused = true)]
async fn a_listen_ends_before_the_deadline_of_its_ingress() {
    let world = environment();
    let front = Ingress::local(Deadline::after(Duration::from_secs(20)));
    let began = tokio::time::Instant::now();
    let mut reply = listening(&world, listen(everything()).through(front)).await;
    assert_eq!(reply.message().await["result"]["resultType"], "complete");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_listen_ends_with_its_result_when_the_server_stops() {
    let world = environment();
    let mut reply = listening(&world, listen(everything())).await;
    world.at(0).stop();
    assert_eq!(reply.message().await["result"]["resultType"], "complete");
    assert_eq!(reply.event().await, None);
}

/// The specification recommends comments on long-lived streams.
#[tokio::test(start_paused = true)]
async fn a_quiet_listen_stream_keeps_alive_with_comments() {
    let world = environments_with(1, |config| config.streams.keep_alive = Duration::from_secs(5));
    let mut reply = listening(&world, listen(everything())).await;
    let began = tokio::time::Instant::now();
    assert!(reply.event().await.expect("a comment").is_comment());
    assert_eq!(began.elapsed(), Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn an_empty_honoured_set_is_acknowledged_and_ended_at_once() {
    let world = environments_with(1, |config| config.streams.per_principal = 1);
    for filter in [json!({}), json!({ "toolsListChanged": false }), json!({ "resourceSubscriptions": [] })] {
        let messages = listen(filter.clone()).send(world.at(0)).await.messages().await;
        assert_eq!(messages.len(), 2, "{filter}");
        assert_eq!(messages[0]["params"]["notifications"], json!({}), "{filter}");
        assert_eq!(messages[1]["result"]["resultType"], "complete", "{filter}");
        assert_eq!((id_of(&messages[0]), id_of(&messages[1])), (&json!(1), &json!(1)));
    }
}

#[tokio::test(start_paused = true)]
async fn clients_with_equal_ids_do_not_interfere() {
    let world = environments(1);
    let mut tools = listening(&world, listen(json!({ "toolsListChanged": true }))).await;
    let mut prompts = listening(&world, listen(json!({ "promptsListChanged": true }))).await;
    change(&world, 0, json!({ "what": "prompts" })).await;
    change(&world, 0, json!({ "what": "tools" })).await;
    assert_eq!(tools.message().await["method"], "notifications/tools/list_changed");
    assert_eq!(prompts.message().await["method"], "notifications/prompts/list_changed");
    drop(tools);
    change(&world, 0, json!({ "what": "prompts" })).await;
    assert_eq!(prompts.message().await["method"], "notifications/prompts/list_changed");
}

#[tokio::test(start_paused = true)]
async fn a_listen_without_a_readable_filter_is_invalid_params() {
    let world = environment();
    let gone =
        listen(json!({})).edit(|body| drop(body["params"].as_object_mut().unwrap().remove("notifications")));
    let wrong = [
        json!(null),
        json!([]),
        json!(true),
        json!({ "toolsListChanged": "yes" }),
        json!({ "resourceSubscriptions": "x" }),
    ];
    for post in wrong.into_iter().map(listen).chain([gone]) {
        let body = post.body.clone();
        let (status, code, _) = refused(post.send(world.at(0)).await).await;
        assert_eq!((status, code), (200, -32602), "{body:?}");
    }
}

/// The server has no tasks: a filter with task ids is refused unless the client declares the extension.
#[tokio::test(start_paused = true)]
async fn task_ids_need_the_tasks_extension() {
    let reply = listen(json!({ "taskIds": ["t"] })).send(environment().at(0)).await;
    let (status, code, body) = refused(reply).await;
    assert_eq!((status, code), (400, -32021));
    let needed = json!({ "extensions": { "io.modelcontextprotocol/tasks": {} } });
    assert_eq!(body["error"]["data"]["requiredCapabilities"], needed);
}

/// Switched off, only this method is gone.
#[tokio::test(start_paused = true)]
async fn without_streams_there_is_no_listen() {
    let world = environments_with(1, |config| config.streams.enabled = false);
    let (status, code, _) = refused(listen(everything()).send(world.at(0)).await).await;
    assert_eq!((status, code), (404, -32601));
    result(test_support::stateless("tools/list", json!({})).send(world.at(0)).await).await;
}

#[tokio::test(start_paused = true)]
async fn one_caller_holds_only_so_many_streams_on_all_environments() {
    let world = environments_with(2, |config| config.streams.per_principal = 2);
    let (ada, bob) = (Principal::new("issuer", "ada"), Principal::new("issuer", "bob"));
    let of = |who: &Principal| listen(everything()).from(who);
    let first = listening(&world, of(&ada)).await;
    let _second = of(&ada).send(world.at(1)).await;
    let third = of(&ada).send(world.at(0)).await;
    assert_eq!(third.header("retry-after"), Some("1"));
    let (status, code, body) = refused(third).await;
    assert_eq!((status, code, &body["id"]), (429, -32000, &json!(1)));
    listening(&world, of(&bob)).await;
    drop(first);
    tokio::task::yield_now().await;
    listening(&world, of(&ada)).await;
}

/// A stream that ends by itself has released its lease before its last byte.
#[tokio::test(start_paused = true)]
async fn a_stream_that_ended_counts_no_more() {
    let world = environments_with(1, |config| {
        config.streams.per_principal = 1;
        config.streams.lifetime = Some(Duration::from_secs(10));
    });
    let mut first = listening(&world, listen(everything())).await;
    assert_eq!(first.message().await["result"]["resultType"], "complete");
    listening(&world, listen(everything())).await;
}

/// An environment that was killed releases nothing; its leases expire when their streams would have ended.
#[tokio::test(start_paused = true)]
async fn the_lease_of_a_stream_that_was_never_released_expires() {
    let world = environments_with(1, |config| {
        config.streams.per_principal = 1;
        config.streams.lifetime = Some(Duration::from_secs(60));
    });
    let lost = listening(&world, listen(everything())).await;
    std::mem::forget(lost);
    assert_eq!(listen(everything()).send(world.at(0)).await.status, 429);
    world.clock.advance(Duration::from_secs(61));
    listening(&world, listen(everything())).await;
}

/// A stream that waits would only hold up a buffered ingress.
#[tokio::test(start_paused = true)]
async fn a_buffered_ingress_gets_the_acknowledgement_and_the_end_at_once() {
    let world = environment();
    let front =
        Ingress { delivery: Delivery::Buffered, ..Ingress::local(Deadline::after(Duration::from_secs(30))) };
    let reply = listen(everything()).through(front).send(world.at(0)).await;
    let events = sse::parse(&reply.bytes().await);
    assert_eq!(events.len(), 2);
    assert_eq!(events[1].json()["result"]["resultType"], "complete");
}

/// A client that cannot read a stream cannot listen.
#[tokio::test(start_paused = true)]
async fn a_listen_that_accepts_no_stream_is_refused() {
    let post = listen(everything()).header("accept", "application/json");
    let (status, code, _) = refused(post.send(environment().at(0)).await).await;
    assert_eq!((status, code), (400, -32600));
}

/// Layers see a listen like any other request, and its stream flows through them.
#[tokio::test(start_paused = true)]
async fn a_listen_flows_through_the_default_layers() {
    let world = world(1, |_| {}, |builder| builder.layer(tower::layer::util::Identity::new()));
    let mut reply = listening(&world, listen(everything()).header("accept-encoding", "gzip, br")).await;
    assert_eq!(reply.header("content-encoding"), None);
    change(&world, 0, json!({ "what": "tools" })).await;
    assert_eq!(reply.message().await["method"], "notifications/tools/list_changed");
}
