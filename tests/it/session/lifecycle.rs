//! Sessions begin, are found, and end: 2025-11-25, 2025-06-18 and 2025-03-26.
//! <https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#session-management> (read 2026-11-20).

use std::{collections::BTreeSet, time::Duration};

use http::Method;
use mcp_lambda_server::{Principal, config::SessionMode, session::SessionId};
use serde_json::{Value, json};
use test_support::{
    McpRequest, Reply, World, environment, environments, environments_with, refused,
    request::initialize_request,
    result,
    session::{Client, MIDDLE, NEWEST, OLDEST, VERSIONS},
    text,
};

async fn initialized(world: &World, version: &str) -> (Option<String>, Value) {
    let reply = initialize_request(version, json!({})).send(world.at(0)).await;
    assert_eq!(reply.status, 200);
    (reply.header("mcp-session-id").map(str::to_owned), reply.json().await)
}

#[tokio::test]
async fn initialize_answers_with_the_version_that_was_asked_for() {
    let world = environment();
    for version in VERSIONS {
        let (_, body) = initialized(&world, version).await;
        assert_eq!(body["id"], 0);
        assert_eq!(body["result"]["protocolVersion"], version);
        assert_eq!(body["result"]["serverInfo"], json!({ "name": "fixture", "version": "1.2.3" }));
        assert_eq!(body["result"]["instructions"], "Say what to do.");
        assert_eq!(body["result"]["capabilities"]["resources"]["subscribe"], true);
    }
}

#[tokio::test]
async fn initialize_answers_an_unknown_or_stateless_version_with_the_newest_session_version() {
    let world = environment();
    for version in ["2026-07-28", "2027-01-01", "2024-11-05", "1.0", ""] {
        let (session, body) = initialized(&world, version).await;
        assert_eq!(body["result"]["protocolVersion"], NEWEST, "asked for {version:?}");
        assert!(session.is_some());
    }
}

/// `initialize` negotiates its version in the body, under any version header.
#[tokio::test]
async fn initialize_ignores_the_version_header() {
    let world = environment();
    for header in ["2026-07-28", "1999-01-01", OLDEST] {
        let reply =
            initialize_request(MIDDLE, json!({})).header("mcp-protocol-version", header).send(world.at(0));
        assert_eq!(result(reply.await).await["protocolVersion"], MIDDLE);
    }
}

#[tokio::test]
async fn initialize_with_bad_params_is_invalid_params_and_opens_no_session() {
    let world = environment();
    for params in
        [json!({}), json!({ "protocolVersion": 7, "capabilities": {}, "clientInfo": {} }), json!([])]
    {
        let request = json!({ "jsonrpc": "2.0", "id": "one", "method": "initialize", "params": params });
        let reply = McpRequest::json(&request).send(world.at(0)).await;
        assert_eq!(reply.header("mcp-session-id"), None);
        let (status, code, body) = refused(reply).await;
        assert_eq!((status, code, &body["id"]), (200, -32602, &json!("one")));
    }
}

#[tokio::test]
async fn a_session_id_is_visible_ascii_and_random() {
    let world = environment();
    let mut ids = BTreeSet::new();
    for _ in 0..64 {
        let id = initialized(&world, NEWEST).await.0.expect("a session");
        assert!(id.len() >= 32 && id.bytes().all(|byte| (0x21..=0x7e).contains(&byte)), "{id:?}");
        ids.insert(id);
    }
    assert_eq!(ids.len(), 64);
    // No position has the same character in all of them, but for the version digit of a UUID.
    let same =
        (0..32).filter(|at| ids.iter().map(|id| id.as_bytes()[*at]).collect::<BTreeSet<_>>().len() == 1);
    assert!(same.count() <= 1, "{ids:?}");
}

