//! Spans and durations of calls, as a receiver of OpenTelemetry gets them.

use std::{collections::BTreeSet, time::Duration};

use mcp_lambda_server::{Builder, Config, otel::OtlpEndpoint, tasks::TaskSupport};
use serde_json::json;
use test_support::{
    Fixture, McpRequest, World, call,
    environments::world as world_with,
    environments_with,
    otlp::{Answer, ReceivedSpan, Receiver},
    request::initialize_request,
    session::{Client, NEWEST},
    stateless, stateless_with,
};
use tokio::time::Instant;

const BUDGET: Duration = Duration::from_secs(5);
const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const OF_HTTP: &str = "00-11111111111111111111111111111111-2222222222222222-01";

fn send_to(config: &mut Config, receiver: &Receiver) {
    config.otel.traces = Some(OtlpEndpoint::new(format!("{}/v1/traces", receiver.url)));
    config.otel.metrics = Some(OtlpEndpoint::new(format!("{}/v1/metrics", receiver.url)));
}

async fn world(receiver: &Receiver) -> World {
    environments_with(1, |config| send_to(config, receiver))
}

/// Sends requests to a server, and returns the spans of them.
async fn spans_of(requests: impl IntoIterator<Item = McpRequest>) -> (Receiver, Vec<ReceivedSpan>) {
    let receiver = Receiver::start().await;
    let world = world(&receiver).await;
    for request in requests {
        request.send(world.at(0)).await.bytes().await;
    }
    world.at(0).flush_spans(BUDGET).await;
    let spans = receiver.spans();
    (receiver, spans)
}

fn has(span: &ReceivedSpan, attributes: &[(&str, &str)]) {
    for (name, value) in attributes {
        assert_eq!(span.attributes.get(*name).map(String::as_str), Some(*value), "{name} of {span:#?}");
    }
}

/// <https://github.com/open-telemetry/semantic-conventions-genai/blob/main/docs/gen-ai/mcp.md#server> (read 2026-11-27)
#[tokio::test]
async fn a_call_is_a_span_of_the_conventions_for_mcp() {
    let (_receiver, spans) = spans_of([call("echo", json!({ "message": "hi" }))]).await;
    let [span] = &spans[..] else { panic!("{spans:#?}") };
    assert_eq!((span.name.as_str(), span.kind.as_str()), ("tools/call echo", "SERVER"));
    has(
        span,
        &[
            ("mcp.method.name", "tools/call"),
            ("gen_ai.tool.name", "echo"),
            ("gen_ai.operation.name", "execute_tool"),
            ("jsonrpc.request.id", "1"),
            ("mcp.protocol.version", "2026-07-28"),
            ("network.transport", "tcp"),
            ("network.protocol.name", "http"),
        ],
    );
    assert!(!span.is_error && !span.attributes.contains_key("error.type"), "{span:#?}");
    assert!(span.parent_id.is_empty() && span.links.is_empty(), "{span:#?}");
    assert_eq!(span.resource["telemetry.sdk.language"], "rust");
    assert!(!span.resource["service.name"].is_empty(), "{span:#?}");
}

/// <https://github.com/open-telemetry/semantic-conventions-genai/blob/main/docs/gen-ai/mcp.md#context-propagation> (read
/// 2026-11-27)
#[tokio::test]
async fn the_parent_is_the_trace_of_the_call_and_that_of_its_http_request_a_link() {
    let in_meta =
        |request: McpRequest| request.edit(|body| body["params"]["_meta"]["traceparent"] = json!(PARENT));
    let in_headers = |request: McpRequest| request.header("traceparent", OF_HTTP);
    let one = || call("echo", json!({ "message": "hi" }));
    let (_receiver, spans) =
        spans_of([in_meta(in_headers(one())), in_headers(one()), in_meta(stateless("ping", json!({})))])
            .await;
    let traces: Vec<_> = spans.iter().map(|span| (span.trace_id.as_str(), span.parent_id.as_str())).collect();
    let client = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
    let http = ("1".repeat(32), "2".repeat(16));
    assert_eq!(traces, [client, (http.0.as_str(), http.1.as_str()), client]);
    assert_eq!(spans[0].links, [http]);
    assert!(spans[1].links.is_empty() && spans[2].links.is_empty(), "{spans:#?}");
}

