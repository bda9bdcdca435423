//! The requests that each kind of MCP request sends to DynamoDB: their number, and how many wait for one another.
//!
//! `cargo test --test it round_trips -- --nocapture` prints the table.

use mcp_lambda_server::{Clock, time::Timestamp};
use serde_json::json;
use test_support::{
    McpRequest, World, call,
    dynamodb::{
        Embedded,
        counted::{Counted, TRIP, counted},
    },
    environments,
    request::initialize_request,
    session::{Client, NEWEST},
};
use tokio::time::Instant;

/// The limits of a kind of request.
struct Row {
    request: &'static str,
    calls: usize,
    depth: u128,
}

const fn row(request: &'static str, calls: usize, depth: u128) -> Row {
    Row { request, calls, depth }
}

/// The table. `calls` counts requests to DynamoDB, `depth` those that wait for one another.
const STATELESS_CALL: Row = row("2026-07-28 tools/call", 0, 0);
const INITIALIZE: Row = row("initialize", 1, 1);
const INITIALIZED: Row = row("notifications/initialized", 1, 1);
const PING: Row = row("ping", 1, 1);
const SESSION_CALL: Row = row("2025-11-25 tools/call", 1, 1);
const SESSIONLESS_CALL: Row = row("2025-11-25 tools/call without a session", 0, 0);
const PROGRESS: Row = row("2025-11-25 tools/call with 10 progress notifications", 1 + 2, 1 + 2);
const GET_STREAM: Row = row("GET stream", 3, 2);
const RESUME: Row = row("GET stream with Last-Event-ID of the log", 4, 2);
const RESUME_REPLY: Row = row("GET with Last-Event-ID of a finished reply", 3, 1);
const DELETE: Row = row("DELETE of a session with nothing", 2 + 4, 2 + 2);
const DELETE_ITEMS: Row = row("DELETE of a session with 3 items", 2 + 6, 2 + 3);
const FIRST_CHECK: Row = row("2026-07-28 tools/call with dynamic tools, once in 10 s", 1, 1);
const CHECKED: Row = row("2026-07-28 tools/call with dynamic tools, otherwise", 0, 0);
const READ_STATE: Row = row("2025-11-25 tools/call that updates the session's state", 1 + 3, 1 + 2);

struct Meter {
    world: World,
    counted: Counted,
    table: Vec<String>,
}

impl Meter {
    /// Runs one request to its last byte and checks it against its row.
    async fn costs<T>(&mut self, row: &Row, request: impl AsyncFnOnce(&World) -> T) -> T {
        assert_eq!(self.counted.take(), Vec::<String>::new(), "no request is sent between two rows");
        let start = Instant::now();
        let outcome = request(&self.world).await;
        let depth = start.elapsed().as_millis() / TRIP.as_millis();
        let calls = self.counted.take();
        self.table.push(format!("| {} | {} | {depth} | {} |", row.request, calls.len(), calls.join(", ")));
        assert!(
            calls.len() <= row.calls && depth <= row.depth,
            "{}: {} calls, {depth} in sequence; at most {}, {}: {calls:?}",
            row.request,
            calls.len(),
            row.calls,
            row.depth,
        );
        outcome
    }

    async fn accepted(&mut self, row: &Row, status: u16, post: McpRequest) {
        let reply = self.costs(row, async |world| post.send(world.at(0)).await).await;
        assert_eq!(reply.status, status, "{}", row.request);
    }
}

