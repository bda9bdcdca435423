//! The tools of the fixture. Each does one thing that the runtime has rules about.
#![allow(deprecated, reason = "logging, sampling and roots are tested until they are gone")]

use mcp_lambda_server::{
    Event, Events, Handles, Principal, ReplyStream, Session, Tools,
    rmcp::{
        ErrorData, RoleServer,
        model::{
            CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock,
            CreateMessageRequestParams, ElicitRequest, ElicitRequestParams, ElicitResult, ElicitationAction,
            ElicitationSchema, ErrorCode, InputRequest, InputRequiredResult, InputResponses, JsonObject,
            LoggingLevel, LoggingMessageNotificationParam, ProgressNotificationParam,
            ResourceUpdatedNotificationParam, SamplingMessage, Tool,
        },
        service::RequestContext,
    },
};
use serde_json::{Value, json};

use super::{fixture::Stage, rude};

type Context = RequestContext<RoleServer>;

/// Names and input schemas, in the order of `tools/list`.
pub(crate) fn all() -> Vec<Tool> {
    let names = [
        "echo",
        "progress",
        "stubborn_progress",
        "log",
        "log_all",
        "panic",
        "ask",
        "asks_input",
        "sheds_load",
        "needs_sampling",
        "slow",
        "slow_elsewhere",
        "change",
        "count",
        "fail",
        "error",
        "big",
        "who",
        "disconnect",
        "switch",
    ];
    let plain = |name| tool(name, json!({ "type": "object" }));
    names.into_iter().chain(rude::NAMES).map(plain).chain([tool("mirrored", mirrored())]).collect()
}

fn tool(name: &'static str, schema: Value) -> Tool {
    let Value::Object(schema) = schema else { unreachable!("a schema is an object") };
    Tool::new(name, "A tool of the fixture", schema)
}

/// Arguments that clients repeat in `Mcp-Param-*` headers.
fn mirrored() -> Value {
    json!({
        "type": "object",
        "properties": {
            "region": { "type": "string", "x-mcp-header": "Region" },
            "limit": { "type": "integer", "x-mcp-header": "Limit" },
            "verbose": { "type": "boolean", "x-mcp-header": "Verbose" },
            "place": { "type": "object", "properties": { "zone": { "type": "string", "x-mcp-header": "Zone" } } },
        },
    })
}

/// Runs a tool.
pub(crate) async fn call(
    stage: &Stage,
    request: &CallToolRequestParams,
    context: &Context,
) -> Result<CallToolResponse, ErrorData> {
    let nothing = JsonObject::new();
    let arguments = request.arguments.as_ref().unwrap_or(&nothing);
    let text = match request.name.as_ref() {
        "echo" => string(arguments, "message"),
        "mirrored" => Value::Object(arguments.clone()).to_string(),
        "progress" => progress(stage, arguments, context).await,
        "stubborn_progress" => stubborn_progress(context).await,
        "log" => log(arguments, context).await,
        "log_all" => log_all(context).await,
        "panic" => panic!("as asked"),
        "ask" => ask(arguments, context).await?,
        "asks_input" => return asks_input(request, context),
        "sheds_load" => return Ok(sheds_load(request)),
        "needs_sampling" => return needs_sampling(context),
        "slow" => slow(stage, context).await,
        "slow_elsewhere" => slow_elsewhere(stage, context).await,
        "change" => change(arguments, context).await,
        "count" => count(arguments, context).await,
        "fail" => return Ok(CallToolResult::error(vec![ContentBlock::text("failed")]).into()),
        "error" => return Err(error(arguments)),
        "big" => "x".repeat(usize::try_from(number(arguments, "bytes")).expect("a length")),
        "who" => who(context),
        "disconnect" => disconnect(stage, context).await,
        "switch" => switch(arguments, context).await,
        rude if rude::NAMES.contains(&rude) => rude::call(stage, request, context).await,
        unknown => return Err(ErrorData::invalid_params(format!("no tool {unknown:?}"), None)),
    };
    Ok(CallToolResult::success(vec![ContentBlock::text(text)]).into())
}

