//! What a function sends to OpenTelemetry, before Lambda freezes it.

use std::time::Duration;

use lambda_emulator::{Builder, EnvironmentId};
use serde_json::json;
use test_support::otlp::{Answer, ReceivedSpan, Receiver};
use tokio::time::Instant;

use crate::support::*;

const TRACE: &str = "Root=1-5e6722a7-cc56d6c46db7ae02d4da47e0;Parent=53995c3f42cd8ad8;Sampled=1";

fn sending_to(receiver: &Receiver) -> Builder {
    function().env("OTEL_EXPORTER_OTLP_ENDPOINT", &receiver.url)
}

fn named<'a>(spans: &'a [ReceivedSpan], name: &str) -> &'a ReceivedSpan {
    spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("{name} in {spans:#?}"))
}

#[tokio::test]
async fn a_call_and_the_spans_of_its_tool_arrive_before_the_environment_is_frozen() {
    let receiver = Receiver::start().await;
    let emulator = sending_to(&receiver).start().await.unwrap();
    for count in 1..=2 {
        let request = call("looking", json!({})).header("x-amzn-trace-id", TRACE);
        request.send_to(&emulator).await.bytes().await;
        frozen(emulator.environments()[0].pid).await;
        assert_eq!(receiver.spans().len(), 3 * count, "all of it, and nothing comes later");
        assert_eq!(receiver.points().len(), count);
    }
    let spans = receiver.spans();
    let called = named(&spans, "tools/call looking");
    let (look, reach) = (named(&spans, "look"), named(&spans, "reach"));
    assert_eq!((&look.trace_id, &look.parent_id), (&called.trace_id, &called.span_id));
    assert_eq!((&reach.trace_id, &reach.parent_id), (&called.trace_id, &look.span_id));
    assert_eq!(look.attributes["shelf"], "3");
    // X-Ray samples for itself: its context is a link.
    let link = ("5e6722a7cc56d6c46db7ae02d4da47e0".to_owned(), "53995c3f42cd8ad8".to_owned());
    assert_eq!((called.parent_id.as_str(), &called.links), ("", &vec![link]));
    assert_eq!(called.attributes["faas.invocation_id"].len(), 36);
    assert_eq!(called.attributes["faas.coldstart"], "true");
    for (name, value) in
        [("cloud.provider", "aws"), ("cloud.platform", "aws_lambda"), ("faas.version", "$LATEST")]
    {
        assert_eq!(called.resource[name], value);
    }
    for name in ["cloud.region", "faas.name", "faas.instance", "faas.max_memory", "aws.log.group.names"] {
        assert!(!called.resource[name].is_empty(), "{name}");
    }
    assert_eq!(called.resource["service.name"], called.resource["faas.name"]);
    assert!(
        receiver.points().iter().all(|point| point.is_delta && point.count == 1),
        "{:#?}",
        receiver.points()
    );
}

/// A collector that hangs: its time is bounded, and it is not asked again for each request.
#[tokio::test]
async fn a_receiver_that_never_answers_delays_one_request_by_a_second() {
    let receiver = Receiver::start().await;
    receiver.answer(Answer::None);
    let emulator = sending_to(&receiver).start().await.unwrap();
    let begin = Instant::now();
    for _ in 0..4 {
        assert_eq!(call("echo", json!({ "message": "hi" })).send_to(&emulator).await.tool_text().await, "hi");
    }
    let took = begin.elapsed();
    assert!(took > Duration::from_millis(900) && took < Duration::from_secs(4), "{took:?}");
    assert_eq!(receiver.requests().len(), 1);
    assert_eq!(emulator.environments().len(), 1);
    eventually("a warning", || logged(&emulator, "spans and metrics were not sent") == 1).await;
}

#[tokio::test]
async fn a_stream_is_a_span_when_it_has_ended() {
    let receiver = Receiver::start().await;
    let function = sending_to(&receiver).timeout(Duration::from_secs(60)).env("MCP_STREAM_SECONDS", "1");
    let emulator = function.start().await.unwrap();
    let mut reply = listen().send_to(&emulator).await;
    reply.message().await;
    assert_eq!(receiver.spans().len(), 0);
    while reply.chunk().await.is_some() {}
    eventually("its span", || receiver.spans().len() == 1).await;
    assert_eq!(receiver.spans()[0].name, "subscriptions/listen");
    assert_eq!(receiver.points().len(), 0, "the time of a stream says nothing");
}

#[tokio::test]
async fn a_log_level_does_not_switch_off_spans_and_payloads_are_in_none() {
    let receiver = Receiver::start().await;
    let function = sending_to(&receiver).env("RUST_LOG", "error").env("MCP_LOG_PAYLOADS", "100");
    let emulator = function.start().await.unwrap();
    call("looking", json!({ "message": "planted" })).send_to(&emulator).await.bytes().await;
    eventually("the spans", || receiver.spans().len() == 3).await;
    assert!(!format!("{:?}", receiver.spans()).contains("planted"), "{:#?}", receiver.spans());
    let mut log = emulator.logs(EnvironmentId(1));
    // The lines of metrics are no lines of the log.
    log.retain(|line| !line.contains("_aws"));
    assert_eq!(log, [""; 0]);
}

#[tokio::test]
async fn without_an_endpoint_nothing_is_sent() {
    let receiver = Receiver::start().await;
    let emulator = sending_to(&receiver).env("OTEL_SDK_DISABLED", "true").start().await.unwrap();
    for _ in 0..2 {
        call("echo", json!({})).send_to(&emulator).await.bytes().await;
    }
    assert_eq!(receiver.requests().len(), 0);
}
