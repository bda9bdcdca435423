//! Where each message of a handler goes.
//!
//! | message | session era | stateless era |
//! |---|---|---|
//! | progress with the token of the request, growing | on the reply | on the reply |
//! | a log message | on the reply, at the session's level | on the reply, if the request asks for it |
//! | a list changed, a resource was updated | to the event log | to the event log |
//! | a request to the client | on the reply, with an id that is unique in the session; refused without one | refused |

// SEP-2577 deprecates logging, sampling and roots; clients of the session era use them until they are gone.
#![allow(deprecated)]

use super::wire_id::wire_id;
use crate::{
    events::Event,
    protocol::{Era, encode},
};
use bytes::Bytes;
use rmcp::{
    ErrorData,
    model::{
        ClientJsonRpcMessage, GetMeta, JsonRpcError, LoggingLevel, ProgressToken, ServerJsonRpcMessage,
        ServerNotification,
    },
};

/// The rules for the messages of one request.
pub(crate) struct Outbound {
    pub(crate) era: Era,
    /// Names the call within its session: ids of requests to the client begin with it.
    pub(crate) call: String,
    /// The token that progress notifications must carry.
    pub(crate) progress_token: Option<ProgressToken>,
    /// The least severe log message that is sent.
    pub(crate) log_level: LogLevel,
    /// Why the handler cannot ask the client. `None`: the client reads a stream, and its responses find the call.
    pub(crate) cannot_ask: Option<&'static str>,
    /// The last progress that was sent. The next one must be larger.
    pub(crate) progress: Option<f64>,
}

/// Which log messages are sent.
#[derive(Debug, Clone, Copy)]
pub(crate) enum LogLevel {
    /// None: the client has not asked for any.
    Nothing,
    /// All.
    Everything,
    /// Those of this level, and more severe ones.
    From(LoggingLevel),
}

/// Where a message goes.
pub(super) enum Route {
    /// To the client, on the reply.
    Send(Bytes),
    /// To the client, on the reply. The client will respond.
    Ask(Bytes),
    /// To every stream that it concerns, through the event log.
    Publish(Event),
    /// Back to the handler, as an error.
    Refuse(Box<ClientJsonRpcMessage>),
    /// Nowhere.
    Drop,
}

impl Outbound {
    pub(super) fn route(&mut self, message: ServerJsonRpcMessage) -> Route {
        match message {
            ServerJsonRpcMessage::Notification(message) => self.notification(message.notification),
            ServerJsonRpcMessage::Request(mut message) => {
                if let Some(text) = self.cannot_ask {
                    let error = JsonRpcError::new(Some(message.id), ErrorData::invalid_request(text, None));
                    return Route::Refuse(Box::new(ClientJsonRpcMessage::Error(error)));
                }
                let token = message.request.get_meta().get_progress_token();
                message.id = wire_id(&self.call, &message.id);
                if let Some(token) = token {
                    message
                        .request
                        .get_meta_mut()
                        .set_progress_token(ProgressToken(wire_id(&self.call, &token.0)));
                }
                Route::Ask(encode(&ServerJsonRpcMessage::Request(message)))
            }
            // The peer serves no requests, so it has no responses.
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
            ServerNotification::CancelledNotification(mut cancelled) if self.cannot_ask.is_none() => {
                cancelled.params.request_id = cancelled.params.request_id.map(|id| wire_id(&self.call, &id));
                send(ServerNotification::CancelledNotification(cancelled))
            }
            ServerNotification::CancelledNotification(_)
            | ServerNotification::SubscriptionsAcknowledgedNotification(_)
            | ServerNotification::TaskStatusNotification(_) => Route::Drop,
            custom @ ServerNotification::CustomNotification(_) => send(custom),
            // A notification of a later rmcp has no rule yet.
            _ => Route::Drop,
        }
    }
}

fn send(notification: ServerNotification) -> Route {
    Route::Send(encode(&ServerJsonRpcMessage::notification(notification)))
}

/// Whether a log message is severe enough to be sent.
pub(crate) fn passes(least: LogLevel, level: LoggingLevel) -> bool {
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