#[tokio::test]
async fn a_session_id_is_only_on_the_initialize_response() {
    let world = environment();
    let client = Client::open(world.at(0), NEWEST).await;
    let replies = [
        client.request(1, "ping", json!({})),
        client.call(2, "echo", json!({ "message": "hi" })),
        client.call(3, "log", json!({ "level": "error" })),
        client.call(4, "error", json!({})),
        client.listen(),
        client.notification("notifications/roots/list_changed", json!({})),
        client.end(),
        client.request(5, "ping", json!({})),
    ];
    for post in replies {
        assert_eq!(post.send(world.at(0)).await.header("mcp-session-id"), None);
    }
}

#[tokio::test]
async fn a_message_without_a_session_id_is_refused_with_400() {
    let world = environments_with(1, |config| config.sessions.mode = Some(SessionMode::Required));
    let client = Client::open(world.at(0), NEWEST).await;
    for post in [
        client.request("seven", "tools/list", json!({})),
        client.notification("notifications/initialized", json!({})),
        client.answer(&json!({ "id": "a/0" }), json!({})),
        client.end(),
    ] {
        let (status, code, body) = refused(post.without("mcp-session-id").send(world.at(0)).await).await;
        assert_eq!((status, code), (400, -32000));
        assert!(body.get("id").is_none() || body["id"] == "seven", "{body}");
    }
}

/// Everything that names a session, with what must come back when there is none of that name.
fn every_way_in(client: &Client) -> [McpRequest; 8] {
    [
        client.request(9, "ping", json!({})),
        client.call(9, "echo", json!({ "message": "hi" })),
        client.request(9, "logging/setLevel", json!({ "level": "error" })),
        client.notification("notifications/roots/list_changed", json!({})),
        client.cancel(1),
        client.answer(&json!({ "id": "0123456789abcdef0123456789abcdef/0" }), json!({ "roots": [] })),
        client.listen(),
        client.end(),
    ]
}

async fn assert_not_found(world: &World, client: &Client) {
    for (at, post) in every_way_in(client).into_iter().enumerate() {
        for server in &world.servers {
            let (status, code, body) = refused(post.clone().send(server).await).await;
            assert_eq!((status, code), (404, -32001), "way {at}");
            assert_eq!(body.get("id"), (at < 3).then_some(&json!(9)), "way {at}");
        }
    }
}

#[tokio::test]
async fn an_unknown_session_is_not_found_on_any_node() {
    let world = environments(3);
    let open = Client::open(world.at(0), NEWEST).await;
    for id in [SessionId::random().as_str(), "never", "0", &open.id.to_uppercase(), &format!("{}0", open.id)]
    {
        assert_not_found(&world, &Client { id: id.to_owned(), ..open.clone() }).await;
    }
    assert_eq!(open.request(1, "ping", json!({})).send(world.at(2)).await.status, 200);
}

#[tokio::test]
async fn a_session_deleted_on_one_node_is_not_found_on_any() {
    let world = environments(3);
    for version in VERSIONS {
        let client = Client::open(world.at(0), version).await;
        for server in &world.servers {
            assert_eq!(client.request(1, "ping", json!({})).send(server).await.status, 200);
        }
        let ended = client.end().send(world.at(1)).await;
        assert_eq!(ended.status, 204);
        assert!(ended.bytes().await.is_empty());
        assert_not_found(&world, &client).await;
    }
}

/// A session ends by its expiry alone; no item has to be deleted.
#[tokio::test]
async fn a_session_that_was_idle_too_long_is_not_found() {
    let world = test_support::environments_with(2, |config| config.session_ttl = Duration::from_secs(3600));
    let client = Client::open(world.at(0), NEWEST).await;
    world.clock.advance(Duration::from_secs(3599));
    assert_eq!(client.request(1, "ping", json!({})).send(world.at(1)).await.status, 200);
    world.clock.advance(Duration::from_secs(3599));
    assert_eq!(
        client.request(2, "ping", json!({})).send(world.at(0)).await.status,
        200,
        "use keeps it alive"
    );
    world.clock.advance(Duration::from_secs(3600));
    assert_not_found(&world, &client).await;
}

