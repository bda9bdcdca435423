//! `list_active_sessions`, `session_cleanup` and `lambda_diagnostics`.

use serde_json::{Value, json};
use test_support::{McpRequest, initialize};

use crate::{
    cloud::Cloud,
    program::{CREDENTIALS, Program},
};

const VERSION: &str = "2025-11-25";

async fn call(program: &Program, session: &str, tool: &str, arguments: Value) -> Value {
    let message = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": tool, "arguments": arguments },
    });
    let messages = program.messages(McpRequest::session(session, VERSION, &message)).await;
    messages.last().expect("a response")["result"].clone()
}

/// Their ids are all that protects the sessions of anonymous callers.
#[tokio::test]
async fn an_anonymous_caller_sees_and_ends_no_session_but_its_own() {
    let cloud = Cloud::json(200, json!({})).await;
    let program = Program::with(&cloud.endpoint, &CREDENTIALS).await;
    let first = initialize(&program.server, VERSION, json!({})).await;
    let second = initialize(&program.server, VERSION, json!({})).await;
    let listed = call(&program, &first, "list_active_sessions", json!({ "include_details": true })).await;
    let listed = &listed["structuredContent"];
    let sessions = listed["sessions"].as_array().expect("sessions");
    assert_eq!((sessions.len(), &sessions[0]["session_id"]), (1, &json!(first)));
    assert_eq!(
        (&sessions[0]["client"], &sessions[0]["protocol_version"]),
        (&json!("test 1"), &json!(VERSION))
    );
    assert!(listed["note"].as_str().expect("a note").contains("anonymous"), "{listed}");
    let cleaned =
        call(&program, &first, "session_cleanup", json!({ "dry_run": false, "idle_minutes": 1 })).await;
    assert_eq!(cleaned["structuredContent"], json!({ "dry_run": false, "idle": [], "ended": 0 }));
    let alive = call(&program, &second, "list_active_sessions", json!({})).await;
    assert_eq!(alive["structuredContent"]["sessions"][0]["session_id"], json!(second));
}

#[tokio::test]
async fn session_info_has_times_client_capabilities_and_statistics_as_asked() {
    let cloud = Cloud::json(200, json!({})).await;
    let program = Program::with(&cloud.endpoint, &CREDENTIALS).await;
    let id = initialize(&program.server, VERSION, json!({ "elicitation": {} })).await;
    let info = call(&program, &id, "session_info", json!({})).await["structuredContent"].clone();
    assert_eq!((&info["session_state"], &info["session_id"]), (&json!("active"), &json!(id)));
    let time = |name: &str| info[name].as_u64().expect(name);
    assert!(time("created_at_ms") <= time("last_activity_ms"), "{info}");
    assert!(time("last_activity_ms") < time("expires_at_ms"), "{info}");
    // The default of SESSION_TTL_MINUTES is a day.
    assert!((86_000..=86_400).contains(&time("ttl_seconds")), "{info}");
    assert_eq!((&info["client_info"]["name"], &info["protocol_version"]), (&json!("test"), &json!(VERSION)));
    assert_eq!(info["client_capabilities"], json!({ "elicitation": {} }));
    assert_eq!(info.get("statistics"), None);
    let less =
        json!({ "include_metadata": false, "include_capabilities": false, "include_statistics": true });
    let info = call(&program, &id, "session_info", less).await["structuredContent"].clone();
    assert!(info["statistics"]["session_duration_seconds"].is_u64(), "{info}");
    assert_eq!((info.get("client_info"), info.get("client_capabilities")), (None, None));
    let none = program.call("session_info", json!({})).await;
    assert_eq!((&none["session_state"], none.get("session_id")), (&json!("stateless"), None));
}

#[tokio::test]
async fn a_call_without_a_session_has_none_to_list() {
    let cloud = Cloud::json(200, json!({})).await;
    let program = Program::with(&cloud.endpoint, &CREDENTIALS).await;
    let listed = program.call("list_active_sessions", json!({})).await;
    assert_eq!((&listed["count"], &listed["sessions"]), (&json!(0), &json!([])));
    assert!(listed["note"].as_str().expect("a note").contains("2026-07-28"), "{listed}");
}

#[tokio::test]
async fn diagnostics_name_the_topic_and_the_first_call_is_cold() {
    let cloud = Cloud::json(200, json!({})).await;
    let program = Program::with(&cloud.endpoint, &CREDENTIALS).await;
    let report = program.call("lambda_diagnostics", json!({ "include_aws_info": true })).await;
    assert_eq!(report["health_check"]["checks"]["sns"], "not_configured");
    assert_eq!((&report["metrics"]["cold"], &report["request_id"]), (&json!(true), &Value::Null));
    assert_eq!(report["aws_info"]["account"], Value::Null);
    let report = program.call("lambda_diagnostics", json!({})).await;
    assert_eq!(report["metrics"]["cold"], false);
}
