//! Two users with tokens of their own, four environments over one store: nothing of one can be reached by the other,
//! and no refusal shows whether its target exists.
//! <https://modelcontextprotocol.io/specification/2025-11-25/basic/security_best_practices#session-hijacking>
//! (read 2026-11-20).

use std::time::Duration;

use local_issuer::Issuer;
use mcp_lambda_server::auth::{AuthConfig, JwtConfig};
use serde_json::{Value, json};
use test_support::{
    McpRequest, Reply, World, call, environments_with, refused,
    request::initialize_request,
    result,
    session::{Client, NEWEST, identified, opening, priming},
    stateless, text,
};

/// Ada, who has everything, and Bob, who wants it.
struct Users {
    _issuer: Issuer,
    world: World,
    ada: String,
    bob: String,
}

async fn users() -> Users {
    let issuer = Issuer::start().await.expect("a port");
    let rules = JwtConfig::new(issuer.url(), "mcp");
    let world = environments_with(4, |config| {
        config.auth = AuthConfig::tokens(rules.clone());
        config.streams.per_principal = 3;
    });
    let now = world.clock.now().epoch_seconds();
    let token = |subject: &str| issuer.token_at(subject, now).sign();
    let (ada, bob) = (token("ada"), token("bob"));
    Users { _issuer: issuer, world, ada, bob }
}

fn with(post: McpRequest, token: &str) -> McpRequest {
    post.header("authorization", &format!("Bearer {token}"))
}

impl Users {
    async fn open(&self, token: &str, at: usize) -> Client {
        let capabilities = json!({ "roots": {} });
        let reply = with(initialize_request(NEWEST, capabilities), token).send(self.world.at(at)).await;
        assert_eq!(reply.status, 200);
        let id = reply.header("mcp-session-id").expect("a session").to_owned();
        Client { id, version: NEWEST, principal: None }
    }

    /// Everything that can be seen of an answer.
    async fn seen(&self, post: McpRequest, token: &str, at: usize) -> (u16, Vec<String>, String) {
        let reply = with(post, token).send(self.world.at(at)).await;
        let status = reply.status.as_u16();
        let headers = reply.headers.iter().map(|(name, value)| format!("{name}: {value:?}")).collect();
        (status, headers, String::from_utf8_lossy(&reply.bytes().await).into_owned())
    }

    /// Bob tries a thing of Ada's, and one that never was, on every environment: he must not see a difference.
    async fn cannot_tell(
        &self,
        what: &str,
        hers: impl Fn() -> McpRequest,
        unknown: impl Fn() -> McpRequest,
        names: [&str; 2],
        status: u16,
    ) {
        for at in 0..4 {
            let (real, made_up) =
                (self.seen(hers(), &self.bob, at).await, self.seen(unknown(), &self.bob, at).await);
            assert_eq!(real.0, status, "{what} on {at}: {real:?}");
            let real_text = real.2.replace(names[0], "*");
            assert_eq!(
                (real.0, real.1, real_text),
                (made_up.0, made_up.1, made_up.2.replace(names[1], "*")),
                "{what} on {at}"
            );
        }
    }
}

const NEVER: &str = "0123456789abcdef0123456789abcdef";

/// What can be tried with a session.
type Attempt = fn(&Client) -> McpRequest;

fn never() -> Client {
    Client { id: NEVER.into(), version: NEWEST, principal: None }
}

/// Tried with requests, notifications, responses, streams, and the end of a session.
#[tokio::test]
async fn a_session_of_another_user_is_refused_exactly_as_an_unknown_one() {
    let users = users().await;
    let hers = users.open(&users.ada, 0).await;
    let count = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "count" } });
    assert_eq!(text(with(hers.post(&count), &users.ada).send(users.world.at(1)).await).await, "1");
    let tries: [(&str, Attempt); 11] = [
        ("a call", |client| client.call(1, "count", json!({}))),
        ("a list", |client| client.request(1, "tools/list", json!({}))),
        ("a ping", |client| client.request("p", "ping", json!({}))),
        ("a log level", |client| client.request(1, "logging/setLevel", json!({ "level": "debug" }))),
        ("a subscription", |client| client.request(1, "resources/subscribe", json!({ "uri": "test://one" }))),
        ("an unsubscription", |client| {
            client.request(1, "resources/unsubscribe", json!({ "uri": "test://one" }))
        }),
        ("a notification", |client| client.notification("notifications/initialized", json!({}))),
        ("a cancellation", |client| client.cancel(1)),
        ("an answer", |client| client.answer(&json!({ "id": "x/1" }), json!({}))),
        ("a stream", Client::listen),
        ("the end", Client::end),
    ];
    for (what, attempt) in tries {
        let names = [hers.id.as_str(), NEVER];
        users.cannot_tell(what, || attempt(&hers), || attempt(&never()), names, 404).await;
    }
    // Nothing of that has touched it.
    assert_eq!(text(with(hers.post(&count), &users.ada).send(users.world.at(2)).await).await, "2");
    // And a session without a token is not asked about at all.
    let anonymous = hers.post(&count).send(users.world.at(0)).await;
    assert_eq!(anonymous.status, 401);
}