/// The state a tool keeps in a session outlives any number of idle lives, as long as the session does.
#[tokio::test]
async fn session_state_lives_as_long_as_its_session() {
    let world = test_support::environments_with(2, |config| config.session_ttl = Duration::from_secs(600));
    let client = Client::open(world.at(0), NEWEST).await;
    assert_eq!(text(client.call(1, "count", json!({})).send(world.at(0)).await).await, "1");
    for at in 0..5 {
        world.clock.advance(Duration::from_secs(400));
        assert_eq!(client.request(2, "ping", json!({})).send(world.at(at % 2)).await.status, 200);
    }
    assert_eq!(text(client.call(3, "count", json!({})).send(world.at(1)).await).await, "2");
}

/// A session is bound to its principal.
#[tokio::test]
async fn the_session_of_another_principal_is_refused_exactly_as_an_unknown_one() {
    let world = environments(2);
    let (alice, eve) =
        (Principal::new("https://idp.example", "alice"), Principal::new("https://idp.example", "eve"));
    let hers = Client::open_as(world.at(0), NEWEST, Some(alice)).await;
    let stream = hers.call(1, "log", json!({ "level": "error" })).send(world.at(0)).await;
    let place = last_id(stream).await;
    for thief in [Some(eve), None] {
        let stolen = Client { principal: thief, ..hers.clone() };
        let unknown = Client { id: SessionId::random().to_string(), ..stolen.clone() };
        assert_not_found(&world, &stolen).await;
        let mut pairs: Vec<_> = every_way_in(&stolen).into_iter().zip(every_way_in(&unknown)).collect();
        pairs.push((stolen.resume(&place), unknown.resume(&place)));
        pairs.push((
            stolen.request(3, "resources/subscribe", json!({ "uri": "test://one" })),
            unknown.request(3, "resources/subscribe", json!({ "uri": "test://one" })),
        ));
        for (theirs, never) in pairs {
            assert_eq!(
                whole(theirs.send(world.at(1)).await).await,
                whole(never.send(world.at(1)).await).await
            );
        }
    }
    assert_eq!(
        hers.request(4, "ping", json!({})).send(world.at(1)).await.status,
        200,
        "eve's DELETE ended nothing"
    );
}

async fn last_id(mut stream: Reply) -> String {
    test_support::session::rest(&mut stream).await.pop().expect("a message").0
}

async fn whole(reply: Reply) -> (u16, http::HeaderMap, bytes::Bytes) {
    (reply.status.as_u16(), reply.headers.clone(), reply.bytes().await)
}

/// Two principals have two sets of sessions and of state.
#[tokio::test]
async fn a_caller_lists_only_its_own_sessions_newest_first() {
    let world = environments(2);
    let (alice, eve) = (Principal::new("i", "alice"), Principal::new("i", "eve"));
    let first = Client::open_as(world.at(0), NEWEST, Some(alice.clone())).await;
    world.clock.advance(Duration::from_secs(1));
    let second = Client::open_as(world.at(1), OLDEST, Some(alice)).await;
    let hers = Client::open_as(world.at(0), NEWEST, Some(eve)).await;
    let listed =
        async |client: &Client| text(client.call(1, "siblings", json!({})).send(world.at(1)).await).await;
    assert_eq!(listed(&first).await, json!([second.id, first.id]).to_string());
    assert_eq!(listed(&hers).await, json!([hers.id]).to_string());
    // The id of its session is all that an anonymous caller is known by.
    let anonymous = Client::open(world.at(0), NEWEST).await;
    let other = Client::open(world.at(1), NEWEST).await;
    assert_eq!(listed(&anonymous).await, json!([anonymous.id]).to_string());
    assert_eq!(listed(&other).await, json!([other.id]).to_string());
    assert_eq!(first.end().send(world.at(1)).await.status, 204);
    assert_eq!(listed(&second).await, json!([second.id]).to_string());
}

