//! One request running: the handler, the client's messages for it, and its deadline. Nothing here knows HTTP.
//!
//! * [`Exchange`]: what a request sends, event by event, until its response.
//! * [`peer`]: the call of the handler. [`outbound`]: where each message of the handler goes.
//! * [`inbox_reader`]: the client's responses and cancellation. [`wire_id`]: the ids of requests to the client.
//! * [`response`](mod@response): the response, made of the handler's result.

mod inbox_reader;
mod outbound;
mod peer;
mod response;
mod wire_id;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use rmcp::{
    ErrorData,
    model::{
        ClientNotification, ClientRequest, Implementation, JsonRpcError, RequestId, ServerJsonRpcMessage,
    },
};
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

pub(crate) use self::{
    inbox_reader::{InboxReader, cancellation},
    outbound::{LogLevel, Outbound, passes},
    peer::{HandlerCall, HandlerContext, HandlerEvent},
    wire_id::split_wire_id,
};
use self::{
    inbox_reader::{is_cancellation, is_end_of_session},
    outbound::Route,
};
use crate::{
    error::Causes,
    events::Events,
    handler::{Handler, HandlerResult},
    protocol::{self, Fault, JsonRpcResponse, Method},
    session::ClientMessage,
    stream::ReplyStream,
    telemetry::{
        DeferredSpan, End, Payloads, ServedRequest, TraceContext, exchange_span, with_trace_context,
    },
    time::Deadline,
};

/// How long a handler may clean up after its request was cancelled or has run out of time.
const CANCEL_GRACE: Duration = Duration::from_millis(250);

/// What every exchange of a server shares.
pub(crate) struct Exchanges {
    pub(crate) handler: Arc<dyn Handler>,
    pub(crate) events: Events,
    pub(crate) server_info: Implementation,
    /// How long an exchange may send nothing before it reports that it is idle.
    pub(crate) keep_alive: Duration,
    /// Which payloads are logged.
    pub(crate) payloads: Payloads,
    /// How many bytes an exchange may send, its response included.
    pub(crate) max_response: usize,
    /// Is cancelled when the process ends and calls can wait no longer.
    pub(crate) interrupt: CancellationToken,
}

/// A request that is being served. Dropping it stops the handler.
pub(crate) struct Exchange {
    shared: Arc<Exchanges>,
    id: RequestId,
    method: Method,
    call: HandlerCall,
    outbound: Outbound,
    inbox: Option<InboxReader>,
    disconnect: Option<ReplyStream>,
    deadline: Deadline,
    idle_at: Instant,
    sent: usize,
    cancel: CancellationToken,
    served: ServedRequest,
    span: DeferredSpan,
    trace: Option<TraceContext>,
    _stop: DropGuard,
}

/// What comes out of an exchange.
pub(crate) enum ExchangeEvent {
    /// A message for the client.
    Message(Bytes),
    /// The response. It is the last event.
    Response(JsonRpcResponse),
    /// The exchange has sent nothing for the keep-alive interval.
    Idle,
    /// The handler wants the connection closed while it goes on.
    Disconnect,
    /// The client has cancelled the request: there is no response. It is the last event.
    Cancelled,
}

/// The rules of one exchange.
pub(crate) struct ExchangeOptions {
    pub(crate) outbound: Outbound,
    /// Where the client's messages for the call come from, in the session era.
    pub(crate) inbox: Option<InboxReader>,
    pub(crate) deadline: Deadline,
}

impl Exchanges {
    /// Starts to serve a request.
    pub(crate) fn start(
        self: &Arc<Self>,
        message: protocol::Request,
        typed: ClientRequest,
        mut context: HandlerContext,
        options: ExchangeOptions,
    ) -> Exchange {
        let cancel = context.cancel.clone();
        let (id, method) = (message.id.clone(), message.method.clone());
        let served = context.served.clone();
        let (span, trace) = observe(&served, &method, &typed, &mut context);
        span.in_scope(|| self.payloads.arguments(&typed));
        Exchange {
            disconnect: context.extensions.get::<ReplyStream>().cloned(),
            call: HandlerCall::start(Arc::clone(&self.handler), message, typed, context),
            shared: Arc::clone(self),
            id,
            method,
            outbound: options.outbound,
            inbox: options.inbox,
            deadline: options.deadline,
            idle_at: Instant::now() + self.keep_alive,
            sent: 0,
            served,
            span,
            trace,
            _stop: cancel.clone().drop_guard(),
            cancel,
        }
    }

