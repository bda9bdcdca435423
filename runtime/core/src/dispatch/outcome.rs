//! What a handler answers, as its era may hear it.
//!
//! A handler is written once for both eras. What one era must never see, or always wants to see, is settled here, after
//! the handler and after rmcp's own rules.

use rmcp::{
    ErrorData,
    model::{
        ClientCapabilities, DiscoverResult, ElicitRequestParams, ElicitationCapability, ErrorCode,
        Implementation, InputRequest, InputRequests, JsonRpcError, RequestId, ResultType, RootsCapabilities,
        SamplingCapability, ServerJsonRpcMessage, ServerResult,
    },
};
use serde_json::{Map, Value, json};

use super::{
    App, permission,
    reply::{Final, encode},
    seal::Binding,
};
use crate::{
    auth::Principal,
    peer::PANICKED,
    protocol::{Era, version},
};

/// What the answer of one request depends on.
pub(super) struct Asked {
    pub(super) era: Era,
    pub(super) id: RequestId,
    /// What the client can do: the limit of what it may be asked.
    pub(super) capabilities: ClientCapabilities,
    /// What a `requestState` in the answer is sealed to.
    pub(super) binding: Option<Binding>,
    pub(super) principal: Principal,
}

/// The response to a request.
pub(super) fn finish(app: &App, asked: &Asked, outcome: Result<ServerResult, ErrorData>) -> Final {
    let outcome = outcome.map(|result| permission::visible(app, &asked.principal, result));
    let outcome = outcome.map(|result| switched_on(app, result));
    let outcome = match asked.era {
        Era::Session => outcome.map_err(for_session),
        Era::Stateless => outcome
            .and_then(|result| for_stateless(app, asked, result))
            .map_err(|error| stateless_error(error, asked)),
    };
    match outcome {
        Ok(result) => {
            Final { json: encode(&ServerJsonRpcMessage::response(result, asked.id.clone())), code: None }
        }
        Err(error) => {
            // The client reads the same text; here it is for whoever can mend it. A panic is in the log already.
            if error.code == ErrorCode::INTERNAL_ERROR && error.message != PANICKED {
                tracing::error!(id = %asked.id, reason = %error.message, "the handler failed");
            }
            Final::error(&JsonRpcError::new(Some(asked.id.clone()), error))
        }
    }
}

/// A list of tools without those that are switched off.
fn switched_on(app: &App, mut result: ServerResult) -> ServerResult {
    if let (ServerResult::ListToolsResult(list), Some(tools)) = (&mut result, &app.tools) {
        list.tools.retain(|tool| tools.is_active(&tool.name));
    }
    result
}

/// Codes that only 2026-07-28 has. A client of the session era that sees one takes this server for a stateless one.
fn for_session(mut error: ErrorData) -> ErrorData {
    let stateless = [
        ErrorCode::HEADER_MISMATCH,
        ErrorCode::MISSING_REQUIRED_CLIENT_CAPABILITY,
        ErrorCode::UNSUPPORTED_PROTOCOL_VERSION,
    ];
    if stateless.contains(&error.code) {
        error.code = ErrorCode::INVALID_REQUEST;
    }
    error
}

/// Codes that 2026-07-28 took out of use, or keeps for itself:
/// <https://modelcontextprotocol.io/specification/2026-07-28/basic#error-codes> (read 2026-11-20).
fn stateless_error(mut error: ErrorData, asked: &Asked) -> ErrorData {
    match error.code.0 {
        -32002 => error.code = ErrorCode::INVALID_PARAMS,
        -32099..=-32023 => {
            tracing::warn!(id = %asked.id, code = error.code.0, "the handler used a code that is not its to use");
            error.code = ErrorCode::INTERNAL_ERROR;
        }
        _ => {}
    }
    error
}

fn for_stateless(app: &App, asked: &Asked, mut result: ServerResult) -> Result<ServerResult, ErrorData> {
    match &mut result {
        ServerResult::DiscoverResult(discovered) => truthful(app, discovered),
        ServerResult::InputRequiredResult(asks) => {
            if let Some(missing) =
                asks.input_requests.as_ref().and_then(|asks| undeclared(asks, &asked.capabilities))
            {
                return Err(ErrorData::missing_required_client_capability(missing));
            }
            if let (Some(binding), Some(state)) = (&asked.binding, &mut asks.request_state) {
                *state = app.seal.seal(state, binding).map_err(|fault| fault.to_error())?;
            }
        }
        _ => {}
    }
    complete(&mut result, &app.server_info);
    Ok(result)
}

