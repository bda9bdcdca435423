//! Sizes.

use bytes::Bytes;
use http::StatusCode;
use lambda_emulator::{Ingress, InvokeError};

use crate::support::*;

const SIX_MB: usize = 6 * 1024 * 1024;

#[tokio::test]
async fn a_request_of_6_mb_passes_and_one_byte_more_does_not() {
    let streaming = emulator("stream").start().await.unwrap();
    let buffered = emulator("buffered").start().await.unwrap();
    let text = |length| Bytes::from(vec![b'a'; length]);
    let reply = post(streaming.function_url(), "text/plain", text(SIX_MB)).await;
    assert_eq!((reply.status, reply.bytes().await.len()), (StatusCode::OK, SIX_MB));
    for (emulator, ingress) in [
        (&streaming, Ingress::FunctionUrl),
        (&streaming, Ingress::RestStream),
        (&buffered, Ingress::FunctionUrlBuffered),
        (&buffered, Ingress::Rest),
        (&buffered, Ingress::HttpApi),
    ] {
        let reply = post(emulator.url(ingress), "text/plain", text(SIX_MB + 1)).await;
        assert_eq!(reply.status, StatusCode::PAYLOAD_TOO_LARGE, "{ingress:?}");
    }
    assert_eq!(buffered.environments(), [], "what is too large does not reach the function");
}

#[tokio::test]
async fn a_load_balancer_takes_1_mb_each_way() {
    let emulator = emulator("buffered").start().await.unwrap();
    let url = emulator.url(Ingress::Alb);
    let text = |length| Bytes::from(vec![b'a'; length]);
    assert_eq!(post(&url, "text/plain", text(1024 * 1024 + 1)).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(post(&url, "text/plain", text(1000 * 1000)).await.status, StatusCode::OK);
    assert_eq!(get(format!("{url}/large?bytes=1048576")).await.status, StatusCode::BAD_GATEWAY);
}

#[tokio::test]
async fn a_buffered_answer_of_more_than_6_mb_is_an_error_and_the_environment_lives_on() {
    let emulator = emulator("events").start().await.unwrap();
    let large = |bytes: usize| format!(r#"{{"do":"large","bytes":{bytes}}}"#);
    let answer = emulator.invoke(large(SIX_MB), None).await.unwrap();
    assert_eq!(answer.bytes().await.unwrap().len(), SIX_MB + 2);
    let answer = emulator.invoke(large(SIX_MB + 100), None).await.unwrap();
    let error = answer.function_error().unwrap();
    assert_eq!(error.kind, "Function.ResponseSizeTooLarge");
    assert_eq!(
        error.message(),
        "Response payload size exceeded maximum allowed payload size (6291556 bytes)."
    );
    assert_eq!(emulator.invoke("{}", None).await.unwrap().environment, answer.environment);
}

#[tokio::test]
async fn a_stream_may_be_larger_than_6_mb() {
    let emulator = emulator("stream").start().await.unwrap();
    let reply = get(format!("{}/large?bytes={}", emulator.function_url(), 3 * SIX_MB)).await;
    assert_eq!(reply.bytes().await.len(), 3 * SIX_MB);
    // Not for an invoker, nor for an ingress that buffers.
    let reply =
        get(format!("{}/large?bytes={}", emulator.url(Ingress::FunctionUrlBuffered), 3 * SIX_MB)).await;
    assert_eq!(reply.status, StatusCode::BAD_GATEWAY);
}

#[tokio::test]
async fn an_event_of_more_than_6_mb_is_refused() {
    let emulator = emulator("events").start().await.unwrap();
    let refused = InvokeError::PayloadTooLarge { limit: SIX_MB };
    assert_eq!(emulator.invoke(vec![b' '; SIX_MB + 1], None).await.unwrap_err(), refused);
    let url = format!("{}/2015-03-31/functions/function/invocations", emulator.control_url());
    let reply = post(url, "", vec![b' '; SIX_MB + 1]).await;
    assert_eq!(reply.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(reply.header("x-amzn-errortype"), Some("RequestTooLargeException"));
}
