//! Signed streamable HTTP.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, future},
};
use lambda_emulator::Emulator;
use mcp_lambda::{Auth, Connection};
use rmcp::{ServiceExt, model::CallToolRequestParams};
use serde_json::{Value, json};
use test_support::gate::Gate;

use crate::{
    function,
    gateway::{self, Gateway},
    remote,
    signature::{Key, Wanted},
};

const REGION: &str = "eu-north-1";

fn key(id: &str) -> Key {
    Key {
        id: id.to_owned(),
        secret: format!("the secret of {id}"),
        token: Some(format!("the token of {id}")),
    }
}

fn credentials(key: &Key) -> Credentials {
    Credentials::new(&key.id, &key.secret, key.token.clone(), None, "given")
}

fn wanted(keys: &[&str]) -> Wanted {
    Wanted { keys: keys.iter().map(|id| key(id)).collect(), region: REGION, service: "lambda" }
}

async fn gateway_of(emulator: &Emulator, keys: &[&str]) -> Gateway {
    let url = emulator.function_url();
    let base = url.strip_suffix("/mcp").unwrap_or(&url);
    Gateway::of(base, wanted(keys)).await
}

fn connect(gateway: &Gateway, region: &str, credentials: impl ProvideCredentials + 'static) -> Connection {
    remote(&format!("{}/mcp", gateway.url))
        .auth(Auth::SigV4)
        .service("lambda")
        .region(region)
        .credentials_provider(credentials)
        .connect()
        .unwrap()
}

/// Sends one request of 2026-07-28, and returns its response.
async fn ask(connection: &mut Connection, tool: &str) -> Value {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {},
        "progressToken": 1,
    });
    let params = json!({ "_meta": meta, "name": tool, "arguments": { "text": "grüße" } });
    let request = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    connection.send(request.to_string()).await.unwrap();
    next(connection).await
}

async fn next(connection: &mut Connection) -> Value {
    let message = tokio::time::timeout(Duration::from_secs(20), connection.receive()).await;
    serde_json::from_slice(&message.expect("in time").expect("a message")).unwrap()
}

#[tokio::test]
async fn rmcp_calls_a_tool_through_a_gateway_that_checks_signatures() {
    // Its session is in memory: one environment has the GET stream and the calls.
    let emulator = function().environments(1).concurrency(8).start().await.unwrap();
    let gateway = gateway_of(&emulator, &["one"]).await;
    let transport = connect(&gateway, REGION, credentials(&key("one")));
    let client = ().serve(transport).await.unwrap();
    let result = client.call_tool(CallToolRequestParams::new("who")).await.unwrap();
    assert_ne!(result.is_error, Some(true), "{result:?}");
    client.cancel().await.unwrap();
    let arrived = gateway.arrived();
    assert!(arrived.iter().all(|one| one.verdict == Ok("one".to_owned())), "{arrived:?}");
    // The session of the client is ended too, with a signature.
    assert!(arrived.len() >= 4 && arrived.iter().any(|one| one.body.is_empty()), "{}", arrived.len());
}

#[tokio::test]
async fn progress_arrives_while_the_tool_runs() {
    let gate = Gate::open().await;
    let emulator = function().env("GATE", gate.port()).start().await.unwrap();
    let gateway = gateway_of(&emulator, &["one"]).await;
    let mut connection = connect(&gateway, REGION, credentials(&key("one")));
    let (first, mut held) = tokio::join!(ask(&mut connection, "gated"), async {
        let mut held = gate.held().await;
        held.say("one").await;
        held
    });
    assert_eq!(first["params"]["message"], "one", "{first}");
    held.say("two").await;
    assert_eq!(next(&mut connection).await["params"]["message"], "two");
    held.let_go().await;
    assert_eq!(next(&mut connection).await["result"]["content"][0]["text"], "one two");
}

