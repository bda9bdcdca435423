//! Requests while DynamoDB fails. The failures are those of the wire: a proxy in front of an embedded DynamoDB makes them.

use std::time::Duration;

use mcp_lambda_server::{
    Clock, Stores,
    config::TlsRoots,
    dynamodb::{DynamoStore, http_client, retries, sdk},
};
use sdk::config::{
    Builder,
    retry::{RetryPartition, TokenBucket},
    timeout::TimeoutConfig,
};
use serde_json::json;
use test_support::{
    Fixture, McpRequest, World,
    dynamodb::{
        Embedded, configured,
        proxy::{BROKEN, DENIED, Fate, Proxy, THROTTLED},
        tables,
    },
    environments,
    logs::warnings::{capture, logged},
    refused,
    request::initialize_request,
    session::{Client, NEWEST},
    stateless, text,
};
use tokio::time::Instant;

/// Time limits of one try and of all tries. In AWS both are longer.
const TRY: Duration = Duration::from_millis(200);
const OPERATION: Duration = Duration::from_millis(1_000);
/// Tries of a request.
const TRIES: usize = 5;

/// Environments with a DynamoDB that fails on command.
struct Lab {
    world: World,
    proxy: Proxy,
    client: sdk::Client,
    state: String,
    stores: Stores,
    _database: Embedded,
}

impl Lab {
    async fn new(environments: usize) -> Self {
        let timeouts =
            TimeoutConfig::builder().operation_attempt_timeout(TRY).operation_timeout(OPERATION).build();
        Self::with(environments, |config| config.timeout_config(timeouts)).await
    }

    async fn with(environments: usize, configure: impl FnOnce(Builder) -> Builder) -> Self {
        capture();
        let database = tokio::task::spawn_blocking(Embedded::start).await.expect("a database");
        let (state, events) = tables(&database.url).await;
        let proxy = Proxy::start(&database);
        let config = configured(&proxy.url, http_client(TlsRoots::Amazon).expect("TLS"));
        let client = sdk::Client::from_conf(configure(config.retry_config(retries())).build());
        let clock = Clock::system();
        let store = DynamoStore::new(client.clone(), &state, &events, clock.clone());
        let stores = Stores::of(store);
        let build = |builder: mcp_lambda_server::Builder<Fixture>| {
            builder.stores(stores.clone()).clock(clock.clone())
        };
        let world = environments::world(environments, |_| {}, build);
        Self { world, proxy, client, state, stores, _database: database }
    }

    async fn session(&self) -> Client {
        Client::open(self.world.at(0), NEWEST).await
    }

    async fn echo(&self, client: &Client) -> String {
        text(client.call(1, "echo", json!({ "message": "hi" })).send(self.world.at(0)).await).await
    }

    /// Sends a ping that must be refused with 503 and a message that allows a retry, and returns the log.
    async fn unavailable(&self, client: &Client) -> String {
        logged();
        let reply = client.request(7, "ping", json!({})).send(self.world.at(0)).await;
        assert_eq!(reply.header("retry-after"), Some("1"));
        let (status, code, body) = refused(reply).await;
        assert_eq!((status, code), (503, -32603));
        assert_eq!(body["id"], 7);
        let message = body["error"]["message"].as_str().expect("a text");
        assert!(message.contains("may be retried"), "{message}");
        assert!(!message.contains(&self.state), "the client does not see the name of a table");
        let log = logged();
        assert_eq!(log.iter().filter(|line| line.contains("the session store failed")).count(), 1, "{log:?}");
        log.join("\n")
    }

    /// Sends a ping that must be refused with a message that allows no retry, and returns the log.
    async fn refused_for_good(&self, client: &Client) -> String {
        logged();
        let reply = client.request(7, "ping", json!({})).send(self.world.at(0)).await;
        assert_eq!(reply.header("retry-after"), None);
        let (status, code, body) = refused(reply).await;
        assert_eq!((status, code), (200, -32603));
        assert_eq!((&body["id"], &body["error"]["message"]), (&json!(7), &json!("internal error")));
        let log = logged();
        assert_eq!(log.iter().filter(|line| line.contains("the session store failed")).count(), 1, "{log:?}");
        log.join("\n")
    }

    /// Number of items in the state table.
    async fn items(&self) -> usize {
        let page = self.client.scan().table_name(&self.state).send().await.expect("a scan");
        page.items.unwrap_or_default().len()
    }
}

#[tokio::test]
async fn a_short_failure_is_retried() {
    let lab = Lab::new(1).await;
    let client = lab.session().await;
    for fate in [THROTTLED, BROKEN, Fate::Ignored, Fate::Cut, Fate::AnswerLost] {
        lab.proxy.first(2, fate);
        assert_eq!(lab.echo(&client).await, "hi", "{fate:?}");
        assert_eq!(lab.proxy.seen(), ["GetItem"; 3], "{fate:?}");
    }
}