/// A reply that broke off can be resumed by its own caller only.
#[tokio::test]
async fn a_stream_of_another_user_cannot_be_replayed() {
    let users = users().await;
    let (hers, his) = (users.open(&users.ada, 0).await, users.open(&users.bob, 1).await);
    users.world.allow(4);
    let progress = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": { "name": "progress", "arguments": { "steps": 3 }, "_meta": { "progressToken": "t" } },
    });
    let mut reply = with(hers.post(&progress), &users.ada).send(users.world.at(0)).await;
    let place = priming(&mut reply).await;
    let (last, _) = identified(&mut reply).await;
    drop(reply);
    for place in [&place, &last] {
        let (_, seq) = place.rsplit_once('.').expect("a place in a stream");
        let made_up = format!("{NEVER}.{seq}");
        users
            .cannot_tell(
                "her stream through her session",
                || hers.resume(place),
                || never().resume(place),
                [&hers.id, NEVER],
                404,
            )
            .await;
        users
            .cannot_tell(
                "her stream through his session",
                || his.resume(place),
                || his.resume(&made_up),
                [place, &made_up],
                405,
            )
            .await;
    }
    let mut resumed = with(hers.resume(&place), &users.ada).send(users.world.at(3)).await;
    opening(&mut resumed, NEWEST).await;
    assert_eq!(identified(&mut resumed).await.1["method"], "notifications/progress");
}

/// A question to her is answered by her.
#[tokio::test]
async fn a_question_to_another_user_cannot_be_answered() {
    let users = users().await;
    let (hers, his) = (users.open(&users.ada, 0).await, users.open(&users.bob, 1).await);
    let mut reply =
        with(hers.call(1, "ask", json!({ "what": "roots" })), &users.ada).send(users.world.at(0)).await;
    let asked = reply.message().await;
    let forged = json!({ "roots": [{ "uri": "file:///bob" }] });
    for at in 0..4 {
        // Through his own session it is the response to no request, as any made-up one is.
        let through_his = with(his.answer(&asked, forged.clone()), &users.bob).send(users.world.at(at)).await;
        assert_eq!(through_his.status, 202);
        let through_hers =
            with(hers.answer(&asked, forged.clone()), &users.bob).send(users.world.at(at)).await;
        assert_eq!(through_hers.status, 404);
    }
    let own = json!({ "roots": [{ "uri": "file:///ada" }] });
    assert_eq!(with(hers.answer(&asked, own), &users.ada).send(users.world.at(2)).await.status, 202);
    let text = reply.message().await.to_string();
    assert!(text.contains("file:///ada") && !text.contains("bob"), "{text}");
}

/// State behind a name is each caller's own, even under one name.
#[tokio::test]
async fn state_behind_a_handle_of_another_user_is_a_handle_of_ones_own() {
    let users = users().await;
    let count = async |token: &str, handle: &str, at: usize| -> Value {
        let reply = with(call("count", json!({ "handle": handle })), token).send(users.world.at(at)).await;
        serde_json::from_str(&text(reply).await).expect("JSON")
    };
    let handle = count(&users.ada, "", 0).await["handle"].as_str().expect("a handle").to_owned();
    assert_eq!(count(&users.ada, &handle, 1).await["count"], 2);
    let (hers, made_up) = (count(&users.bob, &handle, 2).await, count(&users.bob, NEVER, 3).await);
    assert_eq!((&hers["count"], &made_up["count"]), (&json!(1), &json!(1)), "he counts from the beginning");
    assert_eq!(count(&users.ada, &handle, 3).await["count"], 3);
}

#[tokio::test]
async fn sessions_of_another_user_are_not_listed() {
    let users = users().await;
    let (hers, his) = (users.open(&users.ada, 0).await, users.open(&users.bob, 1).await);
    let listed = with(his.call(1, "siblings", json!({})), &users.bob).send(users.world.at(2)).await;
    let listed = text(listed).await;
    assert!(listed.contains(&his.id) && !listed.contains(&hers.id), "{listed}");
}

