//! URIs of resources, as clients write them: JavaScript and Python's SDK normalize as WHATWG says, .NET writes hosts in lower
//! case, and programs encode more or less than is needed.

use mcp_lambda_server::events::{EventKey, GlobalEvent};
use proptest::prelude::*;
use serde_json::{Value, json};
use test_support::{
    World, environments, environments_with, refused, result,
    session::{Client, NEWEST},
    stateless,
};
use url::Url;

/// Names that senders of events choose, and what normalization could do to them.
const NAMES: &[&str] = &[
    "aws.ec2",
    "OrderService",
    "orderservice",
    "ORDERSERVICE",
    "!order",
    ".",
    "..",
    "...",
    "a/b",
    "/",
    "//",
    "a/../b",
    "%2e%2e",
    "%",
    "100%",
    "%zz",
    " ",
    "",
    "a b",
    "a+b",
    "a:80",
    "user@host",
    "[::1]",
    "127.0.0.1",
    "1.2",
    "0x7f.1",
    "xn--bcher-kva",
    "b\u{fc}cher",
    "B\u{dc}CHER",
    "\u{6771}\u{4eac}",
    "a?b",
    "a#b",
    "a\\b",
    "{a}",
    "\u{0}",
    "\r\n",
    "~a",
    "-",
    "unknown",
    "\u{1f980}",
];

fn any_name() -> impl Strategy<Value = String> {
    prop_oneof![
        proptest::sample::select(NAMES).prop_map(str::to_owned),
        "[a-zA-Z.!/%~ ]{0,12}",
        any::<String>(),
        "[A-Z]{100,140}",
        "\\PC{100,140}",
        "[a ]{120,140}",
    ]
}

