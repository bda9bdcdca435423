//! 2026-07-28: one answer or a stream of the request's own, progress, log messages, and clients that leave.
//! <https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#receiving-messages>
//! (read 2026-11-20).

use std::time::Duration;

use mcp_lambda_server::{Delivery, Ingress, time::Deadline};
use serde_json::{Value, json};
use test_support::{
    McpRequest, Reply, call, environment, environments_with, refused, result, sse, stateless, text,
};

fn with_progress(post: McpRequest, token: Value) -> McpRequest {
    post.meta("progressToken", token)
}

fn progress(steps: usize) -> McpRequest {
    with_progress(call("progress", json!({ "steps": steps })), json!("token"))
}

fn buffered() -> Ingress {
    let front = Ingress::local(Deadline::after(Duration::from_secs(30)));
    Ingress { delivery: Delivery::Buffered, ..front }
}

fn methods(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(|message| message["method"].as_str().unwrap_or("response")).collect()
}

#[tokio::test(start_paused = true)]
async fn a_result_alone_is_json() {
    let reply = call("echo", json!({ "message": "hi" })).send(environment().at(0)).await;
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(text(reply).await, "hi");
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_with_the_response_and_asks_proxies_not_to_buffer() {
    let world = environment();
    world.allow(2);
    let mut reply = progress(1).send(world.at(0)).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("content-type"), Some("text/event-stream"));
    assert_eq!(reply.header("x-accel-buffering"), Some("no"));
    assert_eq!(reply.header("cache-control"), Some("no-cache, no-transform"));
    assert_eq!(reply.message().await["method"], "notifications/progress");
    assert_eq!(reply.message().await["result"]["resultType"], "complete");
    assert_eq!(reply.event().await, None, "nothing comes after the response");
}

/// Streaming is real: the tool is not even allowed to send the second event when the first has arrived.
#[tokio::test(start_paused = true)]
async fn the_first_progress_event_arrives_before_the_second_is_sent() {
    let world = environment();
    world.allow(1);
    let mut reply = progress(2).send(world.at(0)).await;
    assert_eq!(reply.message().await["params"]["progress"], 1.0);
    assert!(reply.is_waiting(), "the second step was not allowed");
    world.allow(1);
    assert_eq!(reply.message().await["params"]["progress"], 2.0);
    assert!(reply.is_waiting(), "the answer was not allowed");
    world.allow(1);
    assert_eq!(reply.message().await["id"], 1);
}

#[tokio::test(start_paused = true)]
async fn a_handler_cannot_send_requests_to_the_client() {
    let world = environment();
    for what in ["roots", "sampling", "elicitation"] {
        let capabilities = json!({ "roots": {}, "sampling": {}, "elicitation": {} });
        let params = json!({ "name": "ask", "arguments": { "what": what } });
        let post = test_support::stateless_with(json!(1), "tools/call", params, capabilities);
        let messages = post.send(world.at(0)).await.messages().await;
        assert_eq!(methods(&messages), ["response"], "{what}");
        let text = messages[0]["result"]["content"][0]["text"].as_str().unwrap_or_default();
        assert!(text.starts_with("refused"), "{what}: {}", messages[0]);
    }
}

#[tokio::test(start_paused = true)]
async fn streams_have_no_ids_no_retry_and_no_priming() {
    let world = environment();
    world.allow(3);
    let post = progress(2).header("last-event-id", "log.0.0").header("mcp-session-id", &"0".repeat(32));
    let mut reply = post.send(world.at(0)).await;
    assert_eq!(reply.header("mcp-session-id"), None);
    while let Some(event) = reply.event().await {
        assert_eq!((&event.id, &event.retry), (&None, &None), "{event:?}");
        assert!(event.data.is_some_and(|data| !data.is_empty()));
    }
}

/// After the stream has opened.
#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_its_stream_cancels_the_request() {
    let world = environment();
    let mut reply = call("slow", json!({})).send(world.at(0)).await;
    assert!(reply.event().await.expect("a keep-alive, because there is no message").is_comment());
    assert_eq!(world.report().await, "started");
    drop(reply);
    assert_eq!(world.report().await, "dropped");
}