    /// Calls the handler and drops what it sends before its result. `None`: the deadline passed first.
    pub(crate) async fn call(
        &self,
        message: protocol::Request,
        typed: ClientRequest,
        mut context: HandlerContext,
        deadline: Deadline,
    ) -> Option<HandlerResult> {
        let served = context.served.clone();
        let (span, trace) = observe(&served, &message.method, &typed, &mut context);
        let mut call = HandlerCall::start(Arc::clone(&self.handler), message, typed, context);
        let result = async {
            loop {
                if let HandlerEvent::Result(result) = call.next().await {
                    return result;
                }
            }
        };
        let result = served.in_span(with_trace_context(trace, span.around(result)));
        tokio::time::timeout_at(deadline.instant(), result).await.ok()
    }

    /// Passes a notification to the handler, which may take until the deadline.
    pub(crate) async fn notify(
        &self,
        notification: ClientNotification,
        context: HandlerContext,
        deadline: Deadline,
    ) {
        let notified = peer::notify(Arc::clone(&self.handler), notification, context);
        let _ = tokio::time::timeout_at(deadline.instant(), notified).await;
    }
}

/// Observes the call of a handler. Returns the span of its exchange, and its trace, which tools find in their context.
fn observe(
    served: &ServedRequest,
    method: &Method,
    typed: &ClientRequest,
    context: &mut HandlerContext,
) -> (DeferredSpan, Option<TraceContext>) {
    let mut observed = served.observed();
    observed.handled(typed, &context.peer_info.client_info);
    if let Some(trace) = &observed.trace {
        context.extensions.insert(trace.clone());
    }
    (exchange_span(&observed, method), observed.trace.clone())
}

impl Exchange {
    pub(crate) fn id(&self) -> &RequestId {
        &self.id
    }

    /// Returns the next event. Call it until it returns [`ExchangeEvent::Response`] or [`ExchangeEvent::Cancelled`].
    pub(crate) async fn next(&mut self) -> ExchangeEvent {
        let (span, trace) = (self.span.clone(), self.trace.clone());
        let served = self.served.clone();
        let event = served.in_span(with_trace_context(trace, span.around(self.run()))).await;
        match &event {
            ExchangeEvent::Response(response) => {
                self.served.observed().responded(response);
                self.span.in_scope(|| self.shared.payloads.response(&response.json));
            }
            ExchangeEvent::Cancelled => self.served.ended(End::Cancelled),
            ExchangeEvent::Message(_) | ExchangeEvent::Idle | ExchangeEvent::Disconnect => {}
        }
        event
    }

    async fn run(&mut self) -> ExchangeEvent {
        loop {
            tokio::select! {
                biased;
                event = self.call.next() => match event {
                    HandlerEvent::Message(message) => {
                        if let Some(event) = self.route(message).await { return event }
                    }
                    HandlerEvent::Result(result) => return ExchangeEvent::Response(self.respond(result)),
                },
                messages = client_messages(&mut self.inbox) => {
                    if let Some(last) = self.receive(messages).await { return last }
                },
                () = disconnect_wanted(self.disconnect.as_ref()) => return ExchangeEvent::Disconnect,
                () = self.shared.interrupt.cancelled() => {
                    return ExchangeEvent::Response(self.interrupt().await);
                }
                () = tokio::time::sleep_until(self.deadline.instant()) => {
                    return ExchangeEvent::Response(self.time_out().await);
                }
                () = tokio::time::sleep_until(self.idle_at) => {
                    self.idle_at = Instant::now() + self.shared.keep_alive;
                    return ExchangeEvent::Idle;
                }
            }
        }
    }

