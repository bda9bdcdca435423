//! What becomes of a request when DynamoDB does not do as it should. The errors are the wire's: a proxy in front of an
//! embedded DynamoDB makes them.

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
    Fixture, World,
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
    text,
};
use tokio::time::Instant;

/// What these tests wait for a try, and for all of them; in AWS both are longer.
const TRY: Duration = Duration::from_millis(200);
const OPERATION: Duration = Duration::from_millis(1_000);
/// How often a request is sent.
const TRIES: usize = 5;

/// Environments with a DynamoDB that can be made to fail.
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

    /// Sends a ping that must be refused with 503 and a text that says what to do, and returns what was logged.
    async fn unavailable(&self, client: &Client) -> String {
        logged();
        let reply = client.request(7, "ping", json!({})).send(self.world.at(0)).await;
        assert_eq!(reply.header("retry-after"), Some("1"));
        let (status, code, body) = refused(reply).await;
        assert_eq!((status, code), (503, -32603));
        assert_eq!(body["id"], 7);
        let message = body["error"]["message"].as_str().expect("a text");
        assert!(message.contains("may be retried"), "{message}");
        assert!(!message.contains(&self.state), "the client learns nothing about our machinery");
        let log = logged();
        assert_eq!(log.iter().filter(|line| line.contains("the session store failed")).count(), 1, "{log:?}");
        log.join("\n")
    }

    /// How many items the state table holds.
    async fn items(&self) -> usize {
        let page = self.client.scan().table_name(&self.state).send().await.expect("a scan");
        page.items.unwrap_or_default().len()
    }
}

#[tokio::test]
async fn trouble_that_passes_is_not_noticed() {
    let lab = Lab::new(1).await;
    let client = lab.session().await;
    for fate in [THROTTLED, BROKEN, Fate::Ignored, Fate::Cut, Fate::AnswerLost] {
        lab.proxy.first(2, fate);
        assert_eq!(lab.echo(&client).await, "hi", "{fate:?}");
        assert_eq!(lab.proxy.seen(), ["GetItem"; 3], "{fate:?}");
    }
}

#[tokio::test]
async fn throttling_that_lasts_is_a_503_after_all_tries() {
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
    assert_eq!(lab.echo(&client).await, "hi", "and then it is as it was");
}

