//! Requests through the ingresses themselves: what a client gets in the end.

use std::io::Read;

use http::StatusCode;
use lambda_emulator::{Emulator, Ingress};
use serde_json::{Value, json};

use crate::support::*;

/// Every ingress, and the response mode in which its function runs.
const INGRESSES: [(Ingress, &str); 7] = [
    (Ingress::FunctionUrl, "auto"),
    (Ingress::FunctionUrlBuffered, "buffered"),
    (Ingress::Rest, "auto"),
    (Ingress::RestStream, "stream"),
    (Ingress::HttpApi, "auto"),
    (Ingress::Alb, "auto"),
    (Ingress::AlbMultiValue, "auto"),
];

async fn emulator(mode: &str) -> Emulator {
    function_in(mode).timeout(SOON).start().await.unwrap()
}

#[tokio::test]
async fn a_call_through_any_ingress_gets_the_same_response() {
    let mut answers = Vec::new();
    for (ingress, mode) in INGRESSES {
        let emulator = emulator(mode).await;
        let reply = call("echo", json!({ "message": "grüße" })).through_ingress(&emulator, ingress).await;
        assert_eq!(
            (reply.status, reply.header("content-type")),
            (StatusCode::OK, Some("application/json")),
            "{ingress:?}"
        );
        answers.push(reply.text().await);
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
}

#[tokio::test]
async fn progress_through_any_ingress_comes_before_its_result() {
    for (ingress, mode) in INGRESSES {
        let emulator = emulator(mode).await;
        let mut reply = call("panic", json!({ "after": 2 })).through_ingress(&emulator, ingress).await;
        assert_eq!(reply.header("content-type"), Some("text/event-stream"), "{ingress:?}");
        for step in [1.0, 2.0] {
            assert_eq!(reply.message().await["params"]["progress"], step);
        }
        assert_eq!(reply.message().await["error"]["code"], -32603);
        assert_eq!(reply.event().await, None);
    }
}

#[tokio::test]
async fn an_answer_is_only_compressed_where_the_client_can_read_it() {
    let message = "a long answer, ".repeat(200);
    for (ingress, mode) in INGRESSES {
        let emulator = emulator(mode).await;
        let call = call("echo", json!({ "message": message })).header("accept-encoding", "gzip");
        let reply = call.through_ingress(&emulator, ingress).await;
        let compressed = reply.header("content-encoding") == Some("gzip");
        // A REST API passes base64 on as it is, unless its binary media types are configured.
        assert_eq!(compressed, !matches!(ingress, Ingress::Rest | Ingress::RestStream), "{ingress:?}");
        let (bytes, mut text) = (reply.bytes().await, String::new());
        if compressed {
            flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
        } else {
            text = String::from_utf8(bytes.to_vec()).unwrap();
        }
        let answer: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(answer["result"]["content"][0]["text"], message.as_str(), "{ingress:?}");
    }
}

#[tokio::test]
async fn a_response_larger_than_its_ingress_passes_on_is_an_error_that_names_the_limit() {
    for (ingress, mode, bytes, limit) in [
        (Ingress::FunctionUrlBuffered, "buffered", 6 << 20, "6 MB"),
        (Ingress::Rest, "auto", 6 << 20, "6 MB"),
        (Ingress::HttpApi, "auto", 6 << 20, "6 MB"),
        (Ingress::Alb, "auto", 1 << 20, "1 MB"),
        (Ingress::AlbMultiValue, "auto", 1 << 20, "1 MB"),
    ] {
        let emulator = emulator(mode).await;
        let reply = call("big", json!({ "bytes": bytes })).through_ingress(&emulator, ingress).await;
        assert_eq!(reply.status, StatusCode::INTERNAL_SERVER_ERROR, "{ingress:?}");
        let error = reply.json().await["error"].clone();
        assert_eq!(error["code"], -32603);
        let text = error["message"].as_str().unwrap();
        assert!(text.starts_with(&format!("the response is larger than {limit}")), "{ingress:?}: {text}");
        assert_eq!(logged(&emulator, "too large for the gateway"), 1, "{ingress:?}");
        // A little less is passed on, by the same environment.
        let reply = call("big", json!({ "bytes": bytes - 1024 })).through_ingress(&emulator, ingress).await;
        assert_eq!(reply.tool_text().await.len(), bytes - 1024, "{ingress:?}");
        assert_eq!(emulator.environments()[0].invocations, 2);
    }
}

#[tokio::test]
async fn a_stream_passes_on_more_than_a_buffered_ingress() {
    let (emulator, bytes) = (emulator("auto").await, 7 << 20);
    let reply = call("big", json!({ "bytes": bytes })).send_to(&emulator).await;
    assert_eq!(reply.tool_text().await.len(), bytes);
}

#[tokio::test]
async fn a_path_that_is_no_route_is_not_found() {
    for (ingress, mode) in INGRESSES {
        let emulator = emulator(mode).await;
        let reply = get("/elsewhere").through_ingress(&emulator, ingress).await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND, "{ingress:?}");
        assert_eq!(reply.text().await, "not found: the MCP endpoint has another path (MCP_PATH)");
    }
}