/// Before the first byte: the HTTP server drops the future that answers.
#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_before_an_answer_cancels_the_request() {
    let world = environment();
    {
        let answer = call("slow", json!({})).send(world.at(0));
        tokio::pin!(answer);
        tokio::select! {
            biased;
            _ = &mut answer => panic!("the tool answered without a step of the test"),
            report = world.report() => assert_eq!(report, "started"),
        }
    }
    assert_eq!(world.report().await, "dropped");
}

/// A task that the handler has spawned learns of it from the token.
#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_cancels_the_token_of_the_request() {
    let world = environment();
    let reply = call("slow_elsewhere", json!({})).send(world.at(0)).await;
    assert_eq!(world.report().await, "started");
    drop(reply);
    assert_eq!(world.report().await, "token cancelled");
}

/// A request that runs out of time gets an error that names the time limit, and its handler may clean up.
#[tokio::test(start_paused = true)]
async fn a_request_that_runs_out_of_time_is_an_internal_error() {
    let world = environment();
    let front = Ingress::local(Deadline::after(Duration::from_secs(5)));
    let reply = call("slow", json!({})).through(front).send(world.at(0)).await;
    let (status, code, body) = refused(reply).await;
    assert_eq!((status, code), (200, -32603));
    assert!(body["error"]["message"].as_str().is_some_and(|text| text.contains("5 s")), "{body}");
    assert_eq!(world.report().await, "started");
    assert_eq!(world.report().await, "cancelled");
}

/// A stream without messages sends comments.
#[tokio::test(start_paused = true)]
async fn a_quiet_request_keeps_its_connection_alive_with_comments() {
    let world = environment();
    let began = tokio::time::Instant::now();
    let mut reply = call("slow", json!({})).send(world.at(0)).await;
    for _ in 0..3 {
        assert!(reply.event().await.expect("a comment").is_comment());
    }
    assert_eq!(began.elapsed(), Duration::from_secs(36), "every 12 s");
    world.allow(1);
    assert_eq!(reply.message().await["result"]["content"][0]["text"], "done");
}

const LEVELS: [&str; 8] = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"];

fn with_level(post: McpRequest, level: Value) -> McpRequest {
    post.meta("io.modelcontextprotocol/logLevel", level)
}

#[tokio::test(start_paused = true)]
async fn without_a_level_there_are_no_log_messages() {
    let messages = call("log_all", json!({})).send(environment().at(0)).await.messages().await;
    assert_eq!(methods(&messages), ["response"]);
}