#[tokio::test]
async fn an_unsupported_or_invalid_version_header_is_refused_with_400() {
    let world = environment();
    let client = Client::open(world.at(0), NEWEST).await;
    for version in ["2024-11-05", "2025-11-24", "1", "latest", "", "2025-06-18, 2025-11-25"] {
        for post in [
            client.request(1, "ping", json!({})),
            client.notification("notifications/initialized", json!({})),
            client.listen(),
            client.end(),
        ] {
            let reply = post.header("mcp-protocol-version", version).send(world.at(0)).await;
            let (status, code, _) = refused(reply).await;
            assert_eq!((status, code), (400, -32600), "{version:?}");
        }
    }
    let twice = client.request(1, "ping", json!({})).and_header("mcp-protocol-version", NEWEST.as_bytes());
    assert_eq!(refused(twice.send(world.at(0)).await).await.0, 400);
    assert_eq!(
        client.request(1, "ping", json!({})).send(world.at(0)).await.status,
        200,
        "nothing ended the session"
    );
}

#[tokio::test]
async fn without_a_version_header_the_session_s_own_version_holds() {
    let world = environments(2);
    for version in VERSIONS {
        let client = Client::open(world.at(0), version).await;
        let who = client.call(1, "who", json!({})).without("mcp-protocol-version").send(world.at(1)).await;
        let who: Value = serde_json::from_str(&text(who).await).expect("JSON");
        assert_eq!(who["version"], version);
        assert_eq!(who["client"], "test");
        assert_eq!(who["session"], client.id);
        assert_eq!(client.end().without("mcp-protocol-version").send(world.at(1)).await.status, 204);
    }
}

/// A session id has one value, in visible ASCII.
#[tokio::test]
async fn two_session_ids_are_refused_with_400() {
    let world = environment();
    let client = Client::open(world.at(0), NEWEST).await;
    for post in [client.request(1, "ping", json!({})), client.listen(), client.end()] {
        let twice = post.clone().and_header("mcp-session-id", client.id.as_bytes()).send(world.at(0)).await;
        assert_eq!(refused(twice).await.0, 400);
        let hostile =
            post.without("mcp-session-id").and_header("mcp-session-id", &[0xff]).send(world.at(0)).await;
        assert_eq!(refused(hostile).await.0, 400);
    }
}

/// Clients take 405 for "this server has no such stream" and go on without it.
#[tokio::test]
async fn a_get_without_a_session_is_method_not_allowed() {
    let world = environment();
    for version in [None, Some(NEWEST), Some("2026-07-28")] {
        let get = McpRequest::of(Method::GET).header("accept", "text/event-stream");
        let get = version.map_or(get.clone(), |version| get.header("mcp-protocol-version", version));
        let reply = get.send(world.at(0)).await;
        assert_eq!(reply.header("allow"), Some("POST, OPTIONS"));
        assert_eq!(reply.status, 405);
    }
}

/// A session that is in use costs a write a minute and not one a request.
#[tokio::test]
async fn a_session_is_marked_as_used_at_most_once_a_minute() {
    let world = environments(2);
    let client = Client::open(world.at(0), NEWEST).await;
    let id: SessionId = client.id.parse().expect("an id of ours");
    let end = async || world.stores.sessions.load(&id).await.expect("read").expect("there").expires_at;
    let opened = end().await;
    for (seconds, is_marked) in [(30, false), (30, false), (1, true), (59, false), (2, true)] {
        let before = end().await;
        world.clock.advance(Duration::from_secs(seconds));
        for server in &world.servers {
            assert_eq!(client.request(1, "ping", json!({})).send(server).await.status, 200);
        }
        assert_eq!(end().await > before, is_marked, "{seconds} s later");
    }
    assert_eq!(end().await, opened.plus(Duration::from_secs(122)));
}
