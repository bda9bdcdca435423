//! Events that are no HTTP request: each kind is known, and none is thrown away in silence.

use serde_json::{Value, json};

use crate::support::*;

/// The events that have a role of their own, its name, and how it is configured.
const ROLES: [(&str, &str, &str); 9] = [
    ("sns", "SNS", "set MCP_EVENTS=on"),
    ("sqs", "SQS", "set TASK_QUEUE_URL, in a program that names tools with task_tool"),
    ("sweep-tasks", "task", "set TASK_QUEUE_URL, in a program that names tools with task_tool"),
    ("update-task", "task", "set TASK_QUEUE_URL, in a program that names tools with task_tool"),
    ("eventbridge-task-update", "task", "set TASK_QUEUE_URL, in a program that names tools with task_tool"),
    ("eventbridge", "EventBridge", "set MCP_EVENTS=on"),
    ("authorizer-token", "API Gateway authorizer", "set MCP_JWT_ISSUER"),
    ("authorizer-request", "API Gateway authorizer", "set MCP_JWT_ISSUER"),
    ("authorizer-http-api", "API Gateway authorizer", "set MCP_JWT_ISSUER"),
];

#[tokio::test]
async fn an_event_of_a_role_that_is_not_configured_fails_with_its_name() {
    let emulator = function().start().await.unwrap();
    for (lines, (event, name, setting)) in ROLES.into_iter().enumerate() {
        let (kind, text) = answer_of(emulator.invoke(fixture(event), None).await.unwrap()).await.error();
        assert_eq!(kind, "NotConfigured", "{event}");
        assert_eq!(text, format!("this function is not configured to serve {name} events: {setting}"));
        eventually("a log line", || logged(&emulator, "NotConfigured") > lines).await;
        assert_eq!(complaints(&emulator), lines + 1, "{event}");
    }
    assert_eq!(call("echo", json!({ "message": "on" })).send_to(&emulator).await.tool_text().await, "on");
    assert_eq!(emulator.environments()[0].invocations, 10);
}

#[tokio::test]
async fn a_call_of_an_agentcore_gateway_is_recognised_by_its_client_context_alone() {
    let emulator = function().start().await.unwrap();
    let (event, context) = (fixture("agentcore"), client_context("agentcore"));
    let (kind, text) = answer_of(emulator.invoke(event.clone(), Some(&context)).await.unwrap()).await.error();
    assert_eq!((kind.as_str(), text.as_str()), ("ToolCallFailed", "no tool \"get_order\""));
    let (kind, text) =
        answer_of(emulator.invoke(event, Some(r#"{"custom":{"another":"key"}}"#)).await.unwrap())
            .await
            .error();
    assert_eq!(kind, "UnknownEvent");
    assert!(text.ends_with("Missing bedrockAgentCoreToolName in context"), "{text}");
}

#[tokio::test]
async fn an_asynchronous_event_that_is_not_served_is_kept_as_a_dead_letter() {
    let emulator = function().start().await.unwrap();
    emulator.invoke_async(fixture("sns")).unwrap();
    emulator.settled().await;
    let dead = &emulator.dead_letters()[0];
    assert_eq!((dead.attempts, &dead.payload[..]), (3, fixture("sns").as_bytes()));
    assert_eq!(dead.error.as_ref().unwrap().kind, "NotConfigured");
}

#[tokio::test]
async fn an_unknown_event_fails_by_the_names_of_its_keys_and_none_of_its_values() {
    let emulator = function().start().await.unwrap();
    let (kind, text) = answer_of(emulator.invoke(fixture("unknown"), None).await.unwrap()).await.error();
    assert_eq!(kind, "UnknownEvent");
    assert!(
        text.starts_with("the event is of an unknown kind; its top-level keys are items, orderId, secret."),
        "{text}"
    );
    eventually("a log line", || logged(&emulator, "items, orderId, secret") > 0).await;
    assert_eq!(complaints(&emulator), 1);
    for value in ["do not log me", "order-1", "cake"] {
        assert_eq!(logged(&emulator, value), 0, "{value}");
    }
}

#[tokio::test]
async fn an_unknown_event_with_many_long_keys_is_named_briefly() {
    let emulator = function().start().await.unwrap();
    let event: Value = (0..1000).map(|at| (format!("{at:04}{}", "k".repeat(1000)), json!(1))).collect();
    let (_, text) = answer_of(emulator.invoke(event.to_string(), None).await.unwrap()).await.error();
    assert!(text.len() < 2000, "{} bytes", text.len());
}

#[tokio::test]
async fn completions_and_warm_ups_succeed_with_their_line_of_the_log_alone() {
    let emulator = function().start().await.unwrap();
    // The first request of an environment is when it would say something.
    assert_eq!(call("echo", json!({ "message": "on" })).send_to(&emulator).await.tool_text().await, "on");
    // Its line is written when its client may have the response already.
    eventually("the line of the call", || logged(&emulator, r#""message":"served""#) == 1).await;
    let id = emulator.environments()[0].id;
    let before = emulator.logs(id);
    let quiet =
        ["completion-success", "completion-failure", "warm-up", "warm-up-ping", "warm-up-serverless-plugin"];
    for event in quiet {
        let answer = answer_of(emulator.invoke(fixture(event), None).await.unwrap()).await;
        assert_eq!(answer, InvocationAnswer::Whole(json!({})), "{event}");
    }
    let after = emulator.logs(id);
    assert_eq!(after.len(), before.len() + quiet.len(), "{after:?}");
    assert!(after[before.len()..].iter().all(|line| line.contains(r#""message":"handled""#)), "{after:?}");
}

#[tokio::test]
async fn a_message_sent_with_invoke_is_answered_with_its_response_alone() {
    for mode in ["stream", "buffered", "auto"] {
        let emulator = function_in(mode).start().await.unwrap();
        let InvocationAnswer::Whole(answer) =
            answer_of(emulator.invoke(fixture("direct-invoke"), None).await.unwrap()).await
        else {
            panic!("not whole")
        };
        assert_eq!((&answer["id"], &answer["jsonrpc"]), (&json!(1), &json!("2.0")));
        assert_eq!(answer["result"]["content"], json!([{ "type": "text", "text": "hello" }]));
    }
}

#[tokio::test]
async fn an_error_of_a_message_sent_with_invoke_is_json_rpc_too() {
    let emulator = function().start().await.unwrap();
    for (change, code) in [
        (("/params/name", json!("no such tool")), -32602),
        (("/params/name", json!("panic")), -32603),
        (("/params/_meta/io.modelcontextprotocol~1protocolVersion", json!("1999-01-01")), -32022),
        (("/method", json!("no/such/method")), -32601),
        (("/method", json!(7)), -32600),
    ] {
        let (place, value) = change;
        let event = edited("direct-invoke", |event| *event.pointer_mut(place).unwrap() = value);
        let answer = answer_of(emulator.invoke(event, None).await.unwrap()).await;
        let InvocationAnswer::Whole(answer) = answer else { panic!("{place}: {answer:?}") };
        assert_eq!(answer["error"]["code"], code, "{place}: {answer}");
    }
}

#[tokio::test]
async fn a_notification_sent_with_invoke_has_no_answer() {
    let emulator = function().start().await.unwrap();
    let event = edited("direct-invoke", |event| {
        event.as_object_mut().unwrap().remove("id");
        event["method"] = "notifications/cancelled".into();
        event["params"]["requestId"] = 7.into();
    });
    assert_eq!(
        answer_of(emulator.invoke(event, None).await.unwrap()).await,
        InvocationAnswer::Whole(Value::Null)
    );
}
