//! A tool acts as its caller at the provider where the caller has signed in.

use std::{sync::Arc, time::Duration};

use http::StatusCode;
use local_issuer::Outage;
use mcp_lambda_server::{
    Clock, Config, Deadline, McpLambdaServer, MemoryStore, Stores, config::LoginUpstream,
    session::StateScope, tasks::TaskSupport,
};
use serde_json::{Value, json};
use test_support::{
    built, call,
    dynamodb::{Embedded, counted::counted},
    refused, result,
};

use super::{
    lab::{Lab, SITE, parameter, text},
    upstream_lab::{Acting, UpstreamLab, acting, grant_id},
};
use crate::tasks::queue::{Kept, declared};

/// The provider's tokens are valid for an hour, and refreshed a minute before they expire.
const ALMOST_AN_HOUR: Duration = Duration::from_secs(3600 - 30);

fn item(tokens: &Value) -> StateScope {
    StateScope::Login(format!("UPSTREAM#{}", grant_id(tokens)))
}

#[tokio::test]
async fn a_tool_acts_as_its_caller_and_no_client_sees_the_token() {
    let lab = UpstreamLab::new().await;
    let (_, ada) = lab.signed_in("ada").await;
    let (_, bob) = lab.signed_in("bob").await;
    for (tokens, user) in [(&ada, "ada"), (&bob, "bob")] {
        let token = lab.token(0, tokens).await;
        assert_eq!(lab.user_of(&token).await, user);
        assert_eq!(lab.token(1, tokens).await, token, "the other environment has the same");
        assert!(!tokens.to_string().contains(&token));
        let stored = lab.login.stores.state.state(&item(tokens), "tokens").await.expect("a store");
        let stored = stored.expect("an item").value.to_string();
        assert!(stored.contains("sealing.") && !stored.contains(&token), "{stored}");
    }
}

/// The provider takes the second use of a refresh token for a theft.
#[tokio::test]
async fn environments_that_refresh_at_the_same_time_use_each_refresh_token_once() {
    let lab = UpstreamLab::new().await;
    lab.provider.rotate();
    let (client, mut tokens) = lab.signed_in("ada").await;
    let mut last = lab.token(0, &tokens).await;
    for round in 1..=3 {
        lab.login.clock.advance(ALMOST_AN_HOUR);
        let refreshed = lab.login.refresh(round % 2, &client, text(&tokens, "refresh_token")).await;
        tokens = refreshed.json();
        let before = lab.provider.asked("/token");
        let calls = (0..8).map(|at| lab.token(at % 2, &tokens));
        let found = futures::future::join_all(calls).await;
        assert_eq!(lab.provider.asked("/token") - before, 1, "round {round}");
        assert!(found.iter().all(|token| *token == found[0]), "all have the result of the one");
        assert_ne!(found[0], last);
        last.clone_from(&found[0]);
        assert_eq!(lab.user_of(&last).await, "ada");
    }
}

#[tokio::test]
async fn a_token_ends_with_the_grant_by_revocation_by_reuse_and_by_time() {
    let lab = UpstreamLab::with(|login| login.refresh_token_ttl = Duration::from_secs(7200)).await;
    let (client, tokens) = lab.signed_in("ada").await;
    assert_eq!(lab.call(0, &tokens).await.status, StatusCode::OK);
    let form = [("token", text(&tokens, "refresh_token")), ("client_id", client.as_str())];
    assert_eq!(lab.login.post(0, "/revoke", &form, &[]).await.status, StatusCode::OK);
    for at in 0..2 {
        assert!(lab.error(at, &tokens).await.contains("has ended: sign in again"), "revoked");
    }

    let (client, first) = lab.signed_in("ada").await;
    let second = lab.login.refresh(0, &client, text(&first, "refresh_token")).await.json();
    lab.login.clock.advance(Duration::from_secs(11));
    let third = lab.login.refresh(1, &client, text(&second, "refresh_token")).await.json();
    assert_eq!(lab.call(1, &third).await.status, StatusCode::OK);
    let stolen = lab.login.refresh(0, &client, text(&first, "refresh_token")).await;
    assert_eq!(stolen.error().1, "invalid_grant");
    assert!(lab.error(0, &third).await.contains("has ended"), "used again");

    let (_, tokens) = lab.signed_in("ada").await;
    let item = item(&tokens);
    assert!(lab.login.stores.state.state(&item, "tokens").await.expect("a store").is_some());
    lab.login.clock.advance(Duration::from_secs(7200));
    assert!(lab.login.stores.state.state(&item, "tokens").await.expect("a store").is_none(), "over");
}

