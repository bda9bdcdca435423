//! The response of each ingress to the answer of a function.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use lambda_emulator::{Emulator, Ingress};

use crate::support::*;

const BUFFERED: [Ingress; 5] =
    [Ingress::FunctionUrlBuffered, Ingress::HttpApi, Ingress::Rest, Ingress::Alb, Ingress::AlbMultiValue];

/// The response to a request that makes the function return `reply`.
async fn replying(emulator: &Emulator, ingress: Ingress, reply: &str) -> Reply {
    send("GET", &emulator.url(ingress), &[("x-reply", reply)], Bytes::new()).await
}

/// The response of an ingress to a function that fails, or to a malformed answer.
fn bad_gateway(ingress: Ingress) -> (u16, &'static str) {
    match ingress {
        Ingress::FunctionUrl | Ingress::FunctionUrlBuffered => (502, "Internal Server Error"),
        Ingress::Rest | Ingress::RestStream => (502, r#"{"message":"Internal server error"}"#),
        Ingress::HttpApi => (500, r#"{"message":"Internal Server Error"}"#),
        Ingress::Alb | Ingress::AlbMultiValue => {
            (502, "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n")
        }
    }
}

#[tokio::test]
async fn a_malformed_response_is_a_bad_gateway_with_the_text_of_each_ingress() {
    let emulator = emulator("events").start().await.unwrap();
    let malformed = r#"{"statusCode":"teapot","body":"x"}"#;
    for ingress in BUFFERED.into_iter().chain([Ingress::RestStream]) {
        let reply = replying(&emulator, ingress, malformed).await;
        let (status, text) = bad_gateway(ingress);
        assert_eq!(reply.status.as_u16(), status, "{ingress:?}");
        assert!(reply.text().await.starts_with(text), "{ingress:?}");
    }
}

#[tokio::test]
async fn a_failing_function_is_a_bad_gateway_with_the_text_of_each_ingress() {
    let emulator = emulator("buffered").start().await.unwrap();
    for ingress in Ingress::ALL {
        let reply = get(format!("{}/panic", emulator.url(ingress))).await;
        let (status, text) = bad_gateway(ingress);
        assert_eq!((reply.status.as_u16(), reply.environment().0), (status, 1), "{ingress:?}");
        assert!(reply.text().await.starts_with(text), "{ingress:?}");
    }
}

#[tokio::test]
async fn www_authenticate_is_renamed_by_all_but_a_load_balancer() {
    let ingresses = [(Ingress::FunctionUrl, "stream"), (Ingress::RestStream, "stream")];
    for (ingress, function) in ingresses.into_iter().chain(BUFFERED.map(|ingress| (ingress, "buffered"))) {
        let emulator = emulator(function).start().await.unwrap();
        let reply = get(format!("{}/unauthorized", emulator.url(ingress))).await;
        let names = ["www-authenticate", "x-amzn-remapped-www-authenticate"];
        let seen = names.map(|name| reply.header(name).map(str::to_owned));
        let challenge = Some("Bearer realm=\"here\"".to_owned());
        let expected = match ingress {
            Ingress::Alb | Ingress::AlbMultiValue => [challenge, None],
            _ => [None, challenge],
        };
        assert_eq!(seen, expected, "{ingress:?}");
        assert_eq!((reply.status, reply.text().await.as_str()), (StatusCode::UNAUTHORIZED, "no"));
    }
}

#[tokio::test]
async fn a_binary_answer_comes_back_as_bytes() {
    let everything: Vec<u8> = (0..=255).collect();
    for (ingress, function) in [(Ingress::FunctionUrl, "stream"), (Ingress::RestStream, "stream")]
        .into_iter()
        .chain(BUFFERED.map(|ingress| (ingress, "buffered")))
    {
        let emulator = emulator(function).binary_media_types(["*/*"]).start().await.unwrap();
        let reply = post(emulator.url(ingress), "application/octet-stream", everything.clone()).await;
        assert_eq!(reply.bytes().await, everything, "{ingress:?}");
    }
}

#[tokio::test]
async fn a_rest_api_without_binary_media_types_leaves_base64_as_it_is() {
    let emulator = emulator("events").start().await.unwrap();
    let reply = r#"{"statusCode":200,"body":"/wA=","isBase64Encoded":true}"#;
    assert_eq!(replying(&emulator, Ingress::Rest, reply).await.text().await, "/wA=");
    assert_eq!(replying(&emulator, Ingress::HttpApi, reply).await.bytes().await, &b"\xff\0"[..]);
}

#[tokio::test]
async fn format_2_takes_a_payload_without_a_status_code_for_the_body() {
    let emulator = emulator("events").start().await.unwrap();
    for ingress in [Ingress::FunctionUrlBuffered, Ingress::HttpApi] {
        let reply = replying(&emulator, ingress, r#"{"just":"data"}"#).await;
        assert_eq!((reply.status, reply.header("content-type")), (StatusCode::OK, Some("application/json")));
        assert_eq!(reply.text().await, r#"{"just":"data"}"#);
    }
    for ingress in [Ingress::Rest, Ingress::Alb] {
        assert_eq!(replying(&emulator, ingress, r#"{"just":"data"}"#).await.status, StatusCode::BAD_GATEWAY);
    }
}

#[tokio::test]
async fn the_connections_own_headers_are_not_the_functions() {
    let emulator = emulator("events").start().await.unwrap();
    let reply = r#"{"statusCode":200,"body":"four","headers":{"content-length":"99","connection":"close",
        "transfer-encoding":"chunked","keep-alive":"no","x-mine":"yes","server":"me"}}"#
        .replace('\n', "");
    for ingress in BUFFERED.into_iter().filter(|ingress| *ingress != Ingress::AlbMultiValue) {
        let reply = replying(&emulator, ingress, &reply).await;
        assert_eq!(
            (reply.header("content-length"), reply.header("x-mine")),
            (Some("4"), Some("yes")),
            "{ingress:?}"
        );
        assert_eq!((reply.header("transfer-encoding"), reply.header("keep-alive")), (None, None));
        assert_eq!(reply.text().await, "four");
    }
    assert_eq!(replying(&emulator, Ingress::Rest, &reply).await.header("x-amzn-remapped-server"), Some("me"));
}

#[tokio::test]
async fn an_empty_streamed_body_ends() {
    let emulator = emulator("stream").start().await.unwrap();
    let reply = get(format!("{}/accepted", emulator.function_url())).await;
    assert_eq!(reply.status, StatusCode::ACCEPTED);
    assert_eq!(reply.bytes().await.len(), 0);
}

#[tokio::test]
async fn a_buffered_ingress_times_out_and_the_function_runs_on() {
    let gate = Gate::open().await;
    for (ingress, status) in [(Ingress::Rest, 504), (Ingress::HttpApi, 503), (Ingress::Alb, 504)] {
        let builder = emulator("buffered").timeout(SOON).ingress_timeout(Duration::from_millis(300));
        let emulator = builder.env("GATE", gate.port()).start().await.unwrap();
        let (reply, held) = futures::join!(get(format!("{}/gated", emulator.url(ingress))), gate.held());
        assert_eq!(reply.status.as_u16(), status, "{ingress:?}");
        let pid = held.pid;
        drop(held);
        frozen(pid).await;
    }
}

#[tokio::test]
async fn throttling_has_the_text_of_each_ingress() {
    let gate = Gate::open().await;
    let emulator = emulator("buffered").timeout(SOON).env("GATE", gate.port()).start().await.unwrap();
    let busy = get(format!("{}/gated", emulator.url(Ingress::HttpApi)));
    let rest = async {
        let held = gate.held().await;
        for (ingress, status) in [
            (Ingress::FunctionUrl, 429),
            (Ingress::FunctionUrlBuffered, 429),
            (Ingress::Rest, 429),
            (Ingress::HttpApi, 503),
            (Ingress::Alb, 502),
        ] {
            assert_eq!(get(emulator.url(ingress)).await.status.as_u16(), status, "{ingress:?}");
        }
        drop(held);
        assert!(gate.is_empty().await);
    };
    let (busy, ()) = futures::join!(busy, rest);
    assert_eq!(busy.status, StatusCode::OK);
}