fn string(arguments: &JsonObject, name: &str) -> String {
    arguments.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn number(arguments: &JsonObject, name: &str) -> u64 {
    arguments.get(name).and_then(Value::as_u64).unwrap_or_default()
}

/// `steps` reports, each after the test has allowed it; then one more step before the answer.
async fn progress(stage: &Stage, arguments: &JsonObject, context: &Context) -> String {
    let token = context.meta.get_progress_token();
    for step in 1..=u32::try_from(number(arguments, "steps")).expect("few steps") {
        stage.step().await;
        if let Some(token) = token.clone() {
            let progress = ProgressNotificationParam::new(token, f64::from(step));
            context.peer.notify_progress(progress).await.expect("heard");
        }
    }
    stage.step().await;
    "done".into()
}

/// Reports that break the rules among two that do not: 1, 1, 0.5, 2, and 3 with a token nobody gave.
async fn stubborn_progress(context: &Context) -> String {
    use mcp_lambda_server::rmcp::model::{NumberOrString, ProgressToken};
    let foreign = ProgressToken(NumberOrString::String("foreign".into()));
    let token = context.meta.get_progress_token().unwrap_or_else(|| foreign.clone());
    for (token, progress) in [(&token, 1.0), (&token, 1.0), (&token, 0.5), (&token, 2.0), (&foreign, 3.0)] {
        let progress = ProgressNotificationParam::new(token.clone(), progress);
        context.peer.notify_progress(progress).await.expect("heard");
    }
    "done".into()
}

const LEVELS: [LoggingLevel; 8] = [
    LoggingLevel::Debug,
    LoggingLevel::Info,
    LoggingLevel::Notice,
    LoggingLevel::Warning,
    LoggingLevel::Error,
    LoggingLevel::Critical,
    LoggingLevel::Alert,
    LoggingLevel::Emergency,
];

async fn log(arguments: &JsonObject, context: &Context) -> String {
    let level = serde_json::from_value(arguments["level"].clone()).expect("a level");
    let message = LoggingMessageNotificationParam::new(level, arguments["level"].clone());
    context.peer.notify_logging_message(message).await.expect("heard");
    "logged".into()
}

async fn log_all(context: &Context) -> String {
    for level in LEVELS {
        let message = LoggingMessageNotificationParam::new(level, json!("words"));
        context.peer.notify_logging_message(message).await.expect("heard");
    }
    "logged".into()
}

/// Asks the client while the call waits: `sampling`, `elicitation` or `roots`.
async fn ask(arguments: &JsonObject, context: &Context) -> Result<String, ErrorData> {
    let failed = |error: &dyn std::fmt::Display| format!("refused: {error}");
    Ok(match string(arguments, "what").as_str() {
        "sampling" => {
            let question = CreateMessageRequestParams::new(vec![SamplingMessage::user_text("why?")], 10);
            match context.peer.create_message(question).await {
                Ok(answer) => json!(answer.message.content).to_string(),
                Err(error) => failed(&error),
            }
        }
        "elicitation" => match context.peer.create_elicitation(form()).await {
            Ok(ElicitResult { action, content, .. }) => format!("{} {}", json!(action), json!(content)),
            Err(error) => failed(&error),
        },
        "roots" => match context.peer.list_roots().await {
            Ok(roots) => roots.roots.into_iter().map(|root| root.uri).collect::<Vec<_>>().join(","),
            Err(error) => failed(&error),
        },
        what => return Err(ErrorData::invalid_params(format!("cannot ask for {what:?}"), None)),
    })
}

fn form() -> ElicitRequestParams {
    let schema =
        json!({ "type": "object", "properties": { "name": { "type": "string" } }, "required": ["name"] });
    let Value::Object(schema) = schema else { unreachable!("a schema is an object") };
    ElicitRequestParams::FormElicitationParams {
        meta: None,
        message: "Your name?".into(),
        requested_schema: ElicitationSchema::from_json_schema(schema).expect("a form"),
    }
}

/// An input request for a name, remembered in a state that says who asks.
pub(crate) fn ask_name(state: &str) -> InputRequiredResult {
    let requests = [("name".to_owned(), InputRequest::Elicitation(ElicitRequest::new(form())))];
    InputRequiredResult::new(Some(requests.into()), Some(state.to_owned()))
}

/// The name a client answered with. Whatever else it sent is no answer.
pub(crate) fn name_in(answers: Option<&InputResponses>) -> Option<String> {
    let answer: ElicitResult = serde_json::from_value(answers?.get("name")?.clone()).ok()?;
    let content = answer.content.filter(|_| answer.action == ElicitationAction::Accept)?;
    Some(content.get("name")?.as_str()?.to_owned())
}

/// Asks for a name until it has one, and counts its rounds in the state.
fn asks_input(request: &CallToolRequestParams, context: &Context) -> Result<CallToolResponse, ErrorData> {
    if context.client_capabilities().is_none_or(|client| client.elicitation.is_none()) {
        let needed = serde_json::from_value(json!({ "elicitation": {} })).expect("capabilities");
        return Err(ErrorData::missing_required_client_capability(needed));
    }
    let round: u32 = request.request_state.as_deref().map_or(Ok(0), str::parse).expect("a state of ours");
    Ok(match name_in(request.input_responses.as_ref()) {
        Some(name) => say(format!("{name} after {round}")),
        None => ask_name(&(round + 1).to_string()).into(),
    })
}

/// State and nothing to answer: the client comes straight back.
fn sheds_load(request: &CallToolRequestParams) -> CallToolResponse {
    match request.request_state.as_deref() {
        Some(state) => say(format!("came back with {state}")),
        None => InputRequiredResult::new(None, Some("later".into())).into(),
    }
}

fn needs_sampling(context: &Context) -> Result<CallToolResponse, ErrorData> {
    if context.client_capabilities().is_some_and(|client| client.sampling.is_some()) {
        return Ok(say("can sample".to_owned()));
    }
    let needed = serde_json::from_value(json!({ "sampling": {} })).expect("capabilities");
    Err(ErrorData::missing_required_client_capability(needed))
}

fn say(text: String) -> CallToolResponse {
    CallToolResult::success(vec![ContentBlock::text(text)]).into()
}

/// Reports `started`, waits for a step, and reports how it ended: `done`, `cancelled`, and `dropped` in any case.
pub(crate) async fn slow(stage: &Stage, context: &Context) -> String {
    struct Dropped(Stage);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.report("dropped");
        }
    }
    let _dropped = Dropped(stage.clone());
    stage.report("started");
    let end = tokio::select! {
        () = stage.step() => "done",
        () = context.ct.cancelled() => "cancelled",
    };
    stage.report(end);
    end.into()
}