#[tokio::test]
async fn a_wrong_key_and_a_wrong_region_are_refused_with_what_the_caller_needs() {
    let emulator = function().start().await.unwrap();
    let gateway = gateway_of(&emulator, &["one"]).await;
    let forged = Key { secret: "guessed".to_owned(), ..key("one") };
    let tokenless = Key { token: None, ..key("one") };
    for (region, key, reason) in [
        (REGION, key("other"), "The security token is invalid"),
        (REGION, forged, "The signature does not match"),
        (REGION, tokenless, "The security token included in the request is invalid"),
        ("us-east-1", key("one"), "Credential should be scoped to eu-north-1/lambda"),
    ] {
        let mut connection = connect(&gateway, region, credentials(&key));
        let response = ask(&mut connection, "who").await;
        let text = response["error"]["message"].as_str().unwrap();
        assert!(text.contains("HTTP 403") && text.contains(reason), "{text}");
        assert!(text.contains("lambda:InvokeFunctionUrl"), "{text}");
        assert!(!text.contains("secret") && !text.contains("guessed"), "{text}");
    }
    assert!(gateway.arrived().iter().all(|one| one.verdict.is_err()));
}

/// What was signed well cannot be changed, and not be sent again later.
#[tokio::test]
async fn an_altered_body_and_an_old_date_are_refused() {
    let emulator = function().start().await.unwrap();
    let gateway = gateway_of(&emulator, &["one"]).await;
    let mut connection = connect(&gateway, REGION, credentials(&key("one")));
    assert!(ask(&mut connection, "who").await["result"].is_object());
    let signed = gateway.arrived().pop().unwrap();
    let send = async |body: Vec<u8>| {
        let url = format!("{}{}", gateway.url, signed.uri);
        let headers = signed.headers.iter().filter(|(name, _)| *name != "content-length");
        let headers = headers.map(|(name, value)| (name.clone(), value.clone())).collect();
        let request = gateway::client().post(url).headers(headers).body(body);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(send(signed.body.to_vec()).await, 200, "the request as it was");
    let altered = String::from_utf8(signed.body.to_vec()).unwrap().replace("who", "job");
    assert_eq!(send(altered.into_bytes()).await, 403, "another body");
    gateway.set_ahead(Duration::from_secs(600));
    assert_eq!(send(signed.body.to_vec()).await, 403, "ten minutes later");
}

#[tokio::test]
async fn a_clock_that_is_wrong_by_an_hour_costs_one_more_request() {
    let emulator = function().start().await.unwrap();
    let gateway = gateway_of(&emulator, &["one"]).await;
    gateway.set_ahead(Duration::from_secs(3600));
    let mut connection = connect(&gateway, REGION, credentials(&key("one")));
    assert!(ask(&mut connection, "who").await["result"].is_object());
    assert!(ask(&mut connection, "who").await["result"].is_object());
    let verdicts: Vec<bool> = gateway.arrived().iter().map(|one| one.verdict.is_ok()).collect();
    assert_eq!(verdicts, [false, true, true]);
}

/// Credentials of a login that ends soon, and of the next.
#[derive(Debug, Clone, Default)]
struct Logins(Arc<AtomicUsize>);

impl ProvideCredentials for Logins {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let key = key(if self.0.fetch_add(1, Ordering::SeqCst) == 0 { "one" } else { "two" });
        let end = crate::now() + Duration::from_secs(60);
        let credentials = Credentials::new(key.id, key.secret, key.token, Some(end), "logins");
        future::ProvideCredentials::ready(Ok(credentials))
    }
}

#[tokio::test]
async fn credentials_are_loaded_again_before_they_end() {
    let emulator = function().start().await.unwrap();
    let gateway = gateway_of(&emulator, &["one"]).await;
    let mut connection = connect(&gateway, REGION, Logins::default());
    assert!(ask(&mut connection, "who").await["result"].is_object());
    gateway.set_keys(vec![key("two")]);
    assert!(ask(&mut connection, "who").await["result"].is_object());
}
