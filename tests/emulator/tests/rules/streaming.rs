//! Streams: chunk by chunk, cut off at limits, and not ended by a client that leaves.

use std::time::Duration;

use http::StatusCode;
use lambda_emulator::{EnvironmentId, EnvironmentState, Ingress};

use crate::support::*;

#[tokio::test]
async fn a_chunk_reaches_the_client_before_the_function_writes_the_next() {
    let gate = Gate::open().await;
    let emulator = emulator("stream").env("GATE", gate.port()).start().await.unwrap();
    for ingress in [Ingress::FunctionUrl, Ingress::RestStream] {
        let (mut reply, mut held) =
            futures::join!(get(format!("{}/gated", emulator.url(ingress))), gate.held());
        assert_eq!(reply.header("content-type"), Some("text/event-stream"));
        for chunk in ["one", "two", "three"] {
            held.say(chunk).await;
            assert_eq!(reply.chunk().await.unwrap(), chunk);
        }
        drop(held);
        assert_eq!(reply.chunk().await, None);
    }
}

#[tokio::test]
async fn the_head_of_a_stream_arrives_before_its_first_chunk() {
    let gate = Gate::open().await;
    let emulator = emulator("stream").env("GATE", gate.port()).start().await.unwrap();
    let (reply, held) = futures::join!(get(format!("{}/gated", emulator.function_url())), gate.held());
    assert_eq!(reply.status, StatusCode::OK);
    drop(held);
    assert_eq!(reply.bytes().await.len(), 0);
}

#[tokio::test]
async fn a_client_that_leaves_does_not_stop_the_function() {
    let gate = Gate::open().await;
    let emulator = emulator("stream").env("GATE", gate.port()).start().await.unwrap();
    let (mut reply, mut held) =
        futures::join!(get(format!("{}/gated", emulator.function_url())), gate.held());
    held.say("one").await;
    assert_eq!(reply.chunk().await.unwrap(), "one");
    drop(reply);
    // More than all buffers on the way hold, if no client were reading.
    let chunk = "x".repeat(64 * 1024);
    for _ in 0..100 {
        held.say(&chunk).await;
    }
    assert_eq!(emulator.environments()[0].state, EnvironmentState::Busy);
    let pid = held.pid;
    drop(held);
    frozen(pid).await;
    assert_eq!(get(emulator.function_url()).await.environment(), EnvironmentId(1));
}

#[tokio::test]
async fn a_client_that_leaves_before_the_first_byte_does_not_stop_the_function_either() {
    let gate = Gate::open().await;
    let emulator = emulator("buffered").env("GATE", gate.port()).start().await.unwrap();
    let url = format!("{}/gated", emulator.url(Ingress::FunctionUrlBuffered));
    let mut leaving = Box::pin(get(url));
    let held = tokio::select! {
        _ = &mut leaving => panic!("nothing was written yet"),
        held = gate.held() => held,
    };
    drop(leaving);
    let pid = held.pid;
    assert_ne!(process_state(pid), Some('T'));
    drop(held);
    frozen(pid).await;
}

#[tokio::test]
async fn a_stream_is_cut_off_at_the_deadline_and_the_client_can_tell() {
    let gate = Gate::open().await;
    let limit = Duration::from_millis(400);
    let emulator = emulator("stream").timeout(limit).env("GATE", gate.port()).start().await.unwrap();
    let (mut reply, mut held) =
        futures::join!(get(format!("{}/gated", emulator.function_url())), gate.held());
    held.say("one").await;
    assert_eq!(reply.chunk().await.unwrap(), "one");
    assert!(reply.try_chunk().await.is_err(), "a stream that was cut off must not look complete");
    gone(held.pid).await;
    assert_eq!(get(emulator.function_url()).await.environment(), EnvironmentId(2));
}

#[tokio::test]
async fn a_client_that_reads_slowly_holds_the_function_back_but_not_its_deadline() {
    let emulator = emulator("stream").timeout(Duration::from_millis(1500)).start().await.unwrap();
    let mut reply = get(format!("{}/large?bytes=100000000", emulator.function_url())).await;
    assert_eq!(reply.status, StatusCode::OK);
    let pid = emulator.environments()[0].pid;
    gone(pid).await;
    let mut length = 0;
    let end = loop {
        match reply.try_chunk().await {
            Ok(Some(chunk)) => length += chunk.len(),
            end => break end,
        }
    };
    assert!(end.is_err() && length < 100_000_000, "{end:?} after {length} bytes");
}

#[tokio::test]
async fn a_crash_in_the_middle_of_a_stream_cuts_it_off() {
    let gate = Gate::open().await;
    let emulator = emulator("stream").env("GATE", gate.port()).start().await.unwrap();
    let (mut reply, mut held) =
        futures::join!(get(format!("{}/gated", emulator.function_url())), gate.held());
    held.say("one").await;
    assert_eq!(reply.chunk().await.unwrap(), "one");
    emulator.kill(reply.environment()).unwrap();
    assert!(reply.try_chunk().await.is_err());
    held.gone().await;
}

#[tokio::test]
async fn an_invoker_reads_the_prelude_as_part_of_a_streamed_payload() {
    let emulator = emulator("stream").start().await.unwrap();
    let event = r#"{"version":"2.0","rawPath":"/unauthorized","rawQueryString":"","headers":{},"isBase64Encoded":false,
        "requestContext":{"http":{"method":"GET","path":"/"},"stage":"$default"}}"#;
    let answer = emulator.invoke(event, None).await.unwrap();
    assert_eq!(
        answer.bytes().await.unwrap(),
        "{\"statusCode\":401,\"headers\":{\"content-type\":\"text/plain\",\
         \"www-authenticate\":\"Bearer realm=\\\"here\\\"\"},\"cookies\":[]}\0\0\0\0\0\0\0\0no"
    );
}

#[tokio::test]
async fn a_buffered_function_url_passes_prelude_and_nul_bytes_on_as_the_body() {
    let emulator = emulator("stream").start().await.unwrap();
    let reply = get(format!("{}/unauthorized", emulator.url(Ingress::FunctionUrlBuffered))).await;
    assert_eq!((reply.status, reply.header("content-type")), (StatusCode::OK, Some("application/json")));
    let text = reply.text().await;
    assert!(text.starts_with("{\"statusCode\":401") && text.ends_with("\0\0\0\0\0\0\0\0no"), "{text:?}");
}

#[tokio::test]
async fn an_ingress_that_needs_a_proxy_response_refuses_a_stream() {
    let emulator = emulator("stream").start().await.unwrap();
    for (ingress, status) in [
        (Ingress::Rest, StatusCode::BAD_GATEWAY),
        (Ingress::HttpApi, StatusCode::INTERNAL_SERVER_ERROR),
        (Ingress::Alb, StatusCode::BAD_GATEWAY),
    ] {
        assert_eq!(get(emulator.url(ingress)).await.status, status, "{ingress:?}");
    }
}

#[tokio::test]
async fn a_streaming_function_url_passes_a_buffered_payload_on_as_it_is() {
    let emulator = emulator("buffered").start().await.unwrap();
    let reply = post(emulator.function_url(), "text/plain", "hello").await;
    assert_eq!(
        (reply.status, reply.header("content-type")),
        (StatusCode::OK, Some("application/octet-stream"))
    );
    assert_eq!(reply.json_of_any_type().await["body"], "hello");
    // A REST API in STREAM mode requires the prelude.
    assert_eq!(get(emulator.url(Ingress::RestStream)).await.status, StatusCode::BAD_GATEWAY);
}
