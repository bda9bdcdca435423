//! The Invoke API, the headers of the Runtime API, and requests that ministack forwards.

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::StatusCode;
use lambda_emulator::{Emulator, InvokeError};
use serde_json::{Value, json};

use crate::support::*;

fn invocations(emulator: &Emulator) -> String {
    format!("{}/2015-03-31/functions/function/invocations", emulator.control_url())
}

async fn look(emulator: &Emulator, context: Option<&str>) -> Value {
    let answer = emulator.invoke(r#"{"do":"look"}"#, context).await.unwrap();
    let id = answer.request_id.clone();
    let look: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    assert_eq!(look["requestId"], id);
    look
}

#[tokio::test]
async fn the_function_sees_lambdas_variables_and_no_others() {
    let emulator =
        emulator("events").memory_mb(512).function_name("mine").env("EXTRA", "1").start().await.unwrap();
    let look = look(&emulator, None).await;
    assert_eq!(look["arn"], "arn:aws:lambda:us-east-1:123456789012:function:mine");
    assert_eq!(look["memory"], 512);
    assert!(look["traceId"].as_str().unwrap().starts_with("Root=1-"));
    let variables = look["variables"].as_object().unwrap();
    let mut names: Vec<&str> = variables.keys().map(String::as_str).collect();
    // Set by the runtime for each invocation.
    names.retain(|name| *name != "_X_AMZN_TRACE_ID");
    assert_eq!(
        names,
        [
            "AWS_DEFAULT_REGION",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
            "AWS_LAMBDA_FUNCTION_NAME",
            "AWS_LAMBDA_FUNCTION_VERSION",
            "AWS_LAMBDA_INITIALIZATION_TYPE",
            "AWS_LAMBDA_LOG_GROUP_NAME",
            "AWS_LAMBDA_LOG_STREAM_NAME",
            "AWS_LAMBDA_RUNTIME_API",
            "AWS_REGION",
            "EXTRA",
            "FUNCTION",
            "LAMBDA_TASK_ROOT",
            "LANG",
            "PATH",
            "TZ",
            "_HANDLER",
        ]
    );
    assert_eq!(variables["AWS_LAMBDA_INITIALIZATION_TYPE"], "on-demand");
    assert_eq!(variables["AWS_LAMBDA_LOG_GROUP_NAME"], "/aws/lambda/mine");
}

#[tokio::test]
async fn a_client_context_arrives_and_one_that_is_no_object_is_refused() {
    let emulator = emulator("events").start().await.unwrap();
    let context = r#"{"custom": {"tool":
        "x"}}"#;
    assert_eq!(look(&emulator, Some(context)).await["clientContext"]["custom"]["tool"], "x");
    assert_eq!(look(&emulator, None).await["clientContext"], Value::Null);
    for bad in ["[]", "nonsense"] {
        assert_eq!(emulator.invoke("{}", Some(bad)).await.unwrap_err(), InvokeError::BadClientContext);
    }
    // Valid for Lambda, but not for the Rust runtime: it ends. This is why the emulator passes it on.
    let answer = emulator.invoke("{}", Some(r#"{"custom":{"n":5}}"#)).await.unwrap();
    assert_eq!(answer.function_error().unwrap().kind, "Runtime.ExitError");
}

#[tokio::test]
async fn invoke_answers_200_and_names_the_error_of_a_function_in_a_header() {
    let emulator = emulator("events").start().await.unwrap();
    let fine = post(invocations(&emulator), "", r#"{"do":"reply","reply":{"n":1}}"#).await;
    assert_eq!((fine.status, fine.header("x-amz-function-error")), (StatusCode::OK, None));
    assert_eq!(fine.header("x-amz-executed-version"), Some("$LATEST"));
    assert_eq!(fine.json().await, json!({ "n": 1 }));
    let failed = post(invocations(&emulator), "", r#"{"do":"fail"}"#).await;
    assert_eq!((failed.status, failed.header("x-amz-function-error")), (StatusCode::OK, Some("Unhandled")));
    assert_eq!(failed.json().await["errorMessage"], "as asked");
}

#[tokio::test]
async fn invoke_knows_its_function_by_name_and_by_arn() {
    let emulator = emulator("events").start().await.unwrap();
    let status = async |name: &str| {
        let url = format!("{}/2015-03-31/functions/{name}/invocations", emulator.control_url());
        post(url, "", "{}").await.status
    };
    for name in [
        "function",
        "function:$LATEST",
        "123456789012:function:function",
        "arn:aws:lambda:us-east-1:123456789012:function:function",
        "arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Afunction%3Alive",
    ] {
        assert_eq!(status(name).await, StatusCode::OK, "{name}");
    }
    assert_eq!(status("other").await, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn invoke_takes_a_client_context_in_base64_and_refuses_what_is_not_json() {
    let emulator = emulator("events").start().await.unwrap();
    let invoke = async |context: &str, kind: &str, body: &'static str| {
        let headers = [("x-amz-client-context", context), ("x-amz-invocation-type", kind)];
        send("POST", &invocations(&emulator), &headers, Bytes::from(body)).await
    };
    let context = BASE64_STANDARD.encode(r#"{"custom":{"k":"v"}}"#);
    let look = invoke(&context, "RequestResponse", r#"{"do":"look"}"#).await.json().await;
    assert_eq!(look["clientContext"]["custom"]["k"], "v");
    assert_eq!(invoke("%%", "RequestResponse", "{}").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(invoke(&context, "RequestResponse", "{").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(invoke(&context, "Sometimes", "{}").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(invoke(&context, "DryRun", "{}").await.status, StatusCode::NO_CONTENT);
    assert_eq!(emulator.environments()[0].invocations, 1);
}

#[tokio::test]
async fn an_event_is_accepted_at_once_and_becomes_a_dead_letter_when_its_retries_fail() {
    let emulator = emulator("events").start().await.unwrap();
    let headers = [("x-amz-invocation-type", "Event")];
    let reply = send("POST", &invocations(&emulator), &headers, Bytes::from(r#"{"do":"fail"}"#)).await;
    assert_eq!(reply.status, StatusCode::ACCEPTED);
    let id = reply.header("x-amzn-requestid").unwrap().to_owned();
    emulator.settled().await;
    let letters = get(format!("{}/dead-letters", emulator.control_url())).await.json().await;
    assert_eq!(letters[0]["requestId"], id);
    assert_eq!((&letters[0]["attempts"], &letters[0]["errorMessage"]), (&json!(3), &json!("as asked")));
}

#[tokio::test]
async fn ministack_forwards_a_bare_event_and_takes_any_other_status_than_2xx_for_an_error() {
    let emulator = emulator("events").start().await.unwrap();
    // As ministack 1.5.33 sends it: lambda_svc.py, _execute_function_proxy.
    let forward = async |body: &'static str| {
        let headers = [
            ("content-type", "application/json"),
            ("x-amzn-lambda-function-name", "elsewhere"),
            ("x-amzn-lambda-request-id", "00000000-0000-0000-0000-000000000042"),
            ("x-amzn-lambda-deadline-ms", "1"),
        ];
        send("POST", &emulator.forward_url(), &headers, Bytes::from(body)).await
    };
    let look = forward(r#"{"do":"look"}"#).await;
    assert_eq!(look.status, StatusCode::OK);
    assert_eq!(look.json().await["requestId"], "00000000-0000-0000-0000-000000000042");
    let failed = forward(r#"{"do":"fail"}"#).await;
    assert_eq!(failed.status, StatusCode::BAD_GATEWAY);
    assert_eq!(failed.json().await["errorMessage"], "as asked");
}

#[tokio::test]
async fn the_control_port_shows_environments_and_commands_them() {
    let emulator = emulator("events").start().await.unwrap();
    emulator.invoke("{}", None).await.unwrap();
    let control = emulator.control_url();
    let pid = emulator.environments()[0].pid;
    frozen(pid).await;
    let listed = get(format!("{control}/environments")).await.json().await;
    assert_eq!(listed, json!([{ "id": 1, "pid": pid, "state": "frozen", "invocations": 1 }]));
    let command =
        async |command: &str| post(format!("{control}/environments/1/{command}"), "", "").await.status;
    assert_eq!(command("thaw").await, StatusCode::NO_CONTENT);
    eventually("awake", || process_state(pid) != Some('T')).await;
    assert_eq!(command("freeze").await, StatusCode::NO_CONTENT);
    frozen(pid).await;
    assert_eq!(command("dance").await, StatusCode::NOT_FOUND);
    assert_eq!(command("kill").await, StatusCode::NO_CONTENT);
    eventually("gone", || emulator.environments().is_empty()).await;
    assert_eq!(command("kill").await, StatusCode::NOT_FOUND);
    assert_eq!(get(format!("{control}/environments/1/logs")).await.text().await, "started");
}
