//! The function as a Lambda target of an AgentCore Gateway: arguments in, the result of the tool out. And its self-test.

use lambda_emulator::Emulator;
use serde_json::{Value, json};

use crate::support::*;

/// What the gateway sends beside the arguments, for a call of a tool of the target `orders`.
fn context_of(tool: &str) -> String {
    edited("agentcore.client-context", |context| {
        context["custom"]["bedrockAgentCoreToolName"] = format!("orders___{tool}").into();
    })
}

async fn invoke(emulator: &Emulator, event: Value, context: &str) -> InvocationAnswer {
    answer_of(emulator.invoke(event.to_string(), Some(context)).await.unwrap()).await
}

async fn called(emulator: &Emulator, tool: &str, arguments: Value) -> InvocationAnswer {
    invoke(emulator, arguments, &context_of(tool)).await
}

fn text(text: &str, is_error: bool) -> InvocationAnswer {
    InvocationAnswer::Whole(json!({ "content": [{ "type": "text", "text": text }], "isError": is_error }))
}

/// The lines of the log with this message.
fn lines(emulator: &Emulator, message: &str) -> Vec<Value> {
    let all = emulator.environments().into_iter().flat_map(|one| emulator.logs(one.id));
    let read = all.filter_map(|line| serde_json::from_str::<Value>(&line).ok());
    read.filter(|line| line["message"] == message).collect()
}

#[tokio::test]
async fn a_call_of_a_gateway_is_answered_with_the_result_of_its_tool_alone() {
    let emulator = function().start().await.unwrap();
    assert_eq!(called(&emulator, "echo", json!({ "message": "grüße" })).await, text("grüße", false));
    assert_eq!(
        called(&emulator, "failing", json!({ "fails": true })).await,
        text("it fails, as asked", true)
    );
    // A tool that runs as a task runs inline: the gateway declares no tasks.
    let steps = called(&emulator, "steps", json!({ "number": 7, "steps": 2 })).await;
    assert_eq!(steps, text("7: 2 steps", false));
    // The same body in every mode: there is no HTTP.
    for mode in ["stream", "buffered"] {
        let emulator = function_in(mode).start().await.unwrap();
        assert_eq!(called(&emulator, "echo", json!({ "message": "hi" })).await, text("hi", false), "{mode}");
    }
}

#[tokio::test]
async fn the_line_of_a_gateway_call_is_that_of_a_request() {
    let emulator = function().start().await.unwrap();
    assert_eq!(called(&emulator, "echo", json!({ "message": "hi" })).await, text("hi", false));
    eventually("the line", || !lines(&emulator, "served").is_empty()).await;
    let served = lines(&emulator, "served");
    let expected =
        json!({ "method": "tools/call", "tool": "echo", "era": "stateless", "client": "AgentCore Gateway" });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&served[0][field], value, "{field}");
    }
    assert_eq!(served.len(), 1);
    assert_eq!(lines(&emulator, "handled").len(), 0);
}

#[tokio::test]
async fn a_gateway_is_a_principal_by_its_id_and_without_one_it_is_the_invoker() {
    let emulator = function().start().await.unwrap();
    let who = async |context: &str| {
        let InvocationAnswer::Whole(result) = invoke(&emulator, json!({}), context).await else {
            panic!("failed")
        };
        serde_json::from_str::<Value>(result["content"][0]["text"].as_str().unwrap()).unwrap()
    };
    let gateway = who(&context_of("who")).await;
    let expected = json!({
        "key": "aws:agentcore|gateway-a1b2c3d4e5", "authenticated_by": "Invoke", "scopes": [],
        "attributes": { "gatewayId": "gateway-a1b2c3d4e5", "targetId": "TARGET1234" },
    });
    assert_eq!(gateway, expected);
    let plain = json!({ "custom": { "bedrockAgentCoreToolName": "orders___who" } }).to_string();
    assert_eq!(who(&plain).await["key"], "aws|invoke");
}

#[tokio::test]
async fn a_call_that_names_no_tool_fails_with_the_words_that_gateway_targets_are_known_for() {
    let emulator = function().start().await.unwrap();
    for (name, message) in [
        (None, "Missing bedrockAgentCoreToolName in context"),
        (Some("orders.get_order"), "Invalid tool name format: orders.get_order"),
        (Some("orders__get_order"), "Invalid tool name format: orders__get_order"),
        (Some("orders___"), "Empty tool name: orders___"),
    ] {
        let context = edited("agentcore.client-context", |context| {
            let custom = context["custom"].as_object_mut().unwrap();
            custom.remove("bedrockAgentCoreToolName");
            custom.extend(name.map(|name| ("bedrockAgentCoreToolName".to_owned(), name.into())));
        });
        let failed = invoke(&emulator, json!({ "message": "hi" }), &context).await.error();
        assert_eq!(failed, ("InvalidToolCall".to_owned(), message.to_owned()));
    }
    eventually("four lines", || lines(&emulator, "handled").len() == 4).await;
    for line in lines(&emulator, "handled") {
        assert_eq!((&line["event"], &line["errorType"]), (&json!("agentcore"), &json!("InvalidToolCall")));
    }
    let (kind, message) = invoke(&emulator, json!(["hi"]), &context_of("echo")).await.error();
    assert_eq!(kind, "InvalidToolCall");
    assert!(
        message.starts_with("the event, which is the arguments of the tool, is not a JSON object"),
        "{message}"
    );
    assert_eq!(called(&emulator, "echo", json!({ "message": "on" })).await, text("on", false));
}