/// The URI as a client may write it.
fn written(uri: &str) -> Vec<String> {
    let (scheme, rest) = uri.split_once("://").expect("a URI");
    let (host, path) = rest.split_once('/').expect("a path");
    let encoded = |text: &str| {
        let bytes = text.bytes().enumerate();
        // Not the digits behind a percent sign, and not the marks.
        bytes
            .map(|(at, byte)| {
                let is_hex = text.as_bytes()[at.saturating_sub(2)..at].contains(&b'%');
                let is_plain = byte.is_ascii_alphanumeric() && !is_hex;
                if is_plain { format!("%{byte:02X}") } else { char::from(byte).to_string() }
            })
            .collect::<String>()
    };
    let lower = |text: &str| {
        text.split_inclusive('%')
            .enumerate()
            .map(|(part, text)| {
                let hex = if part == 0 { 0 } else { 2 };
                text[..hex].to_ascii_lowercase() + &text[hex..]
            })
            .collect::<String>()
    };
    let host_without_marks = if host.contains('!') { host.to_owned() } else { encoded(host) };
    vec![
        uri.to_owned(),
        Url::parse(uri).expect("a URL").to_string(),
        format!("{scheme}://{}/{path}", host.to_ascii_lowercase()),
        format!("{}://{}/{path}", scheme.to_ascii_uppercase(), host.to_ascii_uppercase()),
        format!("{scheme}://{}/{}", lower(host), lower(path)),
        format!("{scheme}://{host_without_marks}/{}", encoded(path)),
        format!("{scheme}://{host}/a/.././{path}"),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_form_of_the_uri_of_an_event_key_is_that_key(source in any_name(), kind in any_name()) {
        let key = EventKey::new(&source, &kind);
        let uri = key.uri();
        prop_assert!(uri.len() <= 2048, "it can be subscribed to");
        prop_assert_eq!(EventKey::new(key.source(), key.kind()), key.clone(), "a name is its own name");
        for form in written(&uri) {
            prop_assert_eq!(EventKey::parse(&form), Some(key.clone()), "{}", form);
        }
    }

    /// Two event keys stay two in every form that clients give their URIs.
    #[test]
    fn no_form_of_two_event_keys_is_the_same(one in (any_name(), any_name()), other in (any_name(), any_name())) {
        let (one, other) = (EventKey::new(&one.0, &one.1), EventKey::new(&other.0, &other.1));
        prop_assume!(one != other);
        let forms = written(&other.uri());
        for form in written(&one.uri()) {
            prop_assert!(!forms.contains(&form), "{}", form);
        }
    }
}

fn deployment() -> World {
    environments_with(2, |config| config.events.enabled = Some(true))
}

async fn read(world: &World, uri: &str) -> Value {
    result(stateless("resources/read", json!({ "uri": uri })).send(world.at(1)).await).await
}

#[tokio::test(start_paused = true)]
async fn every_listed_event_resource_can_be_read_in_every_form_of_its_uri() {
    let world = deployment();
    for (number, source) in NAMES.iter().enumerate() {
        for (other, kind) in NAMES.iter().enumerate().filter(|(other, _)| (number + other) % 7 == 0) {
            let event = GlobalEvent::external_event(*source, *kind, json!([number, other]));
            world.at(0).events().broadcast_global_event(event).await.expect("published");
        }
    }
    let listed =
        result(stateless("resources/list", json!({ "cursor": "page-2" })).send(world.at(0)).await).await;
    let listed = listed["resources"].as_array().expect("a list");
    let uris: Vec<_> =
        listed.iter().filter_map(|one| one["uri"].as_str()).filter(|uri| uri.starts_with("event:")).collect();
    assert!(uris.len() > 150, "{}", uris.len());
    for uri in uris {
        let mut contents = Vec::new();
        for form in written(uri) {
            let read = read(&world, &form).await;
            assert_eq!(read["contents"][0]["uri"], form.as_str(), "the URI that was asked for");
            contents.push(read["contents"][0]["text"].clone());
        }
        contents.dedup();
        assert_eq!(contents.len(), 1, "{uri}");
    }
}

/// A client that normalizes URIs reads what is listed, in any form that the handler has of it.
#[tokio::test(start_paused = true)]
async fn a_resource_of_the_handler_is_read_in_every_form_of_its_uri() {
    let world = environments(1);
    let read = async |uri: &str| {
        let reply = stateless("resources/read", json!({ "uri": uri })).send(world.at(0)).await;
        result(reply).await["contents"][0]["text"].clone()
    };
    for uri in ["test://one", "TEST://One", "test://%6Fne", "Test://oN%65"] {
        assert_eq!(read(uri).await, "content of test://one", "{uri}");
    }
    assert_eq!(read("test://t%77o").await, "content of test://two", "of the second page");
    let none = stateless("resources/read", json!({ "uri": "test://One/x" })).send(world.at(0)).await;
    assert_eq!(refused(none).await.1, -32602);
}

/// As reading it is refused (mcp-go#943).
#[tokio::test(start_paused = true)]
async fn a_subscription_to_what_can_never_be_read_is_refused_as_reading_it_is() {
    let world = deployment();
    let client = Client::open(world.at(0), NEWEST).await;
    let subscribed = async |uri: &str| {
        let session = client.request(1, "resources/subscribe", json!({ "uri": uri })).send(world.at(0)).await;
        let filter = json!({ "notifications": { "resourceSubscriptions": ["test://one", uri] } });
        let listen = stateless("subscriptions/listen", filter).send(world.at(0)).await;
        (session, listen)
    };
    for uri in [
        "none://",
        "file:///a",
        "tes://one",
        "no uri",
        "",
        "event:",
        "event://a/b/c",
        "event://a/b?c",
        "event://a/!b",
        "event://!1/a",
    ] {
        let read = client.request(2, "resources/read", json!({ "uri": uri })).send(world.at(0)).await;
        let (status, code, _) = refused(read).await;
        let (session, listen) = subscribed(uri).await;
        let (session, listen) = (refused(session).await, refused(listen).await);
        assert_eq!((session.0, session.1), (status, code), "{uri}");
        assert_eq!((session.1, listen.1), (-32002, -32602), "{uri}");
        for error in [&session.2, &listen.2] {
            assert_eq!(error["error"]["data"]["uri"], uri);
            let text = error["error"]["message"].as_str().expect("a text");
            assert!(text.contains(&format!("{uri:?}")), "{text}");
        }
    }
    // What is listed, what a template can become, and what lies above of both.
    for uri in [
        "test://one",
        "TEST://one",
        "test://later",
        "test://",
        "event://a/b",
        "event://A/b",
        "event://a",
        "event://",
    ] {
        let (session, listen) = subscribed(uri).await;
        assert_eq!(result(session).await, json!({}), "{uri}");
        assert!(listen.is_stream(), "{uri}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_subscription_is_kept_delivered_and_ended_in_any_form_of_its_uri() {
    let world = deployment();
    let client = Client::open(world.at(0), NEWEST).await;
    let mut stream = client.listening(world.at(1)).await;
    let ask = async |method: &str, uri: &str| {
        let reply = client.request(1, method, json!({ "uri": uri })).send(world.at(0)).await;
        assert_eq!(result(reply).await, json!({}));
    };
    let publish = async |kind: &str| {
        let event = GlobalEvent::external_event("Shop", kind, json!(1));
        world.at(0).events().broadcast_global_event(event).await.expect("published");
    };
    ask("resources/subscribe", "EVENT://!SHOP/./%6Frder").await;
    publish("order").await;
    let mut heard = Vec::new();
    for _ in 0..3 {
        heard.push(stream.message().await);
    }
    assert_eq!(heard[2]["method"], "notifications/resources/updated");
    assert_eq!(heard[2]["params"]["uri"], "event://!shop/order", "as it is listed");
    ask("resources/unsubscribe", "event://!shop/order").await;
    publish("order").await;
    assert_eq!(stream.message().await["method"], "notifications/message");
    assert!(stream.is_waiting(), "and no update");
}

/// A stream keeps and compares its URIs for as long as it lives.
#[tokio::test(start_paused = true)]
async fn a_listen_stream_takes_as_many_resources_as_a_session_and_no_longer_uris() {
    let world = environments_with(1, |config| config.sessions.subscriptions = 3);
    let listen = async |uris: Vec<String>| {
        stateless("subscriptions/listen", json!({ "notifications": { "resourceSubscriptions": uris } }))
            .send(world.at(0))
            .await
    };
    let uris = |count: usize| (0..count).map(|n| format!("test://{n}")).collect::<Vec<_>>();
    assert!(listen(uris(3)).await.is_stream());
    let (_, code, error) = refused(listen(uris(4)).await).await;
    assert_eq!(code, -32602);
    let text = error["error"]["message"].as_str().expect("a text");
    assert!(text.contains("names 4 resources: a stream takes 3 (MCP_SUBSCRIPTIONS_PER_SESSION)"), "{text}");
    let (_, code, error) = refused(listen(vec![format!("test://{}", "u".repeat(2048))]).await).await;
    assert_eq!(code, -32602);
    assert_eq!(
        error["error"]["message"],
        "params.notifications.resourceSubscriptions[0] has 2055 bytes: subscriptions take 2048"
    );
}