#[tokio::test]
async fn a_trace_that_its_client_does_not_record_is_not_sent() {
    let parent = PARENT.replace("-01", "-00");
    let unrecorded =
        call("echo", json!({})).edit(|body| body["params"]["_meta"]["traceparent"] = json!(parent));
    let (receiver, spans) = spans_of([unrecorded]).await;
    assert_eq!(spans.len(), 0);
    assert_eq!(
        receiver.points().iter().map(|point| point.count).sum::<u64>(),
        1,
        "it is measured all the same"
    );
}

#[tokio::test]
async fn an_error_is_one_by_its_code_or_by_the_result_of_the_tool() {
    let (receiver, spans) = spans_of([
        call("fail", json!({})),
        call("error", json!({})),
        call("none", json!({})),
        stateless("no/such", json!({})),
        call("echo", json!({ "message": "fine" })),
    ])
    .await;
    let errors: Vec<_> = spans
        .iter()
        .map(|span| (span.name.as_str(), span.attributes.get("error.type").map(String::as_str)))
        .collect();
    let [failed, errored, ..] = &errors[..] else { panic!("{errors:?}") };
    assert_eq!(*failed, ("tools/call fail", Some("tool_error")));
    assert!(
        errored.0 == "tools/call error" && errored.1.is_some_and(|code| code.starts_with('-')),
        "{errored:?}"
    );
    // A name that a client invents is in no name of a span.
    assert_eq!(
        errors[2..],
        [("tools/call", Some("-32602")), ("_OTHER", Some("-32601")), ("tools/call echo", None)]
    );
    assert_eq!(spans[2].attributes["gen_ai.tool.name"], "none");
    for span in &spans {
        let code = span.attributes.get("rpc.response.status_code");
        assert_eq!(span.is_error, span.attributes.contains_key("error.type"), "{span:#?}");
        assert!(code.is_none() || code == span.attributes.get("error.type"), "{span:#?}");
    }
    let kinds: BTreeSet<_> = receiver
        .points()
        .into_iter()
        .filter_map(|point| point.attributes.get("error.type").cloned())
        .collect();
    assert!(kinds.is_superset(&["tool_error", "-32602", "-32601"].map(str::to_owned).into()), "{kinds:?}");
}

#[tokio::test]
async fn a_session_has_spans_of_its_handshake_its_calls_and_its_notifications_and_a_hash_of_its_id() {
    let receiver = Receiver::start().await;
    let world = world(&receiver).await;
    let opened = initialize_request(NEWEST, json!({})).send(world.at(0)).await;
    let id = opened.header("mcp-session-id").expect("a session").to_owned();
    opened.bytes().await;
    let client = Client { id: id.clone(), version: NEWEST, principal: None };
    for request in [
        client.notification("notifications/initialized", json!({})),
        client.notification("notifications/invented", json!({})),
        client.call(7, "echo", json!({ "message": "hi" })),
        client.post(&json!({ "jsonrpc": "2.0", "id": "a", "method": "ping" })),
        client.end(),
    ] {
        request.send(world.at(0)).await.bytes().await;
    }
    world.at(0).flush_spans(BUDGET).await;
    let spans = receiver.spans();
    let names: Vec<_> = spans.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names, ["initialize", "notifications/initialized", "_OTHER", "tools/call echo", "ping"]);
    let ids: Vec<_> =
        spans.iter().map(|span| span.attributes.get("jsonrpc.request.id").map(String::as_str)).collect();
    assert!(ids[0].is_some() && ids[1..3] == [None, None] && ids[3..] == [Some("7"), Some("a")], "{ids:?}");
    has(&spans[3], &[("mcp.protocol.version", NEWEST)]);
    let session = &spans[3].attributes["mcp.session.id"];
    assert!(session.len() == 16 && spans[4].attributes["mcp.session.id"] == *session, "{spans:#?}");
    assert!(!format!("{spans:?}").contains(&id), "the id itself is a secret");
}

