//! MCP inside of invocations.

use std::time::Duration;

use aws_credential_types::Credentials;
use lambda_emulator::Emulator;
use mcp_lambda::{Connection, InvokeMode};
use rmcp::{ServiceExt, model::CallToolRequestParams};
use serde_json::{Value, json};
use test_support::gate::Gate;

use crate::{
    function,
    gateway::Gateway,
    remote,
    signature::{Key, Wanted},
};

const ARN: &str = "arn:aws:lambda:eu-north-1:000000000000:function:";

/// The Invoke API of the emulator behind a check of signatures.
async fn api(emulator: &Emulator) -> Gateway {
    let key = Key { id: "one".to_owned(), secret: "secret".to_owned(), token: None };
    let wanted = Wanted { keys: vec![key], region: "eu-north-1", service: "lambda" };
    Gateway::of(&emulator.control_url(), wanted).await
}

fn connect(api: &Gateway, function: &str, mode: InvokeMode) -> Connection {
    remote(&format!("{ARN}{function}"))
        .endpoint_url(&api.url)
        .credentials_provider(Credentials::new("one", "secret", None, None, "given"))
        .invoke_mode(mode)
        .connect()
        .unwrap()
}

/// The name under which the emulator runs the function.
const NAME: &str = "function";

async fn ask(connection: &mut Connection, tool: &str, arguments: Value) -> Value {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {},
        "progressToken": 1,
    });
    let params = json!({ "_meta": meta, "name": tool, "arguments": arguments });
    let request = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    connection.send(request.to_string()).await.unwrap();
    next(connection).await
}

async fn next(connection: &mut Connection) -> Value {
    let message = tokio::time::timeout(Duration::from_secs(20), connection.receive()).await;
    serde_json::from_slice(&message.expect("in time").expect("a message")).unwrap()
}

#[tokio::test]
async fn rmcp_calls_a_tool_of_a_function_without_an_endpoint() {
    // The environments share no store, so that a session is known by one of them only.
    let emulator = function().env("MCP_SESSIONS", "off").start().await.unwrap();
    let api = api(&emulator).await;
    for mode in [InvokeMode::Stream, InvokeMode::Buffered] {
        let client = ().serve(connect(&api, NAME, mode)).await.unwrap();
        let result = client.call_tool(CallToolRequestParams::new("who")).await.unwrap();
        assert_ne!(result.is_error, Some(true), "{result:?}");
        client.cancel().await.unwrap();
    }
    assert!(api.arrived().iter().all(|one| one.verdict.is_ok()), "{:?}", api.arrived());
}

#[tokio::test]
async fn progress_arrives_while_the_function_runs() {
    let gate = Gate::open().await;
    let emulator = function().env("GATE", gate.port()).start().await.unwrap();
    let api = api(&emulator).await;
    let mut connection = connect(&api, NAME, InvokeMode::Stream);
    let (first, mut held) = tokio::join!(ask(&mut connection, "gated", json!({})), async {
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
async fn an_error_of_lambda_has_its_name_and_its_text() {
    let emulator = function().start().await.unwrap();
    let api = api(&emulator).await;
    let mut connection = connect(&api, "other", InvokeMode::Stream);
    let response = ask(&mut connection, "who", json!({})).await;
    let text = response["error"]["message"].as_str().unwrap();
    assert!(text.contains("HTTP 404 ResourceNotFoundException: Function not found"), "{text}");
    assert_eq!(response["error"]["data"]["reason"], "invoke");
}

#[tokio::test]
async fn a_function_that_is_killed_is_an_error_of_the_call() {
    for mode in [InvokeMode::Stream, InvokeMode::Buffered] {
        let gate = Gate::open().await;
        let emulator = function().env("GATE", gate.port()).start().await.unwrap();
        let api = api(&emulator).await;
        let mut connection = connect(&api, NAME, mode);
        let (response, ()) = tokio::join!(ask(&mut connection, "stubborn", json!({})), async {
            let _held = gate.held().await;
            emulator.kill(emulator.environments()[0].id).unwrap();
        });
        let text = response["error"]["message"].as_str().unwrap();
        assert!(text.contains("failed (Runtime.ExitError)"), "{text}");
        assert_eq!(response["error"]["data"]["reason"], "function");
    }
}