#[tokio::test]
async fn a_user_who_denies_leaves_no_token_behind() {
    let lab = UpstreamLab::new().await;
    let client = lab.login.client(&[SITE]).await;
    let (page, cookie) = lab.consent_page(&client, "ada").await;
    let headers = [("cookie", &*cookie), ("origin", &*lab.issuer)];
    let form = [("asked", &*page.field("asked")), ("decision", "deny")];
    let denied = lab.login.post(0, "/consent", &form, &headers).await.location();
    assert!(denied.as_str().contains("access_denied"), "{denied}");
    // The same user agrees elsewhere: that grant has an item of its own.
    let tokens = lab.tokens(&client, "ada").await;
    assert_eq!(lab.call(0, &tokens).await.status, StatusCode::OK);
}

/// What is sealed opens for the user and the grant that it was sealed for, whichever item it is in.
#[tokio::test]
async fn an_item_of_another_user_and_an_altered_one_are_no_token() {
    let lab = UpstreamLab::new().await;
    let (_, ada) = lab.signed_in("ada").await;
    let (_, bob) = lab.signed_in("bob").await;
    let store = &lab.login.stores.state;
    let of_ada = store.state(&item(&ada), "tokens").await.expect("a store").expect("an item");
    let of_bob = store.state(&item(&bob), "tokens").await.expect("a store").expect("an item");
    let end = lab.login.clock.now().plus(Duration::from_secs(3600));
    let rev = store.put_state(&item(&bob), "tokens", &of_ada.value, of_bob.rev, end).await.expect("a write");
    assert!(lab.error(0, &bob).await.contains("has ended"), "sealed to Ada's grant");
    let sealed = of_bob.value["sealed"].as_str().expect("a text");
    let (start, last) = sealed.split_at(sealed.len() - 8);
    let altered = json!({ "sealed": format!("{start}{}", last.chars().rev().collect::<String>()) });
    let rev = store.put_state(&item(&bob), "tokens", &altered, rev, end).await.expect("a write");
    assert!(lab.error(0, &bob).await.contains("has ended"), "altered");
    store.put_state(&item(&bob), "tokens", &of_bob.value, rev, end).await.expect("a write");
    assert_eq!(lab.user_of(&lab.token(1, &bob).await).await, "bob");
}

#[tokio::test]
async fn a_provider_that_fails_is_asked_again_and_one_that_refuses_is_not() {
    let lab = UpstreamLab::new().await;
    let (client, tokens) = lab.signed_in("ada").await;
    let first = lab.token(0, &tokens).await;
    lab.login.clock.advance(ALMOST_AN_HOUR);
    let tokens = lab.login.refresh(0, &client, text(&tokens, "refresh_token")).await.json();
    lab.provider.suffer(Outage::Failing);
    assert_eq!(lab.token(0, &tokens).await, first, "it is valid for half a minute more");
    lab.login.clock.advance(Duration::from_secs(40));
    assert!(lab.error(1, &tokens).await.contains("not available at the moment"), "it has expired");
    lab.provider.suffer(Outage::None);
    let second = lab.token(1, &tokens).await;
    assert_ne!(second, first);

    lab.login.clock.advance(ALMOST_AN_HOUR);
    let tokens = lab.login.refresh(0, &client, text(&tokens, "refresh_token")).await.json();
    lab.provider.end_grants();
    let refused = lab.error(0, &tokens).await;
    assert!(refused.contains("has refused") && refused.contains("invalid_grant"), "{refused}");
    let asked = lab.provider.asked("/token");
    assert_eq!(lab.error(1, &tokens).await, refused);
    assert_eq!(lab.provider.asked("/token"), asked, "the answer is kept");
}