#[tokio::test]
async fn lasting_throttling_is_a_503_after_all_tries() {
    let lab = Lab::new(1).await;
    let client = lab.session().await;
    for (fate, cause) in
        [(THROTTLED, "ProvisionedThroughputExceededException"), (BROKEN, "InternalServerError")]
    {
        lab.proxy.every("GetItem", fate);
        let log = lab.unavailable(&client).await;
        assert_eq!(lab.proxy.seen(), ["GetItem"; TRIES]);
        assert!(log.contains("dynamodb:GetItem") && log.contains(&lab.state) && log.contains(cause), "{log}");
    }
    lab.proxy.first(0, BROKEN);
    assert_eq!(lab.echo(&client).await, "hi", "the next request succeeds");
}

#[tokio::test]
async fn a_request_without_a_response_times_out() {
    let lab = Lab::new(1).await;
    let client = lab.session().await;
    lab.proxy.every("GetItem", Fate::Ignored);
    let start = Instant::now();
    let log = lab.unavailable(&client).await;
    assert!(start.elapsed() < OPERATION * 2, "{:?}", start.elapsed());
    assert!(log.contains("timed out") || log.contains("timeout"), "{log}");
    lab.proxy.every("GetItem", Fate::Cut);
    lab.unavailable(&client).await;
}

#[tokio::test]
async fn a_response_that_is_not_dynamodbs_is_a_503() {
    let lab = Lab::new(1).await;
    let client = lab.session().await;
    lab.proxy.every("GetItem", Fate::Garbled);
    lab.unavailable(&client).await;
}

#[tokio::test]
async fn a_refused_connection_is_a_503_with_the_cause_in_the_log() {
    let lab = Lab::new(1).await;
    let unused =
        std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let config = configured(&format!("http://{unused}"), http_client(TlsRoots::Amazon).expect("TLS"));
    let client = sdk::Client::from_conf(config.retry_config(retries()).build());
    let stores = Stores::of(DynamoStore::new(client, "state", "events", Clock::system()));
    let world = environments::world(1, |_| {}, |builder| builder.stores(stores.clone()));
    logged();
    let (status, code, body) = refused(initialize_request(NEWEST, json!({})).send(world.at(0)).await).await;
    assert_eq!((status, code), (503, -32603));
    assert!(body["error"]["message"].as_str().expect("a text").contains("may be retried"));
    let log = logged().join("\n");
    assert!(log.contains("dynamodb:TransactWriteItems") && log.contains("Connection refused"), "{log}");
    drop(lab);
}

/// A retry would not help, so there is none.
#[tokio::test]
async fn a_missing_table_is_logged_with_the_action_and_the_variables() {
    let lab = Lab::new(1).await;
    let client = lab.session().await;
    lab.client.delete_table().table_name(&lab.state).send().await.expect("deleted");
    lab.proxy.first(0, BROKEN);
    let log = lab.refused_for_good(&client).await;
    assert_eq!(lab.proxy.seen(), ["GetItem"]);
    for part in ["dynamodb:GetItem", &lab.state, "there is no such table", "SESSION_TABLE_NAME"] {
        assert!(log.contains(part), "{part} in {log}");
    }
}

#[tokio::test]
async fn a_missing_permission_is_logged_with_the_table() {
    let lab = Lab::new(1).await;
    let client = lab.session().await;
    lab.proxy.every("GetItem", DENIED);
    let log = lab.refused_for_good(&client).await;
    assert_eq!(lab.proxy.seen(), ["GetItem"], "there is no retry");
    for part in ["dynamodb:GetItem", &lab.state, "grant it the action", "is not authorized"] {
        assert!(log.contains(part), "{part} in {log}");
    }
}

#[tokio::test]
async fn a_corrupt_item_is_an_error_that_suggests_no_retry() {
    let lab = Lab::new(1).await;
    let client = lab.session().await;
    let put = lab.client.update_item().table_name(&lab.state);
    let put = put.key("pk", sdk::types::AttributeValue::S(format!("SESSION#{}", client.id)));
    let put = put.key("sk", sdk::types::AttributeValue::S("META".into()));
    let put = put.update_expression("SET version = :v");
    let put = put.expression_attribute_values(":v", sdk::types::AttributeValue::S("2099-01-01".into()));
    put.send().await.expect("corrupted");
    logged();
    let (_, code, body) = refused(client.request(1, "ping", json!({})).send(lab.world.at(0)).await).await;
    assert_eq!(code, -32603);
    assert!(!body["error"]["message"].as_str().expect("a text").contains("retried"), "{body}");
    let log = logged().join("\n");
    assert!(log.contains("version") && log.contains(&client.id), "{log}");
}

