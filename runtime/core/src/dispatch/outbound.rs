//! What becomes of each thing a handler says.
//!
//! | the handler says | session era | stateless era |
//! |---|---|---|
//! | progress, with the request's token, growing | on its reply | on its reply |
//! | a log message | on its reply, at the session's level | on its reply, only if the request asked |
//! | a list changed, a resource was updated | to the event log | to the event log |
//! | a request to the client | on its reply, with a session-unique id | refused |

// SEP-2577 deprecates logging, sampling and roots; clients of the session era use them until they are gone.
#![allow(deprecated)]

use bytes::Bytes;
use rmcp::{
    ErrorData,
    model::{
        ClientJsonRpcMessage, GetMeta, JsonRpcError, LoggingLevel, NumberOrString, ProgressToken, RequestId,
        ServerJsonRpcMessage, ServerNotification,
    },
};
use serde_json::Value;

use super::reply::encode;
use crate::{events::Event, protocol::Era};

/// The rules for one request.
pub(super) struct Outbound {
    pub(super) era: Era,
    /// Names this call within its session; requests to the client are `<call>/<n>`.
    pub(super) call: String,
    /// The token progress must carry.
    pub(super) progress_token: Option<ProgressToken>,
    /// The least severe log message that passes.
    pub(super) log_level: LogLevel,
    /// Whether the client can be asked something: it reads a stream, and its answers find us.
    pub(super) can_ask: bool,
    /// The last progress that passed: it must grow.
    pub(super) progress: Option<f64>,
}

/// Which log messages pass.
#[derive(Debug, Clone, Copy)]
pub(super) enum LogLevel {
    /// None was asked for.
    Nothing,
    /// All.
    Everything,
    /// These and worse.
    From(LoggingLevel),
}

/// Where a message goes.
pub(super) enum Route {
    /// Down the reply.
    Send(Bytes),
    /// Down the reply, and the client will answer.
    Ask(Bytes),
    /// To everybody who listens.
    Publish(Event),
    /// Back to the handler.
    Refuse(Box<ClientJsonRpcMessage>),
    /// Nowhere.
    Drop,
}

impl Outbound {
    pub(super) fn route(&mut self, message: ServerJsonRpcMessage) -> Route {
        match message {
            ServerJsonRpcMessage::Notification(message) => self.notification(message.notification),
            ServerJsonRpcMessage::Request(mut message) if self.can_ask => {
                let token = message.request.get_meta().get_progress_token();
                message.id = self.wire_id(&message.id);
                if let Some(token) = token {
                    message.request.get_meta_mut().set_progress_token(ProgressToken(self.wire_id(&token.0)));
                }
                Route::Ask(encode(&ServerJsonRpcMessage::Request(message)))
            }
            ServerJsonRpcMessage::Request(message) => {
                let text = match self.era {
                    Era::Stateless => "2026-07-28 has no requests to clients; return an InputRequiredResult",
                    Era::Session => "the client does not accept an event stream, so it cannot be asked",
                };
                let error = JsonRpcError::new(Some(message.id), ErrorData::invalid_request(text, None));
                Route::Refuse(Box::new(ClientJsonRpcMessage::Error(error)))
            }
            // The peer of an exchange answers nobody: its client talks to the handler, not to it.
            ServerJsonRpcMessage::Response(_) | ServerJsonRpcMessage::Error(_) => Route::Drop,
        }
    }

    fn notification(&mut self, notification: ServerNotification) -> Route {
        match notification {
            ServerNotification::ToolListChangedNotification(_) => Route::Publish(Event::ToolsListChanged),
            ServerNotification::PromptListChangedNotification(_) => Route::Publish(Event::PromptsListChanged),
            ServerNotification::ResourceListChangedNotification(_) => {
                Route::Publish(Event::ResourcesListChanged)
            }
            ServerNotification::ResourceUpdatedNotification(updated) => {
                Route::Publish(Event::ResourceUpdated { uri: updated.params.uri })
            }
            ServerNotification::ProgressNotification(ref progress) => {
                let progress = &progress.params;
                let grows = self.progress.is_none_or(|last| progress.progress > last);
                if self.progress_token.as_ref() != Some(&progress.progress_token) || !grows {
                    tracing::debug!(
                        progress = progress.progress,
                        "progress without its token, or not growing"
                    );
                    return Route::Drop;
                }
                self.progress = Some(progress.progress);
                send(notification)
            }
            ServerNotification::LoggingMessageNotification(ref message) => {
                if passes(self.log_level, message.params.level) { send(notification) } else { Route::Drop }
            }
            ServerNotification::CancelledNotification(mut cancelled) if self.can_ask => {
                cancelled.params.request_id = cancelled.params.request_id.map(|id| self.wire_id(&id));
                send(ServerNotification::CancelledNotification(cancelled))
            }
            ServerNotification::CancelledNotification(_)
            | ServerNotification::SubscriptionsAcknowledgedNotification(_)
            | ServerNotification::TaskStatusNotification(_) => Route::Drop,
            custom @ ServerNotification::CustomNotification(_) => send(custom),
            // rmcp may learn notifications before we know where they go.
            _ => Route::Drop,
        }
    }

    /// Peers count 0, 1, 2 each for itself; on the wire an id must be the only one of its session.
    fn wire_id(&self, id: &RequestId) -> RequestId {
        NumberOrString::String(format!("{}/{id}", self.call).into())
    }
}

fn send(notification: ServerNotification) -> Route {
    Route::Send(encode(&ServerJsonRpcMessage::notification(notification)))
}

/// Whether a log message is severe enough.
pub(super) fn passes(least: LogLevel, level: LoggingLevel) -> bool {
    match least {
        LogLevel::Nothing => false,
        LogLevel::Everything => true,
        LogLevel::From(least) => severity(level) >= severity(least),
    }
}

/// RFC 5424 severities, mildest first: <https://datatracker.ietf.org/doc/html/rfc5424#section-6.2.1>.
fn severity(level: LoggingLevel) -> u8 {
    match level {
        LoggingLevel::Debug => 0,
        LoggingLevel::Info => 1,
        LoggingLevel::Notice => 2,
        LoggingLevel::Warning => 3,
        LoggingLevel::Error => 4,
        LoggingLevel::Critical => 5,
        LoggingLevel::Alert => 6,
        LoggingLevel::Emergency => 7,
    }
}

/// Splits a wire id of ours into the call and the peer's own number.
pub(super) fn split_wire_id(id: &RequestId) -> Option<(&str, i64)> {
    let NumberOrString::String(text) = id else { return None };
    let (call, number) = text.split_once('/')?;
    let ours = call.len() == 32 && call.bytes().all(|byte| byte.is_ascii_hexdigit());
    Some((call, number.parse().ok()?)).filter(|_| ours)
}

/// A client's message for one of our calls, with the peer's own numbers put back.
pub(super) fn inbound(raw: &[u8]) -> Option<ClientJsonRpcMessage> {
    let mut message: Value = serde_json::from_slice(raw).ok()?;
    for at in ["/id", "/params/progressToken"] {
        if let Some(value) = message.pointer_mut(at) {
            let id: RequestId = serde_json::from_value(value.clone()).ok()?;
            *value = split_wire_id(&id)?.1.into();
        }
    }
    serde_json::from_value(message).ok()
}
