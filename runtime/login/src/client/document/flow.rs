//! A client with a document signs its user in, from the first redirect to a token, at a web site of this computer.

use std::sync::Arc;

use http::{Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use mcp_lambda_core::{
    Ingress,
    config::{Config, LoginConfig, LoginKey, LoginUpstream},
    fetch::Reach,
    http::{Body, full},
    session::StateStore,
    store::Stores,
    time::{Clock, Deadline},
};
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

use super::{
    tests::{LOOPBACK, Site, documents},
    *,
};
use crate::{
    client::Clients,
    keys,
    server::{Login, Outside},
};

const VERIFIER: &str = "a-verifier-of-a-client-with-a-document-of-43-characters";
const REDIRECT: &str = "http://127.0.0.1:33418/callback";

/// An environment, which has fetched no document yet.
fn environment(store: &Arc<dyn StateStore>, clock: &Clock) -> Login {
    let users = vec![("ada".to_owned(), "right".to_owned())];
    let mut config =
        LoginConfig::new("https://login.example", "https://mcp.example/mcp", LoginUpstream::local(users));
    config.keys = vec![LoginKey::new("one", "a".repeat(64))];
    let mut login =
        Login::new(&config, Arc::clone(store), clock.clone(), Outside::default()).expect("a configuration");
    let (documents, _, _) = documents(Reach::Any, vec![vec![LOOPBACK]]);
    login.clients = Clients::new(Arc::clone(&login.keys), documents);
    login
}

async fn send(login: &Login, request: Request<Body>) -> (Response<()>, String) {
    let ingress = Ingress::local(Deadline::after(Duration::from_secs(60)));
    let (parts, body) = login.answer(request, ingress).await.into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    (Response::from_parts(parts, ()), String::from_utf8(body.to_vec()).expect("a text"))
}

async fn get(login: &Login, target: &str, cookie: &str) -> (Response<()>, String) {
    let request = Request::get(target).header(header::COOKIE, cookie);
    send(login, request.body(full("")).expect("a request")).await
}

async fn post(login: &Login, path: &str, pairs: &[(&str, &str)], cookie: &str) -> (Response<()>, String) {
    let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let request = Request::post(path)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::COOKIE, cookie);
    send(login, request.body(full(form)).expect("a request")).await
}

fn location(response: &Response<()>) -> Url {
    let location = response.headers().get(header::LOCATION).unwrap_or_else(|| panic!("{response:?}"));
    location.to_str().expect("ASCII").parse().expect("a URL")
}

fn parameter(url: &Url, name: &str) -> String {
    let found = url.query_pairs().find(|(found, _)| found == name);
    found.unwrap_or_else(|| panic!("no {name}: {url}")).1.into_owned()
}

/// The code that the client gets when its user has agreed.
async fn code(login: &Login, id: &str) -> String {
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            ("response_type", "code"),
            ("client_id", id),
            ("redirect_uri", REDIRECT),
            ("code_challenge", keys::challenge(VERIFIER).as_str()),
            ("code_challenge_method", "S256"),
        ])
        .finish();
    let (begun, _) = get(login, &format!("/authorize?{query}"), "").await;
    let set = begun.headers().get(header::SET_COOKIE).expect("a cookie").to_str().expect("ASCII").to_owned();
    let cookie = set.split(';').next().expect("a pair");
    let page = location(&begun);
    let (state, challenge) = (parameter(&page, "state"), parameter(&page, "code_challenge"));
    let form = [("state", &*state), ("code_challenge", &*challenge), ("name", "ada"), ("password", "right")];
    let back = location(&post(login, "/sign-in", &form, cookie).await.0);
    let target = format!("{}?{}", back.path(), back.query().unwrap_or_default());
    let (response, page) = get(login, &target, cookie).await;
    assert_eq!(response.status(), StatusCode::OK, "{page}");
    assert!(page.contains("client.example"), "the host of the document is shown: {page}");
    let (_, rest) = page.split_once("name=\"asked\" value=\"").expect("a field");
    let asked = rest.split('"').next().expect("an end");
    let form = [("asked", asked), ("decision", "allow")];
    parameter(&location(&post(login, "/consent", &form, cookie).await.0), "code")
}

async fn redeem(login: &Login, id: &str, code: &str) -> (StatusCode, Value) {
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", id),
        ("code", code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    let (response, body) = post(login, "/token", &form, "").await;
    (response.status(), serde_json::from_str(&body).expect("JSON"))
}

#[tokio::test]
async fn a_client_with_a_document_gets_tokens_unless_the_document_has_changed_since_its_user_agreed() {
    let site = Site::start().await;
    let clock = Clock::system();
    let store = Stores::in_memory(&Config::default(), clock.clone()).state;
    let id = site.id();
    site.answer_json(&site.document());
    let first = environment(&store, &clock);
    let unchanged = code(&first, &id).await;
    let changed = code(&first, &id).await;
    assert_eq!(site.asked(), 1, "one login asks for the document once");
    let (status, tokens) = redeem(&environment(&store, &clock), &id, &unchanged).await;
    assert_eq!((status, &tokens["token_type"]), (StatusCode::OK, &json!("Bearer")), "{tokens}");
    assert_eq!(site.asked(), 2, "the other environment asks for itself");

    let mut document = site.document();
    document["redirect_uris"].as_array_mut().expect("a list").push(json!("https://evil.example/back"));
    site.answer_json(&document);
    let (status, error) = redeem(&environment(&store, &clock), &id, &changed).await;
    assert_eq!((status, &error["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_grant")), "{error}");
    assert!(error["error_description"].as_str().is_some_and(|text| text.contains("has changed")), "{error}");
}
