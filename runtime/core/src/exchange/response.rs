//! The response to a request, made of the handler's result.
//!
//! A handler is written once for both eras. What one era must never see, or always has to see, is settled here, behind
//! the handler and its layers.

use rmcp::{
    ErrorData,
    model::{
        ErrorCode, Implementation, JsonRpcError, RequestId, ResultType, ServerJsonRpcMessage, ServerResult,
    },
};
use serde_json::{Map, Value, json};

use super::peer::PANICKED;
use crate::{
    handler::{HandlerError, HandlerResult},
    protocol::{Era, Fault, JsonRpcResponse, Method, encode, meta::SERVER_INFO},
};

/// Makes the response to a request.
pub(super) fn response(
    era: Era,
    id: &RequestId,
    method: &Method,
    server_info: &Implementation,
    result: HandlerResult,
) -> JsonRpcResponse {
    let error = match result {
        Ok(mut result) => {
            if era == Era::Stateless {
                complete(&mut result, server_info);
            }
            let is_error = match &result {
                ServerResult::CallToolResult(result) => Some(result.is_error == Some(true)),
                // Of another server, as JSON.
                ServerResult::CustomResult(result) if *method == Method::CallTool => {
                    Some(result.0["isError"] == true)
                }
                _ => None,
            };
            let json = encode(&ServerJsonRpcMessage::response(result, id.clone()));
            return JsonRpcResponse { is_error, ..JsonRpcResponse::encoded(json) };
        }
        Err(HandlerError::Refused(fault)) => return JsonRpcResponse::refused(Some(id.clone()), fault),
        Err(HandlerError::Handler(error)) => error,
    };
    let mut error = match era {
        Era::Session => session_error(error),
        Era::Stateless => stateless_error(error, id),
    };
    // Handlers name the method, or say what they like: here is the one text.
    if error.code == ErrorCode::METHOD_NOT_FOUND {
        error.message = Fault::MethodNotFound(method.to_string()).to_string().into();
    }
    // The client reads the same text; the log has it for the operator. A panic is logged already.
    if error.code == ErrorCode::INTERNAL_ERROR && error.message != PANICKED {
        tracing::error!(%id, reason = %error.message, "the handler failed");
    }
    JsonRpcResponse::error(&JsonRpcError::new(Some(id.clone()), error))
}

/// Replaces codes that only 2026-07-28 has: a client of the session era takes a server that sends one for a stateless
/// one.
fn session_error(mut error: ErrorData) -> ErrorData {
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

/// Replaces codes that 2026-07-28 has withdrawn, or reserves:
/// <https://modelcontextprotocol.io/specification/2026-07-28/basic#error-codes> (read 2026-11-20).
fn stateless_error(mut error: ErrorData, id: &RequestId) -> ErrorData {
    match error.code.0 {
        -32002 => error.code = ErrorCode::INVALID_PARAMS,
        -32099..=-32023 => {
            tracing::warn!(%id, code = error.code.0, "the handler used a reserved error code");
            error.code = ErrorCode::INTERNAL_ERROR;
        }
        _ => {}
    }
    error
}

/// Adds what 2026-07-28 requires of every result: `resultType`, and the name and version of the server.
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
        meta.entry(SERVER_INFO).or_insert(info);
    }
}

fn custom(mut object: Map<String, Value>, info: &Implementation) -> Value {
    object.entry("resultType").or_insert_with(|| "complete".into());
    let meta = object.entry("_meta").or_insert_with(|| json!({}));
    if let (Some(meta), Ok(info)) = (meta.as_object_mut(), serde_json::to_value(info)) {
        meta.entry(SERVER_INFO).or_insert(info);
    }
    object.into()
}