#[tokio::test(start_paused = true)]
async fn a_request_gets_log_messages_of_its_level_and_worse() {
    let world = environment();
    for (at, level) in LEVELS.iter().enumerate() {
        let reply = with_level(call("log_all", json!({})), json!(level)).send(world.at(0)).await;
        let messages = reply.messages().await;
        let (last, logs) = messages.split_last().expect("a response");
        let heard: Vec<_> =
            logs.iter().map(|log| log["params"]["level"].as_str().unwrap_or_default()).collect();
        assert_eq!(heard, LEVELS[at..], "{level}");
        assert!(logs.iter().all(|log| log["method"] == "notifications/message"));
        assert_eq!(last["id"], 1);
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_level_is_invalid_params() {
    let world = environment();
    for level in [json!("loud"), json!("INFO"), json!(3), json!(["info"])] {
        let post = with_level(call("echo", json!({})), level.clone());
        let (status, code, _) = refused(post.send(world.at(0)).await).await;
        assert_eq!((status, code), (200, -32602), "{level}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_token_there_is_no_progress() {
    let messages = call("stubborn_progress", json!({})).send(environment().at(0)).await.messages().await;
    assert_eq!(methods(&messages), ["response"]);
}

#[tokio::test(start_paused = true)]
async fn progress_carries_the_token_as_it_came_and_only_grows() {
    let world = environment();
    for token in [json!("token"), json!(7)] {
        let reply =
            with_progress(call("stubborn_progress", json!({})), token.clone()).send(world.at(0)).await;
        let messages = reply.messages().await;
        assert_eq!(methods(&messages), ["notifications/progress", "notifications/progress", "response"]);
        let values: Vec<_> =
            messages[..2].iter().map(|message| message["params"]["progress"].as_f64()).collect();
        assert_eq!(values, [Some(1.0), Some(2.0)]);
        assert!(messages[..2].iter().all(|message| message["params"]["progressToken"] == token));
    }
}

/// A client that reads no streams still gets the answer.
#[tokio::test(start_paused = true)]
async fn a_client_that_accepts_only_json_gets_the_response_alone() {
    let world = environment();
    world.allow(4);
    let reply = progress(3).header("accept", "application/json").send(world.at(0)).await;
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(text(reply).await, "done");
}

/// And one that reads nothing else gets a stream.
#[tokio::test(start_paused = true)]
async fn a_client_that_accepts_only_streams_gets_a_stream() {
    let mut reply = call("echo", json!({ "message": "hi" }))
        .header("accept", "text/event-stream")
        .send(environment().at(0))
        .await;
    assert!(reply.is_stream());
    assert_eq!(reply.message().await["result"]["content"][0]["text"], "hi");
    assert_eq!(reply.event().await, None);
}

async fn whole(reply: Reply) -> Vec<test_support::SseEvent> {
    assert!(reply.is_stream());
    sse::parse(&reply.bytes().await)
}

/// An ingress that cannot stream gets the same events as one text.
#[tokio::test(start_paused = true)]
async fn a_buffered_ingress_gets_the_whole_stream_at_once() {
    let world = environment();
    world.allow(3);
    let events = whole(progress(2).through(buffered()).send(world.at(0)).await).await;
    let messages: Vec<_> = events.iter().map(test_support::SseEvent::json).collect();
    assert_eq!(methods(&messages), ["notifications/progress", "notifications/progress", "response"]);
}

/// A buffered ingress passes on no keep-alives, so a late result alone is plain JSON.
#[tokio::test(start_paused = true)]
async fn a_buffered_ingress_gets_no_keep_alives() {
    let world = environment();
    let answer = call("slow", json!({})).through(buffered()).send(world.at(0));
    let allow = async {
        tokio::time::sleep(Duration::from_secs(25)).await;
        world.allow(1);
    };
    let (reply, ()) = tokio::join!(answer, allow);
    assert_eq!(text(reply).await, "done");
}

/// The limit of an answer counts all its messages; the error that names the limit takes its place.
#[tokio::test(start_paused = true)]
async fn an_answer_over_the_limit_is_an_error_instead() {
    let world = environments_with(1, |config| config.max_response = 2048);
    let (status, code, body) = refused(call("big", json!({ "bytes": 2048 })).send(world.at(0)).await).await;
    assert_eq!((status, code), (200, -32603));
    assert!(body.to_string().contains("MAX_RESPONSE_SIZE_MB"), "{body}");
    assert_eq!(text(call("big", json!({ "bytes": 1024 })).send(world.at(0)).await).await.len(), 1024);
}

/// The same on a stream, and the last message of a buffered one is never what is cut off.
#[tokio::test(start_paused = true)]
async fn a_stream_over_the_limit_ends_with_an_error_in_every_delivery() {
    for limit in (300..1300).step_by(50) {
        let world = environments_with(1, |config| config.max_response = limit);
        world.allow(11);
        for post in [progress(10), progress(10).through(buffered())] {
            world.allow(11);
            let reply = post.send(world.at(0)).await;
            let last = reply.messages().await.pop().expect("a message");
            assert_eq!(last["id"], 1, "limit {limit}: {last}");
            world.stage.gate.forget_permits(100);
        }
    }
}

/// In 2026-07-28 only closing the connection cancels.
#[tokio::test(start_paused = true)]
async fn a_cancelled_notification_cancels_nothing() {
    let world = environment();
    let answer = call("slow", json!({})).send(world.at(0));
    let cancel = async {
        assert_eq!(world.report().await, "started");
        let post = stateless("notifications/cancelled", json!({ "requestId": 1 }))
            .edit(|body| drop(body.as_object_mut().unwrap().remove("id")));
        assert_eq!(post.send(world.at(0)).await.status, 202);
        world.allow(1);
    };
    let (reply, ()) = tokio::join!(answer, cancel);
    assert_eq!(result(reply).await["content"][0]["text"], "done");
}