/// Lets a task of its own do the waiting, and says something at once so that a stream opens.
async fn slow_elsewhere(stage: &Stage, context: &Context) -> String {
    let (elsewhere, token) = (stage.clone(), context.ct.clone());
    stage.report("started");
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move {
        token.cancelled().await;
        elsewhere.report("token cancelled");
    });
    tasks.detach_all();
    stage.step().await;
    "done".into()
}

/// Says that something changed: `tools`, `prompts`, `resources`, or the resource `uri`; `log` goes through the log.
async fn change(arguments: &JsonObject, context: &Context) -> String {
    let peer = &context.peer;
    match string(arguments, "what").as_str() {
        "tools" => peer.notify_tool_list_changed().await.expect("heard"),
        "prompts" => peer.notify_prompt_list_changed().await.expect("heard"),
        "resources" => peer.notify_resource_list_changed().await.expect("heard"),
        "log" => {
            let events = context.extensions.get::<Events>().expect("events");
            let event = Event::Message { level: LoggingLevel::Error, logger: None, data: json!("to all") };
            events.publish(event).await.expect("published");
        }
        _ => {
            let updated = ResourceUpdatedNotificationParam::new(string(arguments, "uri"));
            peer.notify_resource_updated(updated).await.expect("heard");
        }
    }
    "changed".into()
}

/// Counts in the session's state, or behind the handle that was passed; says the count, and a new handle.
async fn count(arguments: &JsonObject, context: &Context) -> String {
    let more = |count: Option<u64>| count.unwrap_or_default() + 1;
    if let Some(session) = context.extensions.get::<Session>() {
        return session.state().update("count", more).await.expect("stored").to_string();
    }
    let handles = context.extensions.get::<Handles>().expect("handles");
    let (handle, state) = match string(arguments, "handle") {
        none if none.is_empty() => handles.create(),
        handle => (handle.clone(), handles.open(&handle)),
    };
    let count = state.update("count", more).await.expect("stored");
    json!({ "handle": handle, "count": count }).to_string()
}

/// Switches a tool on or off; says whether that changed anything.
async fn switch(arguments: &JsonObject, context: &Context) -> String {
    let tools = context.extensions.get::<Tools>().expect("the server has dynamic tools");
    let tool = string(arguments, "tool");
    let changed = match arguments["on"].as_bool().expect("on or off") {
        true => tools.activate(&tool).await,
        false => tools.deactivate(&tool).await,
    };
    changed.expect("switched").to_string()
}

/// The JSON-RPC error that was asked for.
fn error(arguments: &JsonObject) -> ErrorData {
    let code = arguments.get("code").and_then(Value::as_i64).unwrap_or(-32603);
    let code = ErrorCode(i32::try_from(code).expect("a code"));
    ErrorData::new(code, "as asked", arguments.get("data").cloned())
}

/// Who calls, as the runtime says.
fn who(context: &Context) -> String {
    let principal = context.extensions.get::<Principal>().expect("a principal");
    let session = context.extensions.get::<Session>().map(|session| session.id().to_string());
    let version = context.protocol_version().map(|version| version.to_string());
    let client = context.client_info().map(|client| client.name);
    json!({
        "principal": principal.key(), "session": session, "version": version, "client": client,
        "scopes": principal.scopes(), "tenant": principal.attributes().get("tenant"),
    })
    .to_string()
}

/// Wants its connection closed, then answers after one step.
async fn disconnect(stage: &Stage, context: &Context) -> String {
    if let Some(stream) = context.extensions.get::<ReplyStream>() {
        stream.disconnect();
    }
    stage.step().await;
    "answered later".into()
}
