//! The trace of a call goes on from the span of the server: to its tool, and to what the tool calls.

use std::time::Duration;

use mcp_lambda_server::{
    Config, McpContext, McpLambdaServer,
    otel::{
        OtlpEndpoint,
        opentelemetry::{Context, trace::TraceContextExt},
    },
    rmcp::{
        ErrorData, RoleServer, ServerHandler,
        model::{
            CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ServerCapabilities,
            ServerConfig,
        },
        service::RequestContext,
    },
    tasks::TaskSupport,
};
use serde_json::{Value, json};
use test_support::{McpRequest, built, call, otlp::Receiver, result, stateless_with, text};

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// Returns the trace that it finds in its context, and the span that OpenTelemetry has for its code.
#[derive(Clone)]
struct Tracer;

impl ServerHandler for Tracer {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn call_tool(
        &self,
        _: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        // The span of the call is entered again with each poll.
        tokio::task::yield_now().await;
        let span = Context::current().span().span_context().span_id().to_string();
        let trace = context.trace_context();
        let fields = trace
            .map(|trace| trace.fields().map(|(name, value)| (name, value.to_owned())).collect::<Vec<_>>());
        let found = json!({ "span": span, "trace": fields }).to_string();
        Ok(CallToolResult::success(vec![ContentBlock::text(found)]).into())
    }
}

/// What a tool finds, and the receiver of the span of its call.
async fn found(request: McpRequest, configure: impl Fn(&mut Config, &Receiver)) -> (Value, Receiver) {
    let receiver = Receiver::start().await;
    let mut config = Config::default();
    configure(&mut config, &receiver);
    let server = built(McpLambdaServer::builder(Tracer).config(config)).expect("a usable configuration");
    let found = text(request.send(&server).await).await;
    server.flush_spans(Duration::from_secs(5)).await;
    (serde_json::from_str(&found).expect("JSON"), receiver)
}

fn with_traces(config: &mut Config, receiver: &Receiver) {
    config.otel.traces = Some(OtlpEndpoint::new(format!("{}/v1/traces", receiver.url)));
}

#[tokio::test]
async fn a_tool_passes_on_the_span_of_its_call_with_the_state_and_the_baggage_of_the_client() {
    let request = call("any", json!({})).edit(|body| {
        body["params"]["_meta"]["traceparent"] = json!(PARENT);
        body["params"]["_meta"]["tracestate"] = json!("rojo=1");
        body["params"]["_meta"]["baggage"] = json!("userId=alice");
    });
    let (found, receiver) = found(request, with_traces).await;
    let span = &receiver.spans()[0];
    assert_eq!(found["span"], span.span_id);
    let parent = format!("00-0af7651916cd43dd8448eb211c80319c-{}-01", span.span_id);
    assert_eq!(
        found["trace"],
        json!([["traceparent", parent], ["tracestate", "rojo=1"], ["baggage", "userId=alice"]])
    );
}

#[tokio::test]
async fn a_call_without_a_trace_begins_one() {
    let (found, receiver) = found(call("any", json!({})), with_traces).await;
    let span = &receiver.spans()[0];
    let parent = format!("00-{}-{}-01", span.trace_id, span.span_id);
    assert_eq!(found, json!({ "span": span.span_id, "trace": [["traceparent", parent]] }));
}

/// A span that is sent nowhere would be a gap in the trace of the client.
#[tokio::test]
async fn without_spans_a_tool_passes_on_the_trace_of_its_client() {
    let request =
        || call("any", json!({})).edit(|body| body["params"]["_meta"]["traceparent"] = json!(PARENT));
    let only_metrics = |config: &mut Config, receiver: &Receiver| {
        config.otel.metrics = Some(OtlpEndpoint::new(format!("{}/v1/metrics", receiver.url)));
    };
    let (with_metrics, receiver) = found(request(), only_metrics).await;
    assert_eq!((receiver.spans().len(), receiver.points().len()), (0, 1));
    let (without_any, _) = found(request(), |_, _| {}).await;
    for found in [with_metrics, without_any] {
        assert_eq!(found["trace"], json!([["traceparent", PARENT]]));
    }
}

/// What a task of the tool finds. Its client names the trace in the headers of its request.
async fn found_in_a_task(configure: impl Fn(&mut Config, &Receiver)) -> (Value, Receiver) {
    let receiver = Receiver::start().await;
    let mut config = Config::default();
    configure(&mut config, &receiver);
    let builder = McpLambdaServer::builder(Tracer).config(config).task_tool("any", TaskSupport::Optional);
    let server = built(builder).expect("a usable configuration");
    let declares = json!({ "extensions": { "io.modelcontextprotocol/tasks": {} } });
    let ask = |method: &str, params: Value| stateless_with(json!(1), method, params, declares.clone());
    let created = ask("tools/call", json!({ "name": "any", "arguments": {} })).header("traceparent", PARENT);
    let id = result(created.send(&server).await).await["taskId"].as_str().expect("a task").to_owned();
    let ended = tokio::time::timeout(Duration::from_secs(10), async {
        loop {
            let get = ask("tasks/get", json!({ "taskId": id })).header("mcp-name", &id);
            let task = result(get.send(&server).await).await;
            if task["status"] != "working" {
                return task;
            }
            tokio::task::yield_now().await;
        }
    });
    let ended = ended.await.expect("the task ends");
    server.flush_spans(Duration::from_secs(5)).await;
    let text = ended["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{ended}")).to_owned();
    (serde_json::from_str(&text).expect("JSON"), receiver)
}

/// The worker of a task has no request: the trace is stored with the call.
#[tokio::test]
async fn a_task_passes_on_the_trace_of_its_client_or_the_span_of_its_attempt() {
    let (found, _) = found_in_a_task(|_, _| {}).await;
    assert_eq!(found["trace"], json!([["traceparent", PARENT]]));
    let (found, receiver) = found_in_a_task(with_traces).await;
    let spans = receiver.spans();
    let attempt = spans.iter().find(|span| span.kind == "CONSUMER").unwrap_or_else(|| panic!("{spans:#?}"));
    let parent = format!("00-{}-{}-01", attempt.trace_id, attempt.span_id);
    assert_eq!(found, json!({ "span": attempt.span_id, "trace": [["traceparent", parent]] }));
}
