//! The parameters of a request, as a child reads them.

// SEP-2577 deprecates logging; clients of both eras use it until it is gone.
#![allow(deprecated)]

use mcp_lambda_core::{McpContext, handler::Request, protocol::Method};
use rmcp::model::{ClientCapabilities, ClientRequest, LoggingLevel, TASKS_EXTENSION_ID};
use serde_json::{Map, Value, json};

use super::{LOG_LEVEL, STATELESS_META};
use crate::{
    child::{Child, ClientSide, Speaks},
    settings::Settings,
};

/// The key of the metadata that names the caller, where the server is set to pass it on.
pub(crate) const CALLER: &str = "mcp-lambda-server/caller";

/// The parameters of a request for a child: those that the client has sent, with what layers have changed.
///
/// `id` is the id of the request to the child: its progress has it as its token.
pub(crate) fn for_child(
    request: &Request,
    child: &Child,
    id: u64,
    settings: &Settings,
) -> Map<String, Value> {
    let mut params: Map<String, Value> = request.message.params.read().unwrap_or_default();
    overlay(&mut params, &request.typed);
    if child.handshake.speaks == Speaks::Session {
        params.remove("inputResponses");
        params.remove("requestState");
    }
    // The child's tasks would end with this process: docs/stdio.md.
    if request.message.method == Method::CallTool {
        params.remove("task");
    }
    let meta = meta(request, child, id, settings);
    params.remove("_meta");
    if !meta.is_empty() {
        params.insert("_meta".to_owned(), meta.into());
    }
    params
}

/// Puts what layers may have changed in the place of what the client has sent.
fn overlay(params: &mut Map<String, Value>, typed: &ClientRequest) {
    let mut set = |key: &str, value: Option<Value>| {
        match value {
            Some(value) => params.insert(key.to_owned(), value),
            None => params.remove(key),
        };
    };
    let cursor = |page: Option<&rmcp::model::PaginatedRequestParams>| {
        page.and_then(|page| page.cursor.clone()).map(Value::String)
    };
    let state = |state: &Option<String>| state.clone().map(Value::String);
    match typed {
        ClientRequest::CallToolRequest(call) => {
            set("name", Some(call.params.name.as_ref().into()));
            set("arguments", call.params.arguments.clone().map(Value::Object));
            set("requestState", state(&call.params.request_state));
        }
        ClientRequest::GetPromptRequest(get) => {
            set("name", Some(get.params.name.as_str().into()));
            set("requestState", state(&get.params.request_state));
        }
        ClientRequest::CompleteRequest(complete) => {
            set("ref", serde_json::to_value(&complete.params.r#ref).ok());
        }
        ClientRequest::ReadResourceRequest(read) => {
            set("uri", Some(read.params.uri.clone().into()));
            set("requestState", state(&read.params.request_state));
        }
        ClientRequest::ListToolsRequest(list) => set("cursor", cursor(list.params.as_ref())),
        ClientRequest::ListPromptsRequest(list) => set("cursor", cursor(list.params.as_ref())),
        ClientRequest::ListResourcesRequest(list) => set("cursor", cursor(list.params.as_ref())),
        ClientRequest::ListResourceTemplatesRequest(list) => set("cursor", cursor(list.params.as_ref())),
        ClientRequest::ListSkillsRequest(list) => set("cursor", cursor(list.params.as_ref())),
        _ => {}
    }
}

/// The metadata of a request for a child.
pub(crate) fn meta(request: &Request, child: &Child, id: u64, settings: &Settings) -> Map<String, Value> {
    let mut meta = request.context.meta.0.0.clone();
    if meta.contains_key("progressToken") {
        meta.insert("progressToken".to_owned(), id.into());
    }
    let log_level = log_level(request, child);
    for key in STATELESS_META {
        meta.remove(key);
    }
    if child.handshake.speaks == Speaks::Stateless {
        let client = request.context.peer.peer_info();
        let mut of_call = ClientSide::clone(&child.client);
        if let Some(client) = client {
            of_call.info = client.client_info.clone();
            of_call.capabilities = passed(client.capabilities.clone(), settings);
        }
        if let Value::Object(own) = of_call.meta() {
            meta.extend(own);
        }
        if let Some(level) = log_level {
            meta.insert(LOG_LEVEL.to_owned(), json!(level));
        }
    }
    // A client cannot say who it is.
    meta.remove(CALLER);
    if settings.pass_identity {
        meta.insert(CALLER.to_owned(), caller(request));
    }
    meta
}

/// The capabilities of a client that a child can use. Its tasks would end with this process, and roots are passed on where the server is
/// set to.
pub(crate) fn passed(mut capabilities: ClientCapabilities, settings: &Settings) -> ClientCapabilities {
    if !settings.pass_roots {
        capabilities.roots = None;
    }
    if let Some(extensions) = &mut capabilities.extensions {
        extensions.remove(TASKS_EXTENSION_ID);
    }
    capabilities
}

/// The least severe log message that the client reads. A child of 2026-07-28 finds it in each request.
fn log_level(request: &Request, child: &Child) -> Option<LoggingLevel> {
    if let Some(level) = request.context.meta.log_level() {
        return Some(level);
    }
    child.handshake.info.capabilities.logging.as_ref()?;
    let session = request.context.session()?;
    Some(session.record().log_level.unwrap_or(LoggingLevel::Info))
}

fn caller(request: &Request) -> Value {
    let principal = &request.principal;
    json!({
        "principal": principal.key(),
        "anonymous": principal.is_anonymous(),
        "scopes": principal.scopes(),
        "session": request.context.session().map(|session| session.id().to_string()),
    })
}
