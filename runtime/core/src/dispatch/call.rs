//! A read request to rmcp's typed one.
//!
//! By method, not by rmcp's untagged union: wrong parameters are then -32602 with a reason instead of an unknown
//! method, and a parse costs a third.

use rmcp::model::{ClientRequest, CustomRequest, RequestMetaObject};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::App;
use crate::protocol::{Fault, Request};

macro_rules! by_method {
    ($request:expr, $($method:literal => $variant:ident),* $(,)?) => {
        match $request.method.as_str() {
            $($method => parse($request).map(ClientRequest::$variant),)*
            _ => custom($request),
        }
    };
}

/// Reads the parameters of a request.
pub(super) fn typed(request: &Request) -> Result<ClientRequest, Fault> {
    check_page(request)?;
    by_method!(request,
        "initialize" => InitializeRequest,
        "server/discover" => DiscoverRequest,
        "completion/complete" => CompleteRequest,
        "logging/setLevel" => SetLevelRequest,
        "prompts/get" => GetPromptRequest,
        "prompts/list" => ListPromptsRequest,
        "resources/list" => ListResourcesRequest,
        "resources/templates/list" => ListResourceTemplatesRequest,
        "resources/read" => ReadResourceRequest,
        "resources/subscribe" => SubscribeRequest,
        "resources/unsubscribe" => UnsubscribeRequest,
        "tools/call" => CallToolRequest,
        "tools/list" => ListToolsRequest,
        "tasks/get" => GetTaskRequest,
        "tasks/update" => UpdateTaskRequest,
        "tasks/cancel" => CancelTaskRequest,
        "skills/list" => ListSkillsRequest,
        "skills/get" => GetSkillRequest,
        "resources/directory/read" => ReadResourceDirectoryRequest,
    )
}

/// PollSchedule whether tools were switched, and refuses a call of one that is off as that of one that never was.
pub(super) async fn check_tools(app: &App, request: &ClientRequest) -> Result<(), Fault> {
    let Some(tools) = &app.tools else { return Ok(()) };
    match request {
        ClientRequest::ListToolsRequest(_) => tools.check().await,
        ClientRequest::CallToolRequest(call) => {
            tools.check().await;
            if !tools.is_active(&call.params.name) {
                return Err(Fault::invalid_params(format!("unknown tool: {}", call.params.name)));
            }
        }
        _ => {}
    }
    Ok(())
}

/// Reads the parameters of a method into its own type.
pub(super) fn parse<T: DeserializeOwned>(request: &Request) -> Result<T, Fault> {
    serde_json::from_slice(&request.raw)
        .map_err(|error| Fault::invalid_params(format!("invalid params for {}: {error}", request.method)))
}

/// rmcp takes optional parameters it cannot read for none: a cursor of the wrong type would start a list over.
fn check_page(request: &Request) -> Result<(), Fault> {
    #[derive(serde::Deserialize)]
    struct Outer {
        #[serde(default, rename = "params")]
        _params: Option<Page>,
    }
    #[derive(serde::Deserialize)]
    struct Page {
        #[serde(default, rename = "cursor")]
        _cursor: Option<String>,
    }
    match request.method.as_str() {
        "tools/list" | "prompts/list" | "resources/list" | "resources/templates/list" | "skills/list" => {
            parse::<Outer>(request).map(drop)
        }
        _ => Ok(()),
    }
}

/// A method of the handler's own.
fn custom(request: &Request) -> Result<ClientRequest, Fault> {
    #[derive(serde::Deserialize)]
    struct Params {
        #[serde(default)]
        params: Option<Map<String, Value>>,
    }
    let mut params: Params = parse(request)?;
    let meta = params.params.as_mut().and_then(|params| params.remove("_meta"));
    let mut custom = CustomRequest::new(request.method.clone(), params.params.map(Value::Object));
    if let Some(Value::Object(meta)) = meta {
        custom.extensions.insert(RequestMetaObject::from(meta));
    }
    Ok(ClientRequest::CustomRequest(custom))
}