/// Her session's events and subscriptions are hers alone.
#[tokio::test]
async fn events_of_another_users_session_are_not_received() {
    let users = users().await;
    let (hers, his) = (users.open(&users.ada, 0).await, users.open(&users.bob, 1).await);
    for (client, token, uri) in [(&hers, &users.ada, "test://hers"), (&his, &users.bob, "test://his")] {
        let subscribed = with(client.request(1, "resources/subscribe", json!({ "uri": uri })), token);
        assert_eq!(subscribed.send(users.world.at(2)).await.status, 200);
    }
    let mut streams = Vec::new();
    for (client, token, at) in [(&hers, &users.ada, 2), (&his, &users.bob, 3)] {
        let mut stream = with(client.listen(), token).send(users.world.at(at)).await;
        opening(&mut stream, NEWEST).await;
        streams.push(stream);
    }
    let tell = with(hers.call(2, "tell_session", json!({ "uri": "test://hers" })), &users.ada);
    assert_eq!(tell.send(users.world.at(0)).await.status, 200);
    let heard = streams[0].message().await;
    assert_eq!(heard["params"]["uri"], "test://hers");
    let tell = with(his.call(2, "tell_session", json!({ "uri": "test://his" })), &users.bob);
    assert_eq!(tell.send(users.world.at(1)).await.status, 200);
    assert_eq!(
        streams[1].message().await["params"]["uri"],
        "test://his",
        "the first event he gets is his own"
    );
}

#[tokio::test]
async fn request_state_of_another_user_is_refused_exactly_as_a_forged_one() {
    let users = users().await;
    let shed = || call("sheds_load", json!({}));
    let asked = with(shed(), &users.ada).send(users.world.at(0)).await;
    let sealed = result(asked).await["requestState"].as_str().expect("a state").to_owned();
    let forged = format!("{}AAAA", &sealed[..sealed.len() - 4]);
    let back = |state: &str| shed().edit(|body| body["params"]["requestState"] = json!(state));
    users.cannot_tell("her state", || back(&sealed), || back(&forged), [&sealed, &forged], 200).await;
    let (status, code, _) = refused(with(back(&sealed), &users.bob).send(users.world.at(1)).await).await;
    assert_eq!((status, code), (200, -32602));
    let hers = with(back(&sealed), &users.ada).send(users.world.at(3)).await;
    assert_eq!(text(hers).await, "came back with later");
}

/// However many streams he holds, hers are counted apart.
#[tokio::test]
async fn streams_of_another_user_do_not_count_against_her_limit() {
    let users = users().await;
    let listen =
        || stateless("subscriptions/listen", json!({ "notifications": { "toolsListChanged": true } }));
    let mut held: Vec<Reply> = Vec::new();
    for at in 0..3 {
        let mut stream = with(listen(), &users.bob).send(users.world.at(at)).await;
        assert_eq!(stream.message().await["method"], "notifications/subscriptions/acknowledged");
        held.push(stream);
    }
    let (status, code, _) = refused(with(listen(), &users.bob).send(users.world.at(3)).await).await;
    assert_eq!((status, code), (429, -32000));
    let mut hers = with(listen(), &users.ada).send(users.world.at(3)).await;
    assert_eq!(hers.message().await["method"], "notifications/subscriptions/acknowledged");
}

/// A token that is renewed is the same caller; one of another issuer with the same subject is not.
#[tokio::test]
async fn a_session_outlives_a_token_and_not_its_issuer() {
    let users = users().await;
    let hers = users.open(&users.ada, 0).await;
    users.world.clock.advance(Duration::from_secs(3000));
    let later =
        users._issuer.token_at("ada", users.world.clock.now().epoch_seconds()).claim("jti", "2").sign();
    let ping = || hers.request(1, "ping", json!({}));
    assert_eq!(with(ping(), &later).send(users.world.at(1)).await.status, 200);
    users.world.clock.advance(Duration::from_secs(700));
    assert_eq!(with(ping(), &users.ada).send(users.world.at(1)).await.status, 401, "a session is no login");
    let other = Issuer::start().await.expect("a port");
    let stranger = other.token_at("ada", users.world.clock.now().epoch_seconds()).sign();
    assert_eq!(with(ping(), &stranger).send(users.world.at(1)).await.status, 401);
}
