//! A request in rmcp's type.
//!
//! By its method, not by rmcp's untagged union: wrong parameters are then -32602 with a reason and not an unknown
//! method, and reading costs a third.

use rmcp::model::{ClientRequest, CustomRequest, RequestMetaObject};
use serde_json::{Map, Value};

use crate::protocol::{Fault, Method, Request};

macro_rules! by_method {
    ($request:expr, $($method:ident => $variant:ident),* $(,)?; $($custom:pat),*) => {
        match &$request.method {
            $(Method::$method => $request.parse().map(ClientRequest::$variant),)*
            $($custom)|* => custom($request),
        }
    };
}

/// Reads the parameters of a request.
pub(super) fn typed(request: &Request) -> Result<ClientRequest, Fault> {
    check_cursor(request)?;
    by_method!(request,
        Initialize => InitializeRequest,
        Discover => DiscoverRequest,
        Complete => CompleteRequest,
        SetLogLevel => SetLevelRequest,
        GetPrompt => GetPromptRequest,
        ListPrompts => ListPromptsRequest,
        ListResources => ListResourcesRequest,
        ListResourceTemplates => ListResourceTemplatesRequest,
        ReadResource => ReadResourceRequest,
        SubscribeResource => SubscribeRequest,
        UnsubscribeResource => UnsubscribeRequest,
        CallTool => CallToolRequest,
        ListTools => ListToolsRequest,
        GetTask => GetTaskRequest,
        UpdateTask => UpdateTaskRequest,
        CancelTask => CancelTaskRequest,
        ListSkills => ListSkillsRequest,
        GetSkill => GetSkillRequest,
        ReadResourceDirectory => ReadResourceDirectoryRequest;
        // Served without the handler, or of a kind that rmcp has no type for.
        Method::Ping, Method::Listen, Method::TaskResult, Method::ListTasks, Method::Other(_)
    )
}

/// rmcp reads optional parameters of a wrong type as absent: a cursor that is not text would start a list over.
fn check_cursor(request: &Request) -> Result<(), Fault> {
    #[derive(serde::Deserialize)]
    struct Message {
        #[serde(default, rename = "params")]
        _params: Option<Page>,
    }
    #[derive(serde::Deserialize)]
    struct Page {
        #[serde(default, rename = "cursor")]
        _cursor: Option<String>,
    }
    if request.method.is_paginated() { request.parse::<Message>().map(drop) } else { Ok(()) }
}

/// A method that MCP does not define.
fn custom(request: &Request) -> Result<ClientRequest, Fault> {
    #[derive(serde::Deserialize)]
    struct Message {
        #[serde(default)]
        params: Option<Map<String, Value>>,
    }
    let mut message: Message = request.parse()?;
    let meta = message.params.as_mut().and_then(|params| params.remove("_meta"));
    let mut custom = CustomRequest::new(request.method.to_string(), message.params.map(Value::Object));
    if let Some(Value::Object(meta)) = meta {
        custom.extensions.insert(RequestMetaObject::from(meta));
    }
    Ok(ClientRequest::CustomRequest(custom))
}