/// The client of a task has its response before the task runs: the attempt is a trace of its own, with a link.
#[tokio::test]
async fn an_attempt_of_a_task_is_a_span_that_links_to_the_call_that_created_it() {
    let receiver = Receiver::start().await;
    let build = |builder: Builder<Fixture>| {
        builder.task_tool("echo", TaskSupport::Optional).task_tool("error", TaskSupport::Optional)
    };
    let world = world_with(1, |config| send_to(config, &receiver), build);
    let declares = json!({ "extensions": { "io.modelcontextprotocol/tasks": {} } });
    for tool in ["echo", "error"] {
        let params = json!({ "name": tool, "arguments": {}, "_meta": { "traceparent": PARENT } });
        stateless_with(json!(1), "tools/call", params, declares.clone())
            .send(world.at(0))
            .await
            .bytes()
            .await;
    }
    let attempts = || receiver.spans().into_iter().filter(|span| span.kind == "CONSUMER");
    let both = tokio::time::timeout(Duration::from_secs(10), async {
        while attempts().count() < 2 {
            tokio::task::yield_now().await;
            world.at(0).flush_spans(BUDGET).await;
        }
    });
    both.await.expect("both attempts end");
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let created: Vec<_> = receiver.spans().into_iter().filter(|span| span.kind == "SERVER").collect();
    assert_eq!(created.iter().filter(|span| span.trace_id == trace).count(), 2);
    for (name, is_error) in [("tools/call echo", false), ("tools/call error", true)] {
        let attempt =
            attempts().find(|span| span.name == name).unwrap_or_else(|| panic!("{:#?}", receiver.spans()));
        let call = created.iter().find(|span| span.name == name).expect("a call");
        let link = (call.trace_id.clone(), call.span_id.clone());
        assert_eq!((attempt.parent_id.as_str(), &attempt.links), ("", &vec![link]));
        has(&attempt, &[("mcp_lambda_server.task.attempt", "1"), ("gen_ai.operation.name", "execute_tool")]);
        assert_eq!(attempt.is_error, is_error, "{attempt:#?}");
        assert!(!attempt.attributes["mcp_lambda_server.task.id"].is_empty());
        assert!(!attempt.attributes.contains_key("network.transport"), "{attempt:#?}");
    }
    let measured: u64 = receiver.points().iter().map(|point| point.count).max().unwrap_or(0);
    assert!(
        measured >= 1 && receiver.points().iter().all(|point| !point.attributes.contains_key("error.type"))
    );
}

/// <https://github.com/open-telemetry/semantic-conventions-genai/blob/main/docs/gen-ai/mcp.md#metric-mcpserveroperationduration>
/// (read 2026-11-27)
#[tokio::test]
async fn the_duration_of_a_call_has_the_buckets_of_the_conventions_and_no_names_of_clients() {
    let invented = (0..5).map(|at| call(&format!("invented {at}"), json!({})));
    let (receiver, _) = spans_of(invented.chain([call("echo", json!({})), call("echo", json!({}))])).await;
    let points = receiver.points();
    let of_tool = |tool: &str| {
        let mut of_tool = points.iter().filter(|point| point.attributes["gen_ai.tool.name"] == tool);
        let point = of_tool.next().unwrap_or_else(|| panic!("{tool} in {points:#?}"));
        assert!(of_tool.next().is_none(), "{points:#?}");
        point
    };
    let (echo, other) = (of_tool("echo"), of_tool("_OTHER"));
    assert_eq!((echo.count, other.count, points.len()), (2, 5, 2));
    assert_eq!((echo.metric.as_str(), echo.unit.as_str()), ("mcp.server.operation.duration", "s"));
    assert_eq!(echo.bounds, [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0]);
    assert_eq!(echo.attributes["mcp.method.name"], "tools/call");
    assert!(!echo.is_delta, "series of a process that is not frozen are cumulative");
}

/// What a client sends and a tool returns may be secret.
#[tokio::test]
async fn nothing_of_arguments_results_and_tokens_is_sent() {
    const SECRET: &str = "planted-secret";
    let secret = json!({ "message": SECRET, "password": SECRET });
    let tools = ["echo", "fail", "error", "panic", "log", "count", "who"];
    let calls = tools.map(|tool| {
        call(tool, secret.clone())
            .header("authorization", &format!("Bearer {SECRET}"))
            .header("cookie", SECRET)
            .path(&format!("/mcp?access_token={SECRET}"))
            .edit(|body| body["params"]["_meta"]["token"] = json!(SECRET))
    });
    let read = stateless("resources/read", json!({ "uri": format!("test://one?key={SECRET}") }));
    let batch = stateless_with(json!(2), "tools/list", json!({ "secret": SECRET }), json!({}));
    let (receiver, spans) = spans_of(calls.into_iter().chain([read, batch])).await;
    assert_eq!(spans.len(), tools.len() + 2);
    let sent = format!("{spans:?} {:?} {:?}", receiver.points(), receiver.requests());
    assert!(!sent.contains(SECRET), "{sent}");
}

/// A text of a client is bounded.
#[tokio::test]
async fn a_client_cannot_fill_a_span() {
    let long = "x".repeat(10_000);
    let (_receiver, spans) =
        spans_of([stateless_with(json!(long), "tools/call", json!({ "name": long }), json!({}))]).await;
    let longest = spans.iter().flat_map(|span| span.attributes.values()).map(String::len).max();
    assert!(spans.len() == 1 && longest <= Some(300), "{longest:?}");
}