#[tokio::test]
async fn a_tool_is_told_why_there_is_no_token() {
    // Users of the configuration have no provider.
    let lab = UpstreamLab::with(|login| {
        let users = vec![("ada".to_owned(), "right".to_owned())];
        login.upstream = mcp_lambda_server::config::LoginUpstream::local(users);
    })
    .await;
    let client = lab.login.client(&[SITE]).await;
    let begun = lab.login.authorize(&client, &[], "").await;
    let cookie = begun.cookie();
    let callback = lab.login.sign_in(&begun.location(), ["ada", "right"], &cookie).await;
    let page = lab.login.visit(&callback, &cookie).await;
    let headers = [("cookie", &*cookie), ("origin", &*lab.issuer)];
    let form = [("asked", &*page.field("asked")), ("decision", "allow")];
    let decided = lab.login.post(0, "/consent", &form, &headers).await.location();
    let code = super::lab::parameter(&decided, "code").expect("a code");
    let tokens = lab.login.redeem(&client, &code, &[]).await.json();
    assert!(lab.error(0, &tokens).await.contains("has issued no token"));

    // A token of before, without the grant.
    let before = UpstreamLab::with(|login| login.upstream_tokens = None).await;
    let (_, tokens) = before.signed_in("ada").await;
    assert!(before.error(0, &tokens).await.contains("has not signed in"));
    let page = before.login.post(0, "/upstream", &[("request", "sealing.AAAA")], &[]).await;
    assert_eq!(page.status, StatusCode::NOT_FOUND, "nothing is there where no tokens are kept");
}

/// The worker has the claims of the token with which the task was created, and not the token.
#[tokio::test]
async fn a_task_acts_as_its_caller_until_the_grant_ends() {
    let lab = UpstreamLab::new().await;
    let (queue, Lab { stores, clock, .. }) = (Kept::default(), &lab.login);
    let environment = || {
        let builder = McpLambdaServer::builder(Acting).config(lab.config.clone()).clock(clock.clone());
        let builder = builder.stores(stores.clone()).task_queue(Arc::new(queue.clone()));
        built(builder.task_tool("act", TaskSupport::Optional)).expect("a usable configuration")
    };
    let (server, other) = (environment(), environment());
    let (client, tokens) = lab.signed_in("ada").await;
    let run = async || {
        let message = queue.take().pop().expect("a message");
        let worker = other.core().queue_worker().expect("a worker").clone();
        worker.deliver(&message.task, Deadline::after(Duration::from_secs(60))).await.expect("done with");
    };
    let send = async |tokens: &Value, method: &str, params: Value| {
        let bearer = format!("Bearer {}", text(tokens, "access_token"));
        result(declared(method, params).header("authorization", &bearer).send(&server).await).await
    };
    let create = async |tokens: &Value| {
        send(tokens, "tools/call", json!({ "name": "act", "arguments": {} })).await["taskId"].clone()
    };
    let get = async |tokens: &Value, task: &Value| send(tokens, "tasks/get", json!({ "taskId": task })).await;
    let task = create(&tokens).await;
    run().await;
    let done = get(&tokens, &task).await;
    let token = done["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{done}"));
    assert_eq!(lab.user_of(token).await, "ada");

    // It waited in the queue until the provider's token had expired.
    let waiting = create(&tokens).await;
    lab.login.clock.advance(ALMOST_AN_HOUR);
    run().await;
    let tokens = lab.login.refresh(0, &client, text(&tokens, "refresh_token")).await.json();
    let done = get(&tokens, &waiting).await;
    let next = done["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{done}"));
    assert_ne!(next, token);
    assert_eq!(lab.user_of(next).await, "ada");

    // The user has signed out meanwhile. The access token lives on for minutes.
    let late = create(&tokens).await;
    let revoked = [("token", text(&tokens, "refresh_token")), ("client_id", &*client)];
    assert_eq!(lab.login.post(0, "/revoke", &revoked, &[]).await.status, StatusCode::OK);
    run().await;
    let ended = get(&tokens, &late).await;
    assert_eq!(ended["status"], "failed", "{ended}");
    assert!(ended.to_string().contains("sign in again"), "{ended}");
}

