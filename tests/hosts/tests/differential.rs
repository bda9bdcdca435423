//! The same events through the runtime's own loop and through `lambda_runtime` with `lambda_http`: what a handler sees, and
//! what the Runtime API receives. What differs on purpose is [`DIFFERENCES`], and everything else is equal.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod runtime_api;

use std::collections::BTreeMap;

use runtime_api::{Received, RuntimeApi};
use serde_json::{Value, json};

const OWN_LOOP: &str = env!("CARGO_BIN_EXE_hosted-by-its-own-loop");
const LAMBDA_HTTP: &str = env!("CARGO_BIN_EXE_hosted-by-lambda-http");

/// What differs on purpose, and why. The first five are headers of a call to the Runtime API.
const DIFFERENCES: [(&str, &str); 11] = [
    ("user-agent", "each names itself"),
    ("host", "each has an address of its own here"),
    ("content-type", "of an error report, its body's: application/json; lambda_runtime names none"),
    ("content-length", "error reports have other texts: that of an event of no known kind names its keys"),
    ("lambda-runtime-function-error-type", "UnknownEvent instead of the name of a Rust type"),
    ("header with several values", "one value, joined by commas as HTTP allows; lambda_http sends a list"),
    (
        "response without a body",
        "an empty JSON object, which SDKs accept; lambda_http sends no byte, of octet-stream",
    ),
    (
        "stream that breaks",
        "trailers; lambda_runtime writes their text into the body, where the client reads it",
    ),
    ("report of a hook that failed", "its errorType is that of the header, and its text names the hook"),
    ("deadline of a call", "2 s before that of the invocation, so that its response can be complete"),
    ("client context", "as the invoker wrote it; lambda_runtime renames its fields and leaves out env"),
];