#[tokio::test]
async fn a_request_that_is_not_answered_is_given_up_in_time() {
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
async fn an_answer_that_is_none_of_dynamodbs_is_a_503() {
    let lab = Lab::new(1).await;
    let client = lab.session().await;
    lab.proxy.every("GetItem", Fate::Garbled);
    lab.unavailable(&client).await;
}

#[tokio::test]
async fn an_endpoint_without_a_server_is_a_503_with_the_cause_in_the_log() {
    let lab = Lab::new(1).await;
    let nobody =
        std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let config = configured(&format!("http://{nobody}"), http_client(TlsRoots::Amazon).expect("TLS"));
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

/// Not tried again: it would be as missing the next time.
#[tokio::test]
async fn a_missing_table_is_named_with_the_action_and_the_variables_to_look_at() {
    let lab = Lab::new(1).await;
    let client = lab.session().await;
    lab.client.delete_table().table_name(&lab.state).send().await.expect("deleted");
    lab.proxy.first(0, BROKEN);
    let log = lab.unavailable(&client).await;
    assert_eq!(lab.proxy.seen(), ["GetItem"]);
    for part in ["dynamodb:GetItem", &lab.state, "there is no such table", "SESSION_TABLE_NAME"] {
        assert!(log.contains(part), "{part} in {log}");
    }
}

#[tokio::test]
async fn a_missing_permission_is_named_with_the_table() {
    let lab = Lab::new(1).await;
    let client = lab.session().await;
    lab.proxy.every("GetItem", DENIED);
    let log = lab.unavailable(&client).await;
    assert_eq!(lab.proxy.seen(), ["GetItem"], "it is not tried again");
    for part in ["dynamodb:GetItem", &lab.state, "grant it the action", "is not authorized"] {
        assert!(log.contains(part), "{part} in {log}");
    }
}

#[tokio::test]
async fn an_item_that_cannot_be_read_is_an_error_that_promises_nothing() {
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

/// DynamoDB takes 400 KB.
#[tokio::test]
async fn what_is_too_large_to_be_stored_is_the_clients_to_mend() {
    let lab = Lab::new(1).await;
    let capabilities = json!({ "experimental": { "padding": { "x": "x".repeat(500 * 1024) } } });
    let (_, code, body) = refused(initialize_request(NEWEST, capabilities).send(lab.world.at(0)).await).await;
    assert_eq!(code, -32602);
    assert!(body["error"]["message"].as_str().expect("a text").contains("the store takes"), "{body}");
    assert_eq!(lab.items().await, 0);
}

/// A session and its entry in the owner's list are written together or not at all.
#[tokio::test]
async fn a_session_that_could_not_be_stored_leaves_nothing_behind() {
    let lab = Lab::new(1).await;
    for fate in [THROTTLED, Fate::Cut, Fate::Ignored, DENIED] {
        lab.proxy.every("TransactWriteItems", fate);
        let (status, code, _) =
            refused(initialize_request(NEWEST, json!({})).send(lab.world.at(0)).await).await;
        assert_eq!((status, code), (503, -32603), "{fate:?}");
        assert_eq!(lab.items().await, 0, "{fate:?}");
    }
}

/// The write was done and its answer lost: sent again it must count once.
#[tokio::test]
async fn a_write_with_a_lost_answer_counts_once() {
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
    assert_eq!(stream.status, 200, "a slot that was taken already is one's own");
}

/// 40 increments at once from four environments end at 40, through throttling and lost answers.
#[tokio::test]
async fn a_storm_of_writers_loses_no_increment() {
    // Of hundreds of requests a fifth fails, so that by chance all tries of one would: here each has more of them, and
    // all the time of a busy machine.
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

/// A stream of the client's that cannot be had is refused as a whole: no lease stays taken, no older stream is ended.
#[tokio::test]
async fn a_get_stream_that_cannot_be_opened_leaves_nothing_taken() {
    let lab = Lab::new(1).await;
    let client = lab.session().await;
    // The lease and the log's ends are asked for at once, the session is claimed after them.
    type Rule = fn(&str, usize) -> bool;
    let denied: [Rule; 3] =
        [|seen, _| seen == "BatchGetItem", |seen, at| at < 2 && seen == "UpdateItem", |_, at| at == 2];
    for (which, is_denied) in denied.into_iter().enumerate() {
        lab.proxy.rule(move |seen, at| if is_denied(seen, at) { DENIED } else { Fate::Answered });
        let (status, code, _) = refused(client.listen().send(lab.world.at(0)).await).await;
        assert_eq!((status, code), (503, -32603), "{which}: {:?}", lab.proxy.seen());
    }
    lab.proxy.first(0, BROKEN);
    let stream = client.listening(lab.world.at(0)).await;
    let item = lab.client.query().table_name(&lab.state).key_condition_expression("pk = :pk AND sk = :sk");
    let item =
        item.expression_attribute_values(":pk", sdk::types::AttributeValue::S("OWNER#anonymous".into()));
    let item = item.expression_attribute_values(":sk", sdk::types::AttributeValue::S("SLOTS".into()));
    let found = item.send().await.expect("read").items.unwrap_or_default();
    let held = found[0]["held"].as_n().expect("a number");
    assert_eq!(held, "1", "the one that is open");
    drop(stream);
}

/// Which tools are on is looked up by the way: no request fails for it.
#[tokio::test]
async fn switches_that_cannot_be_read_fail_no_request() {
    let lab = Lab::new(1).await;
    let world = environments::world(
        1,
        |config| config.tool_check = Duration::ZERO,
        |builder| builder.stores(lab.stores.clone()).initially_disabled(["slow"]),
    );
    let echo = || test_support::call("echo", json!({ "message": "hi" }));
    let off = test_support::call("switch", json!({ "tool": "echo", "on": false }));
    for known in [true, false] {
        lab.proxy.every("GetItem", DENIED);
        logged();
        let reply = echo().send(world.at(0)).await;
        // The last that was known holds.
        match known {
            true => assert_eq!(text(reply).await, "hi"),
            false => assert_eq!(refused(reply).await.1, -32602),
        }
        let log = logged().join("\n");
        assert!(log.contains("which tools are on") && log.contains("is not authorized"), "{log}");
        lab.proxy.first(0, DENIED);
        text(off.clone().send(world.at(0)).await).await;
    }
}