    async fn route(&mut self, message: ServerJsonRpcMessage) -> Option<ExchangeEvent> {
        match self.outbound.route(message) {
            Route::Send(json) => Some(self.send(json)),
            Route::Ask(json) => {
                if let Some(inbox) = &mut self.inbox {
                    inbox.expect_response();
                }
                Some(self.send(json))
            }
            Route::Publish(event) => {
                if let Err(error) = self.shared.events.publish(event).await {
                    tracing::error!(error = %Causes(&error), "an event of a handler was not published");
                }
                None
            }
            Route::Refuse(response) => {
                self.call.deliver(*response);
                None
            }
            Route::Drop => None,
        }
    }

    fn send(&mut self, json: Bytes) -> ExchangeEvent {
        self.idle_at = Instant::now() + self.shared.keep_alive;
        self.sent += json.len();
        if self.sent > self.shared.max_response {
            return ExchangeEvent::Response(self.too_large());
        }
        ExchangeEvent::Message(json)
    }

    /// Acts on messages of the client, then removes them. Returns the last event if one of them ends the call.
    async fn receive(&mut self, messages: Vec<ClientMessage>) -> Option<ExchangeEvent> {
        let for_handler = |message: &&ClientMessage| !is_cancellation(message) && !is_end_of_session(message);
        for message in messages.iter().filter(for_handler) {
            match wire_id::for_peer(&message.body) {
                Some(message) => self.call.deliver(message),
                None => tracing::warn!(name = message.name, "a client's response cannot be read"),
            }
        }
        let is_cancelled = messages.iter().any(is_cancellation);
        let has_ended = messages.iter().any(is_end_of_session);
        if is_cancelled || has_ended {
            self.stop().await;
        }
        if let Some(inbox) = &self.inbox {
            inbox.discard(&messages).await;
        }
        if is_cancelled {
            return Some(ExchangeEvent::Cancelled);
        }
        has_ended.then(|| {
            tracing::debug!(id = %self.id, "a call was stopped: its session has ended");
            ExchangeEvent::Response(JsonRpcResponse::fault(Some(self.id.clone()), &Fault::SessionNotFound))
        })
    }

    /// Cancels the call, and lets the handler clean up.
    async fn stop(&mut self) {
        self.cancel.cancel();
        let cleaned_up = async { while let HandlerEvent::Message(_) = self.call.next().await {} };
        let _ = tokio::time::timeout(CANCEL_GRACE, cleaned_up).await;
    }

    async fn time_out(&mut self) -> JsonRpcResponse {
        self.stop().await;
        self.served.ended(End::Deadline);
        let seconds = self.deadline.budget().as_secs();
        tracing::warn!(id = %self.id, seconds, "a request ran out of time");
        JsonRpcResponse::fault(Some(self.id.clone()), &Fault::DeadlineExceeded { seconds })
    }

    async fn interrupt(&mut self) -> JsonRpcResponse {
        self.stop().await;
        self.served.ended(End::Interrupted);
        tracing::warn!(id = %self.id, "a call was interrupted: the process ends");
        JsonRpcResponse::fault(Some(self.id.clone()), &Fault::Interrupted)
    }

    fn respond(&self, result: HandlerResult) -> JsonRpcResponse {
        let info = &self.shared.server_info;
        let response = response::response(self.outbound.era, &self.id, &self.method, info, result);
        let is_too_large = self.sent + response.json.len() > self.shared.max_response;
        if is_too_large { self.too_large() } else { response }
    }

    fn too_large(&self) -> JsonRpcResponse {
        let limit = self.shared.max_response;
        let text = format!("the response is larger than {limit} bytes (MAX_RESPONSE_SIZE_MB)");
        let error = ErrorData::internal_error(text, None);
        JsonRpcResponse::error(&JsonRpcError::new(Some(self.id.clone()), error))
    }
}

/// Waits for messages of the client; for ever if there can be none.
async fn client_messages(inbox: &mut Option<InboxReader>) -> Vec<ClientMessage> {
    match inbox {
        Some(inbox) => inbox.next().await,
        None => std::future::pending().await,
    }
}

async fn disconnect_wanted(stream: Option<&ReplyStream>) {
    match stream {
        Some(stream) => stream.disconnect_wanted().await,
        None => std::future::pending().await,
    }
}