#[tokio::test]
async fn an_error_of_json_rpc_is_a_function_error_with_its_message() {
    let emulator = function().start().await.unwrap();
    for (tool, message) in
        [("absent", "no tool \"absent\""), ("panic", "internal error: the handler panicked")]
    {
        let (kind, found) = called(&emulator, tool, json!({})).await.error();
        assert_eq!(kind, "ToolCallFailed", "{tool}");
        assert!(found.contains(message), "{tool}: {found}");
    }
    let scoped = function().env("MCP_TOOL_SCOPES", "echo=secrets").start().await.unwrap();
    let (kind, found) = called(&scoped, "echo", json!({})).await.error();
    assert_eq!(
        (kind.as_str(), found.as_str()),
        ("ToolCallFailed", "not allowed: the caller needs the scope secrets")
    );
}

#[tokio::test]
async fn the_limits_of_requests_hold_for_gateway_calls() {
    let deep = (0..80).fold(json!(1), |inner, _| json!([inner]));
    let many: Vec<u32> = (0..30_000).collect();
    // An unoptimised program takes seconds to write a result of 7 MiB.
    let emulator = function().timeout(std::time::Duration::from_secs(120)).start().await.unwrap();
    for arguments in [json!({ "message": deep }), json!({ "message": many })] {
        assert_eq!(called(&emulator, "echo", arguments).await.error().0, "ToolCallFailed");
    }
    // Lambda returns 6 MB at most.
    let (kind, message) = called(&emulator, "big", json!({ "bytes": 7 * 1024 * 1024 })).await.error();
    assert_eq!(kind, "ResponseTooLarge");
    assert!(message.contains("at most 6291456"), "{message}");
    let slow = function().timeout(std::time::Duration::from_secs(2)).start().await.unwrap();
    let (kind, message) = called(&slow, "ending", json!({ "seconds": 30 })).await.error();
    assert_eq!(kind, "ToolCallFailed");
    assert!(message.starts_with("the request did not finish within"), "{message}");
}

#[tokio::test]
async fn the_self_test_lists_the_tools_and_calls_the_one_that_is_named() {
    let emulator = function().start().await.unwrap();
    let test = async |event: String| answer_of(emulator.invoke(event, None).await.unwrap()).await;
    let InvocationAnswer::Whole(report) = test(fixture("self-test")).await else { panic!("failed") };
    let keys: Vec<&String> = report.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["server", "tools", "result"]);
    assert_eq!(report["server"]["name"], "fixture");
    assert_eq!((report["tools"].as_array().unwrap().len(), &report["tools"][0]), (15, &json!("echo")));
    let result = json!({ "content": [{ "type": "text", "text": "hello" }], "isError": false });
    assert_eq!(report["result"], result);
    let listing = edited("self-test", |event| {
        event.as_object_mut().unwrap().remove("tool");
    });
    let InvocationAnswer::Whole(listed) = test(listing).await else { panic!("failed") };
    assert_eq!(listed.get("result"), None);
    assert_eq!(lines(&emulator, "handled").len(), 2);
}

#[tokio::test]
async fn a_self_test_fails_with_what_failed() {
    let emulator = function().start().await.unwrap();
    let test = async |change: fn(&mut Value)| {
        answer_of(emulator.invoke(edited("self-test", change), None).await.unwrap()).await.error()
    };
    let failed = |text: &str| ("SelfTestFailed".to_owned(), text.to_owned());
    assert_eq!(test(|event| event["tool"] = "absent".into()).await, failed("tools/call: no tool \"absent\""));
    let fails = test(|event| {
        event["tool"] = "failing".into();
        event["arguments"] = json!({ "fails": true });
    });
    assert_eq!(fails.await, failed("tools/call of failing: it fails, as asked"));
    let (kind, text) = test(|event| event["tols"] = "echo".into()).await;
    assert_eq!(kind, "InvalidEvent");
    assert!(text.contains("unknown field `tols`"), "{text}");
}

/// Runs the function in the role that prints its tools. Returns its standard output and its standard error.
async fn printed(variables: &[(&str, &str)]) -> (Value, String) {
    let mut program = tokio::process::Command::new(env!("CARGO_BIN_EXE_fixture-function"));
    program.env("MCP_ROLE", "agentcore-schema").envs(variables.iter().copied()).kill_on_drop(true);
    let output = tokio::time::timeout(SOON, program.output()).await.expect("it ends by itself").unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{errors}");
    (serde_json::from_slice(&output.stdout).unwrap(), errors)
}

#[tokio::test]
async fn the_role_agentcore_schema_prints_the_tools_as_a_target_declares_them() {
    let (tools, errors) = printed(&[]).await;
    assert_eq!(errors, "");
    let echo = json!({ "name": "echo", "description": "A tool of the fixture", "inputSchema": { "type": "object" } });
    assert_eq!((tools.as_array().unwrap().len(), &tools[0]), (15, &echo));
    // A gateway has no scopes, and could not call such a tool.
    let (tools, errors) = printed(&[("MCP_TOOL_SCOPES", "echo=secrets"), ("MCP_AUTH", "gateway")]).await;
    assert_eq!((tools.as_array().unwrap().len(), &tools[0]["name"]), (14, &json!("big")));
    let left_out = "echo: $: the tool is left out: it needs the scope secrets, and a gateway has none\n";
    assert_eq!(errors, left_out);
}