/// What the Runtime API sends with each event.
const HEADERS: [(&str, &str); 6] = [
    ("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-central-1:123456789012:function:server:live"),
    ("Lambda-Runtime-Trace-Id", "Root=1-5e6722a7-cc5600000046db7ae02d4da4;Parent=53995c3f42cd8ad8;Sampled=1"),
    (
        "Lambda-Runtime-Client-Context",
        r#"{"client":{"installation_id":"i","app_title":"t","app_version_name":"v","app_version_code":"c","app_package_name":"p"},"custom":{"a":"b"},"env":{"d":"e"}}"#,
    ),
    ("Lambda-Runtime-Cognito-Identity", r#"{"cognitoIdentityId":"i","cognitoIdentityPoolId":"p"}"#),
    ("Lambda-Runtime-Aws-Tenant-Id", "acme"),
    ("Lambda-Runtime-Invocation-Id", "attempt-1"),
];

fn fixture(name: &str) -> Value {
    let path = format!("{}/../fixtures/events/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The event of a Function URL for a call of a tool.
fn call(tool: &str, change: impl FnOnce(&mut Value)) -> Value {
    let mut event = fixture("function-url-post");
    let mut message: Value = serde_json::from_str(event["body"].as_str().unwrap()).unwrap();
    message["params"]["name"] = tool.into();
    event["body"] = message.to_string().into();
    event["headers"]["mcp-name"] = tool.into();
    change(&mut event);
    event
}

/// What both hosts send for the same events.
fn both(events: &[Value]) -> Vec<(Received, Received)> {
    let ours = RuntimeApi::run(OWN_LOOP, events, &HEADERS);
    let theirs = RuntimeApi::run(LAMBDA_HTTP, events, &HEADERS);
    assert_eq!((ours.len(), theirs.len()), (events.len(), events.len()));
    ours.into_iter().zip(theirs).collect()
}

/// The headers of a call to the Runtime API, but for the values that differ on purpose.
fn comparable(received: &Received) -> BTreeMap<String, String> {
    let differs = |name: &str| DIFFERENCES.iter().any(|(differs, _)| *differs == name);
    received.headers.iter().filter(|(name, _)| !differs(name)).map(|(k, v)| (k.clone(), v.clone())).collect()
}

/// The text of `steps` ends in the seconds that the call may take.
fn without_seconds(body: &str) -> String {
    match body.split_once("anonymous ") {
        Some((start, end)) => format!("{start}{}", end.trim_start_matches(|c: char| c.is_ascii_digit())),
        None => body.to_owned(),
    }
}

#[test]
fn a_response_reaches_the_runtime_api_the_same_way() {
    let get = |name: &str| fixture(name);
    let events = [
        fixture("function-url-post"),
        fixture("function-url-post-base64"),
        get("function-url-get"),
        get("function-url-cookies"),
        get("function-url-delete"),
        get("function-url-options"),
        call("steps", |_| ()),
    ];
    for (at, (ours, theirs)) in both(&events).into_iter().enumerate() {
        assert_eq!(ours.path, theirs.path, "{at}");
        assert_eq!(comparable(&ours), comparable(&theirs), "{at}");
        assert_eq!(ours.headers["content-type"], theirs.headers["content-type"], "{at}");
        let ((our_prelude, mut our_body), (mut their_prelude, their_body)) =
            (ours.prelude(), theirs.prelude());
        if their_body.is_empty() {
            assert_eq!(
                (&*our_body, &our_prelude["headers"]["content-type"]),
                ("{}", &json!("application/json"))
            );
            our_body.clear();
            their_prelude["headers"]["content-type"] = "application/json".into();
        }
        assert_eq!(our_prelude, their_prelude, "{at}");
        assert_eq!(without_seconds(&our_body), without_seconds(&their_body), "{at}");
        assert!(ours.trailers.is_empty() && theirs.trailers.is_empty(), "{at}");
    }
}

#[test]
fn a_tool_sees_the_same_invocation() {
    for (ours, theirs) in both(&[call("witness", |_| ())]) {
        let seen = |received: &Received| {
            let message: Value = serde_json::from_str(&received.prelude().1).unwrap();
            let text = message["result"]["content"][0]["text"].as_str().unwrap_or_default().to_owned();
            serde_json::from_str::<Value>(&text).unwrap_or_else(|_| panic!("{message}"))
        };
        let mut seen = (seen(&ours), seen(&theirs));
        seen.1["clientContext"]["client"] = seen.0["clientContext"]["client"].clone();
        seen.1["clientContext"]["env"] = seen.0["clientContext"]["env"].clone();
        seen.1["clientContext"].as_object_mut().unwrap().remove("environment");
        assert_eq!(seen.0, seen.1);
        assert_eq!(seen.0["tenant"], "acme");
        assert_eq!(seen.0["clientContext"]["custom"], json!({ "a": "b" }));
        assert_eq!(seen.0["arn"], HEADERS[0].1);
        assert_eq!(seen.0["trace"], HEADERS[1].1);
    }
}

/// Lambda reads the error of a broken stream in its trailers, and counts a failure.
#[test]
fn a_stream_that_breaks_is_reported_in_trailers_and_not_in_the_body() {
    for (ours, theirs) in both(&[call("echo", |event| event["headers"]["x-break"] = "fail".into())]) {
        assert_eq!(comparable(&ours), comparable(&theirs));
        let names: Vec<_> = ours.trailers.keys().collect();
        assert_eq!(names, ["lambda-runtime-function-error-body", "lambda-runtime-function-error-type"]);
        let (our_body, their_body) = (ours.prelude().1, theirs.prelude().1);
        let in_the_body = their_body.strip_prefix(&our_body).unwrap();
        assert!(in_the_body.starts_with("Lambda-Runtime-Function-Error-Type: "), "{in_the_body}");
        assert!(theirs.trailers.is_empty());
    }
}

/// A failed invocation ends neither: the next one is served.
#[test]
fn an_event_of_no_known_kind_is_an_error_of_its_invocation() {
    let events = [json!({ "unknown": 1 }), call("echo", |_| ())];
    for (at, (ours, theirs)) in both(&events).into_iter().enumerate() {
        assert_eq!(ours.path, theirs.path);
        assert!(ours.path.ends_with(if at == 0 { "/error" } else { "/response" }), "{}", ours.path);
        assert_eq!(comparable(&ours), comparable(&theirs));
        if at == 0 {
            let (our_error, their_error): (Value, Value) =
                (serde_json::from_str(&ours.body).unwrap(), serde_json::from_str(&theirs.body).unwrap());
            let fields = |error: &Value| error.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
            assert_eq!(fields(&our_error), fields(&their_error));
            assert_eq!(our_error["errorType"], "UnknownEvent");
        }
    }
}

/// With `SnapStart`: what each host calls before its first poll, and what it reports when a hook fails.
#[test]
fn an_environment_is_stored_and_restored_with_the_same_calls() {
    const SNAP_START: (&str, &str) = ("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start");
    let restore = "/2018-06-01/runtime/restore/next";
    for (failing, calls, kind) in [
        ("NONE", [restore, "/2018-06-01/runtime/invocation/request/response"].as_slice(), None),
        ("BEFORE_SNAPSHOT", &["/2018-06-01/runtime/init/error"], Some("runtime.initerror")),
        ("AFTER_RESTORE", &[restore, "/2018-06-01/runtime/restore/error"], Some("runtime.afterrestoreerror")),
    ] {
        for binary in [OWN_LOOP, LAMBDA_HTTP] {
            let variables = [SNAP_START, (failing, "fails")];
            let events = [call("echo", |_| ())];
            let received = RuntimeApi::run_with(&variables, binary, &events, &HEADERS, calls.len());
            let paths: Vec<_> = received.iter().map(|call| &*call.path).collect();
            assert_eq!(paths, calls, "{failing} {binary}");
            let last = received.last().unwrap();
            assert_eq!(last.headers.get("lambda-runtime-function-error-type").map(|kind| &**kind), kind);
            if kind.is_some() {
                let error: Value = serde_json::from_str(&last.body).unwrap();
                let text = error["errorMessage"].as_str().unwrap();
                assert!(text.ends_with(&format!("{failing} is out of luck")), "{error}");
                assert!(error["errorType"].is_string(), "{error}");
            }
        }
    }
}