/// The time of a request to a receiver that hangs is bounded, and the next requests do not pay it again.
#[tokio::test]
async fn a_receiver_that_never_answers_costs_its_time_once_and_loses_no_later_spans() {
    let receiver = Receiver::start().await;
    let world = world(&receiver).await;
    receiver.answer(Answer::None);
    let budget = Duration::from_millis(200);
    let mut took = Vec::new();
    for _ in 0..3 {
        call("echo", json!({})).send(world.at(0)).await.bytes().await;
        let begin = Instant::now();
        world.at(0).flush_spans(budget).await;
        took.push(begin.elapsed());
    }
    assert!(took[0] >= budget && took[0] < budget * 5, "{took:?}");
    assert!(took[1..].iter().all(|took| *took < budget / 4), "{took:?}");
    receiver.answer(Answer::Taken);
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(31)).await;
    tokio::time::resume();
    world.at(0).flush_spans(BUDGET).await;
    assert_eq!(receiver.spans().len(), 2, "those that ended after the first try");
}

#[tokio::test]
async fn a_receiver_that_refuses_or_is_not_there_disturbs_no_request() {
    let receiver = Receiver::start().await;
    receiver.answer(Answer::Refused(503));
    let refused = world(&receiver).await;
    let nowhere = environments_with(1, |config| {
        config.otel.traces = Some(OtlpEndpoint::new("http://127.0.0.1:1/v1/traces"));
    });
    for world in [refused, nowhere] {
        for _ in 0..2 {
            assert_eq!(
                call("echo", json!({ "message": "hi" })).send(world.at(0)).await.tool_text().await,
                "hi"
            );
            world.at(0).flush_spans(BUDGET).await;
        }
    }
    assert_eq!(receiver.requests().len(), 1, "the second try waits");
}

/// More spans than are sent are not kept for ever.
#[tokio::test]
async fn spans_wait_up_to_a_limit_and_the_oldest_go_first() {
    let receiver = Receiver::start().await;
    let world = world(&receiver).await;
    for at in 0..2_100 {
        stateless_with(json!(at), "ping", json!({}), json!({})).send(world.at(0)).await.bytes().await;
    }
    world.at(0).flush_spans(BUDGET).await;
    let spans = receiver.spans();
    assert_eq!(spans.len(), 2_048);
    assert_eq!(spans[0].attributes["jsonrpc.request.id"], "52");
    let of_spans = receiver.requests().iter().filter(|(path, _)| path == "/v1/traces").count();
    assert_eq!(of_spans, 4, "512 in a request");
}

#[tokio::test]
async fn headers_and_attributes_of_the_deployment_are_sent() {
    let receiver = Receiver::start().await;
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url.as_str()),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=a%20b"),
        ("OTEL_SERVICE_NAME", "notes"),
        ("OTEL_RESOURCE_ATTRIBUTES", "service.name=other,deployment.environment.name=test"),
    ];
    let config = Config::from_lookup(|name| {
        variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    });
    let config = config.expect("valid");
    let world = environments_with(1, |given| given.otel = config.otel.clone());
    call("echo", json!({})).send(world.at(0)).await.bytes().await;
    world.at(0).flush_spans(BUDGET).await;
    let span = &receiver.spans()[0];
    assert_eq!(
        (span.resource["service.name"].as_str(), span.resource["deployment.environment.name"].as_str()),
        ("notes", "test")
    );
    let requests = receiver.requests();
    assert_eq!(requests.len(), 2);
    assert!(requests.iter().all(|(_, headers)| headers["x-tenant"] == "a b"), "{requests:?}");
    assert!(
        requests.iter().all(|(_, headers)| headers["content-type"] == "application/x-protobuf"),
        "{requests:?}"
    );
}

/// A local server sends by itself, and what is left when it ends.
#[tokio::test]
async fn a_server_that_is_stopped_sends_its_last_spans() {
    let receiver = Receiver::start().await;
    let world = world(&receiver).await;
    let bound = world.at(0).clone().bind("127.0.0.1:0".parse().expect("an address")).await.expect("a port");
    let mut running = tokio::task::JoinSet::new();
    running.spawn(bound.serve());
    call("echo", json!({})).send(world.at(0)).await.bytes().await;
    world.at(0).stop();
    running.join_next().await.expect("it runs").expect("no panic");
    assert_eq!(receiver.spans().len(), 1);
}