/// Google issues a refresh token for `access_type=offline`, and again with `prompt=consent`.
#[tokio::test]
async fn the_provider_is_asked_with_parameters_of_its_own() {
    let lab = UpstreamLab::with(|login| {
        let LoginUpstream::Oidc { client, .. } = &mut login.upstream else { panic!("no OpenID provider") };
        client.parameters = vec![("access_type".into(), "offline".into()), ("hd".into(), "a&b=c".into())];
    })
    .await;
    let client = lab.login.client(&[SITE]).await;
    let asked = lab.login.authorize(&client, &[("prompt", "consent")], "").await.location();
    assert_eq!(parameter(&asked, "access_type").as_deref(), Some("offline"));
    assert_eq!(parameter(&asked, "hd").as_deref(), Some("a&b=c"), "one value");
    assert_eq!(parameter(&asked, "prompt"), None, "that of the client is not passed on");
    assert!(lab.signed_in("ada").await.1["access_token"].is_string());
}

#[tokio::test]
async fn a_server_without_the_setting_has_no_tokens() {
    let server = acting(Config::default(), &Stores::of(MemoryStore::new(Clock::system())), &Clock::system());
    let (_, _, body) = refused(call("act", json!({})).send(&server).await).await;
    let text = text(&body["error"], "message");
    assert!(text.contains("MCP_LOGIN_UPSTREAM_TOKENS is not set"), "{text}");
}

#[tokio::test]
async fn a_refresh_is_for_the_mcp_server_alone() {
    let lab = UpstreamLab::new().await;
    let (_, tokens) = lab.signed_in("ada").await;
    let access = text(&tokens, "access_token").to_owned();
    for request in ["sealing.AAAA", "one.AAAA", "x", &access] {
        let answer = lab.login.post(0, "/upstream", &[("request", request)], &[]).await;
        assert_eq!(answer.error(), (401, "invalid_client".into()), "{request}");
    }
    assert_eq!(lab.login.post(0, "/upstream", &[], &[]).await.error(), (400, "invalid_request".into()));
    assert_eq!(lab.login.get(0, "/upstream", &[]).await.status, StatusCode::METHOD_NOT_ALLOWED);
    let large = "a".repeat(17 * 1024);
    let answer = lab.login.post(0, "/upstream", &[("request", &large)], &[]).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    // What the store holds is sealed with another key than a request.
    let stored = lab.login.stores.state.state(&item(&tokens), "tokens").await.expect("a store");
    let sealed = stored.expect("an item").value["sealed"].as_str().expect("a text").to_owned();
    let answer = lab.login.post(0, "/upstream", &[("request", &sealed)], &[]).await;
    assert_eq!(answer.error().0, 401);
    let metadata = lab.login.get(0, "/.well-known/oauth-authorization-server", &[]).await;
    assert!(!metadata.body.contains("/upstream"), "{}", metadata.body);
}

/// A call that asks for no token reads nothing, and one that asks reads one item.
#[tokio::test]
async fn a_token_costs_one_round_trip() {
    let clock = Clock::manual(Clock::system().now());
    let (database, stores, requests) = tokio::task::spawn_blocking({
        let clock = clock.clone();
        move || {
            let database = Embedded::start();
            let (stores, requests) = counted(&database, &clock);
            (database, stores, requests)
        }
    })
    .await
    .expect("a database");
    let lab = UpstreamLab::over(stores, clock, |_| ()).await;
    let client = lab.login.client(&[SITE]).await;
    requests.take();
    let (page, cookie) = lab.consent_page(&client, "ada").await;
    let count = || requests.take().len();
    assert_eq!(count(), 2, "the tokens are written, and what the user has allowed before is read");
    let asked = page.field("asked");
    let headers = [("cookie", &*cookie), ("origin", &*lab.issuer)];
    let form = [("asked", &*asked), ("decision", "allow")];
    let decided = lab.login.post(1, "/consent", &form, &headers).await.location();
    requests.take();
    let code = super::lab::parameter(&decided, "code").expect("a code");
    let tokens = lab.login.redeem(&client, &code, &[]).await.json();
    assert_eq!(count(), 3, "the tokens of the provider are read and written, and the grant");
    let refreshed = lab.login.refresh(0, &client, text(&tokens, "refresh_token")).await.json();
    assert_eq!(count(), 1, "a refresh costs what it did");
    lab.token(0, &refreshed).await;
    assert_eq!(requests.take(), ["GetItem"]);
    drop(database);
}