/// What no retry mends: a missing permission, a missing table, a request that is wrong.
const FOR_GOOD: [Fate; 3] = [
    DENIED,
    Fate::Refused(
        400,
        "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException",
        "Requested resource not found",
    ),
    Fate::Refused(
        400,
        "com.amazon.coral.validate#ValidationException",
        "One or more parameter values were invalid",
    ),
];

/// Everything that reads or writes a store, with the status of a failure.
fn every_use(client: &Client) -> Vec<(McpRequest, u16)> {
    let reply = format!("{}.1", "0".repeat(32));
    let read = json!({ "uri": "event://aws.ec2/state_change" });
    vec![
        (initialize_request(NEWEST, json!({})), 200),
        (client.request(1, "ping", json!({})), 200),
        (client.request(1, "logging/setLevel", json!({ "level": "error" })), 200),
        (client.request(1, "resources/subscribe", json!({ "uri": "test://one" })), 200),
        (client.request(1, "resources/read", read.clone()), 200),
        (client.notification("notifications/cancelled", json!({ "requestId": 1 })), 500),
        (client.listen(), 500),
        (client.resume("log.0.0.0"), 500),
        (client.resume(&reply), 500),
        (client.end(), 500),
        (stateless("resources/read", read), 200),
        (stateless("subscriptions/listen", json!({ "notifications": { "toolsListChanged": true } })), 200),
    ]
}

/// A client that is told to retry what cannot succeed retries for ever, and each try is an invocation.
#[tokio::test]
async fn what_no_retry_mends_is_not_called_one_to_retry_wherever_a_store_is_used() {
    let lab = Lab::new(1).await;
    let client = lab.session().await;
    let build = |builder: mcp_lambda_server::Builder<Fixture>| builder.stores(lab.stores.clone());
    let world = environments::world(1, |config| config.events.enabled = Some(true), build);
    for fate in FOR_GOOD {
        for (at, (request, status)) in every_use(&client).into_iter().enumerate() {
            lab.proxy.rule(move |_, _| fate);
            let reply = request.send(world.at(0)).await;
            assert_eq!((reply.status.as_u16(), reply.header("retry-after")), (status, None), "{at} {fate:?}");
            let (_, code, body) = refused(reply).await;
            assert_eq!(code, -32603, "{at} {fate:?}");
            let message = body["error"]["message"].as_str().expect("a text");
            assert!(!message.contains("retried") && !message.contains("moment"), "{at} {fate:?}: {message}");
        }
    }
}

#[tokio::test]
async fn a_session_that_is_too_large_is_invalid_params() {
    let lab = Lab::new(1).await;
    let capabilities = json!({ "experimental": { "padding": { "x": "x".repeat(500 * 1024) } } });
    let (_, code, body) = refused(initialize_request(NEWEST, capabilities).send(lab.world.at(0)).await).await;
    assert_eq!(code, -32602);
    assert!(
        body["error"]["message"].as_str().expect("a text").contains("a session keeps at most 16384"),
        "{body}"
    );
    assert_eq!(lab.items().await, 0);
}

/// A session and its entry in the owner's list are one transaction.
#[tokio::test]
async fn a_session_that_could_not_be_stored_leaves_no_item() {
    let lab = Lab::new(1).await;
    for fate in [THROTTLED, Fate::Cut, Fate::Ignored, DENIED] {
        lab.proxy.every("TransactWriteItems", fate);
        let (status, code, _) =
            refused(initialize_request(NEWEST, json!({})).send(lab.world.at(0)).await).await;
        // A permission that is missing is missing for the next try too.
        let is_denied = matches!(fate, Fate::Refused(_, code, _) if code.contains("AccessDenied"));
        let expected = if is_denied { 200 } else { 503 };
        assert_eq!((status, code), (expected, -32603), "{fate:?}");
        assert_eq!(lab.items().await, 0, "{fate:?}");
    }
}