/// Only versions that are spoken here, only changes that can be told.
fn truthful(app: &App, discovered: &mut DiscoverResult) {
    let spoken = version::supported();
    discovered.supported_versions.retain(|version| spoken.contains(&version.as_str()));
    discovered.supported_versions.sort_by(|a, b| b.as_str().cmp(a.as_str()));
    discovered.capabilities = app.deliverable(std::mem::take(&mut discovered.capabilities));
}

/// What the client would have had to declare for these questions. `None` when it did.
/// <https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/mrtr> (read 2026-11-20).
fn undeclared(asks: &InputRequests, declared: &ClientCapabilities) -> Option<ClientCapabilities> {
    let mut missing = ClientCapabilities::default();
    for ask in asks.values() {
        match ask {
            InputRequest::CreateMessage(_) if declared.sampling.is_none() => {
                missing.sampling = Some(SamplingCapability::default());
            }
            InputRequest::ListRoots(_) if declared.roots.is_none() => {
                missing.roots = Some(RootsCapabilities::default());
            }
            InputRequest::Elicitation(ask) if !elicits(declared.elicitation.as_ref(), &ask.params) => {
                missing.elicitation = Some(ElicitationCapability::default());
            }
            _ => {}
        }
    }
    (missing != ClientCapabilities::default()).then_some(missing)
}

/// A client that declares elicitation and no mode means forms.
fn elicits(declared: Option<&ElicitationCapability>, ask: &ElicitRequestParams) -> bool {
    declared.is_some_and(|declared| match ask {
        ElicitRequestParams::UrlElicitationParams { .. } => declared.url.is_some(),
        _ => declared.form.is_some() || declared.url.is_none(),
    })
}

/// Adds what 2026-07-28 wants on every result: `resultType`, and who we are.
/// <https://modelcontextprotocol.io/specification/2026-07-28/basic#results> (read 2026-11-20).
fn complete(result: &mut ServerResult, server_info: &Implementation) {
    macro_rules! fill {
        ($($variant:ident),*; $($typed:ident),*) => {
            match result {
                $(ServerResult::$variant(result) => {
                    result.result_type.get_or_insert(ResultType::COMPLETE);
                    stamp(result.meta.get_or_insert_default(), server_info);
                })*
                $(ServerResult::$typed(result) => stamp(result.meta.get_or_insert_default(), server_info),)*
                ServerResult::EmptyResult(_) => {
                    let empty = custom(Map::new(), server_info);
                    *result = ServerResult::CustomResult(rmcp::model::CustomResult(empty));
                }
                ServerResult::CustomResult(result) => {
                    if let Value::Object(object) = &mut result.0 {
                        result.0 = custom(std::mem::take(object), server_info);
                    }
                }
                _ => {}
            }
        };
    }
    fill!(
        CompleteResult, GetPromptResult, ListPromptsResult, ListResourcesResult, ListResourceTemplatesResult,
        ReadResourceResult, ListToolsResult, CallToolResult, ListSkillsResult, GetSkillResult;
        DiscoverResult, InputRequiredResult, CreateTaskResult, GetTaskResult, TaskAckResult
    );
}

fn stamp(meta: &mut rmcp::model::MetaObject, server_info: &Implementation) {
    if let Ok(info) = serde_json::to_value(server_info) {
        meta.entry("io.modelcontextprotocol/serverInfo").or_insert(info);
    }
}

fn custom(mut object: Map<String, Value>, info: &Implementation) -> Value {
    object.entry("resultType").or_insert_with(|| "complete".into());
    let meta = object.entry("_meta").or_insert_with(|| json!({}));
    if let (Some(meta), Ok(info)) = (meta.as_object_mut(), serde_json::to_value(info)) {
        meta.entry("io.modelcontextprotocol/serverInfo").or_insert(info);
    }
    object.into()
}