#[tokio::test(start_paused = true)]
async fn no_request_exceeds_the_table() {
    let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
    let (database, stores, counted) = tokio::task::spawn_blocking({
        let clock = clock.clone();
        move || {
            let database = Embedded::start();
            let (stores, counted) = counted(&database, &clock);
            (database, stores, counted)
        }
    })
    .await
    .expect("a database");
    let world = environments::world(2, |_| {}, |builder| builder.stores(stores.clone()).clock(clock.clone()));
    let mut meter = Meter { world, counted, table: Vec::new() };

    let text = meter
        .costs(&STATELESS_CALL, async |world| {
            test_support::text(call("echo", json!({ "message": "hi" })).send(world.at(0)).await).await
        })
        .await;
    assert_eq!(text, "hi");

    let opened = meter
        .costs(&INITIALIZE, async |world| initialize_request(NEWEST, json!({})).send(world.at(0)).await)
        .await;
    let id = opened.header("mcp-session-id").expect("a session").to_owned();
    let client = Client { id, version: NEWEST, principal: None };
    meter.accepted(&INITIALIZED, 202, client.notification("notifications/initialized", json!({}))).await;
    meter.accepted(&PING, 200, client.request(1, "ping", json!({}))).await;

    let echo = client.call(1, "echo", json!({ "message": "hi" }));
    let text =
        meter.costs(&SESSION_CALL, async |world| test_support::text(echo.send(world.at(1)).await).await);
    assert_eq!(text.await, "hi");

    let echo = client.call(1, "echo", json!({ "message": "hi" })).without("mcp-session-id");
    let text =
        meter.costs(&SESSIONLESS_CALL, async |world| test_support::text(echo.send(world.at(1)).await).await);
    assert_eq!(text.await, "hi");

    let count = client.call(1, "count", json!({}));
    let text =
        meter.costs(&READ_STATE, async |world| test_support::text(count.send(world.at(1)).await).await);
    assert_eq!(text.await, "1");

    meter.world.allow(11);
    let progress = client.request(
        2,
        "tools/call",
        json!({ "name": "progress", "arguments": { "steps": 10 }, "_meta": { "progressToken": 2 } }),
    );
    let events = meter
        .costs(&PROGRESS, async |world| {
            let mut reply = progress.send(world.at(0)).await;
            let mut events = Vec::new();
            while let Some(event) = reply.event_after_comments().await {
                events.push(event);
            }
            events
        })
        .await;
    assert_eq!(events.len(), 1 + 10 + 1, "a priming event, ten reports, the response");

    let reply = client.resume(events[3].id.as_deref().expect("an id"));
    let missed = meter.costs(&RESUME_REPLY, async |world| reply.send(world.at(1)).await.messages().await);
    assert_eq!(missed.await.len(), 8);

    let mut place = None;
    for row in [&GET_STREAM, &RESUME] {
        let get = place.map_or_else(|| client.listen(), |place: String| client.resume(&place));
        let (stream, opened_at) = meter
            .costs(row, async |world| {
                let mut stream = get.send(world.at(0)).await;
                let place = test_support::session::opening(&mut stream, NEWEST).await;
                (stream, place)
            })
            .await;
        drop(stream);
        place = opened_at;
        wait_until_idle(&meter.counted).await;
    }

    for key in ["a", "b", "c"] {
        let uri = json!({ "uri": format!("test://{key}") });
        let subscribed = client.request(3, "resources/subscribe", uri).send(meter.world.at(0)).await;
        assert_eq!(subscribed.status, 200);
    }
    meter.counted.take();
    meter.accepted(&DELETE_ITEMS, 204, client.end()).await;
    let bare = Client::open(meter.world.at(0), NEWEST).await;
    meter.counted.take();
    meter.accepted(&DELETE, 204, bare.end()).await;

    meter.world = environments::world(
        1,
        |_| {},
        |builder| builder.stores(stores.clone()).clock(clock.clone()).initially_disabled(["slow"]),
    );
    for row in [&FIRST_CHECK, &CHECKED] {
        let echo = call("echo", json!({ "message": "hi" }));
        let text = meter.costs(row, async |world| test_support::text(echo.send(world.at(0)).await).await);
        assert_eq!(text.await, "hi");
    }

    println!("| request | calls | in sequence | actions |\n|---|---|---|---|\n{}", meter.table.join("\n"));
    // A runtime must not be dropped inside another one.
    tokio::task::spawn_blocking(move || drop(database)).await.expect("the database ends");
}

/// Waits until a dropped stream has released its lease and the tail has ended.
async fn wait_until_idle(counted: &Counted) {
    loop {
        tokio::time::sleep(TRIP * 500).await;
        if counted.take().is_empty() {
            return;
        }
    }
}