/// The response to a write is lost, and the retry must not count again.
#[tokio::test]
async fn a_write_whose_response_is_lost_counts_once() {
    let lab = Lab::new(2).await;
    lab.proxy.first(1, Fate::AnswerLost);
    let client = lab.session().await;
    assert_eq!(lab.items().await, 2, "one session and its listing");
    for expected in 1..=3 {
        lab.proxy.rule({
            let mut lost = false;
            move |action, _| match action {
                "TransactWriteItems" if !std::mem::replace(&mut lost, true) => Fate::AnswerLost,
                _ => Fate::Answered,
            }
        });
        let count = client.call(1, "count", json!({})).send(lab.world.at(expected % 2)).await;
        assert_eq!(text(count).await, expected.to_string());
    }
    lab.proxy.every("UpdateItem", Fate::Answered);
    lab.proxy.first(3, Fate::AnswerLost);
    let stream = client.listening(lab.world.at(0)).await;
    assert_eq!(stream.status, 200, "the lease that the first try acquired is its own");
}

/// 40 increments at once from four environments end at 40, through throttling and lost answers.
#[tokio::test]
async fn many_concurrent_writers_lose_no_increment() {
    // A fifth of hundreds of requests fails, so five tries of one could all fail by chance: each has 20 tries here, and no
    // time limit, because the machine may be busy.
    let many_tries = retries().with_max_attempts(20).with_initial_backoff(Duration::from_millis(5));
    let lab = Lab::with(4, |config| {
        let budget = RetryPartition::custom("storm").token_bucket(TokenBucket::unlimited()).build();
        config.timeout_config(TimeoutConfig::disabled()).retry_partition(budget).retry_config(many_tries)
    })
    .await;
    let client = lab.session().await;
    let mut at = 0;
    lab.proxy.rule(move |action, _| {
        at += 1;
        match (action, at % 10) {
            ("TransactWriteItems", 3) => Fate::AnswerLost,
            (_, 7) => THROTTLED,
            _ => Fate::Answered,
        }
    });
    let calls = (0..40_usize).map(|at| {
        let call = client.call(at as u64, "count", json!({}));
        let server = lab.world.at(at % 4);
        async move { text(call.send(server).await).await.parse::<u64>().expect("a count") }
    });
    let mut counts = futures::future::join_all(calls).await;
    counts.sort_unstable();
    assert_eq!(counts, (1..=40).collect::<Vec<_>>());
}

/// A GET stream that cannot be opened is refused as a whole: no lease stays held, and no older stream ends.
#[tokio::test]
async fn a_get_stream_that_cannot_be_opened_holds_no_lease() {
    let lab = Lab::new(1).await;
    let client = lab.session().await;
    // The lease and the ends of the log are requested concurrently, and the session is claimed after them.
    type Rule = fn(&str, usize) -> bool;
    let denied: [Rule; 3] =
        [|seen, _| seen == "BatchGetItem", |seen, at| at < 2 && seen == "UpdateItem", |_, at| at == 2];
    for (case, is_denied) in denied.into_iter().enumerate() {
        lab.proxy.rule(move |seen, at| if is_denied(seen, at) { DENIED } else { Fate::Answered });
        let (status, code, _) = refused(client.listen().send(lab.world.at(0)).await).await;
        assert_eq!((status, code), (500, -32603), "{case}: {:?}", lab.proxy.seen());
    }
    lab.proxy.first(0, BROKEN);
    let stream = client.listening(lab.world.at(0)).await;
    let item = lab.client.query().table_name(&lab.state).key_condition_expression("pk = :pk AND sk = :sk");
    let item = item.expression_attribute_values(
        ":pk",
        sdk::types::AttributeValue::S(format!("OWNER#anonymous||{}", client.id)),
    );
    let item = item.expression_attribute_values(":sk", sdk::types::AttributeValue::S("STREAMS".into()));
    let found = item.send().await.expect("read").items.unwrap_or_default();
    let held = found[0]["held"].as_n().expect("a number");
    assert_eq!(held, "1", "the stream that is open");
    drop(stream);
}

/// No request fails because the active tools cannot be read.
#[tokio::test]
async fn active_tools_that_cannot_be_read_fail_no_request() {
    let lab = Lab::new(1).await;
    let world = environments::world(
        1,
        |config| config.tool_check_interval = Duration::ZERO,
        |builder| builder.stores(lab.stores.clone()).initially_disabled(["slow"]),
    );
    let echo = || test_support::call("echo", json!({ "message": "hi" }));
    let off = test_support::call("switch", json!({ "tool": "echo", "on": false }));
    for known in [true, false] {
        lab.proxy.every("GetItem", DENIED);
        logged();
        let reply = echo().send(world.at(0)).await;
        // The last known state holds.
        match known {
            true => assert_eq!(text(reply).await, "hi"),
            false => assert_eq!(refused(reply).await.1, -32602),
        }
        let log = logged().join("\n");
        assert!(
            log.contains("the active tools cannot be read") && log.contains("is not authorized"),
            "{log}"
        );
        lab.proxy.first(0, DENIED);
        text(off.clone().send(world.at(0)).await).await;
    }
}
