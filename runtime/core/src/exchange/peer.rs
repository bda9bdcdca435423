//! A call of the handler, with an rmcp `Peer` over a transport of our own.
//!
//! rmcp gives a `Peer` only to a service that it serves. So each call serves an idle service over [`Pipe`] and takes its
//! peer; the handler is then called directly. What the handler sends through the peer comes out of [`HandlerCall::next`]
//! in order, before its result. No task runs the handler: it runs while the call is polled, and dropping the call stops
//! it.

use std::{future::Future, panic::AssertUnwindSafe, sync::Arc};

use futures::{FutureExt, future::BoxFuture};
use rmcp::{
    ErrorData, RoleServer, Service,
    model::{
        ClientJsonRpcMessage, ClientNotification, ClientRequest, Extensions, InitializeRequestParams,
        ServerConfig, ServerJsonRpcMessage, ServerResult,
    },
    service::{
        NotificationContext, RequestContext, RunningService, RxJsonRpcMessage, TxJsonRpcMessage,
        serve_directly_with_ct,
    },
    transport::{Transport, TransportAdapterIdentity},
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{
    auth::Principal,
    error::panic_text,
    handler::{self, Handler, HandlerError, HandlerResult},
    protocol::{self, Era},
    telemetry::{ServedRequest, outside_of_deferred},
};

/// What a handler gets beside a request.
pub(crate) struct HandlerContext {
    pub(crate) era: Era,
    pub(crate) principal: Principal,
    /// The client, as its requests or its `initialize` name it.
    pub(crate) peer_info: InitializeRequestParams,
    /// What tools look up: the principal, the session, events, the head of the HTTP request.
    pub(crate) extensions: Extensions,
    /// Stops the call when it is cancelled.
    pub(crate) cancel: CancellationToken,
    pub(crate) served: ServedRequest,
}

/// One call of the handler.
pub(crate) struct HandlerCall {
    from_handler: mpsc::UnboundedReceiver<ServerJsonRpcMessage>,
    to_peer: mpsc::UnboundedSender<ClientJsonRpcMessage>,
    state: State,
    _peer: RunningService<RoleServer, Idle>,
}

enum State {
    Running(BoxFuture<'static, HandlerResult>),
    Finished(Box<HandlerResult>),
    Returned,
}

/// What comes out of a call of the handler.
pub(crate) enum HandlerEvent {
    /// A message that the handler sends to the client.
    Message(ServerJsonRpcMessage),
    /// The result of the handler. It is the last event.
    Result(HandlerResult),
}

impl HandlerCall {
    pub(crate) fn start(
        handler: Arc<dyn Handler>,
        message: protocol::Request,
        mut typed: ClientRequest,
        given: HandlerContext,
    ) -> Self {
        use rmcp::model::{GetExtensions, GetMeta};

        let (to_client, from_handler) = mpsc::unbounded_channel();
        let (to_peer, from_client) = mpsc::unbounded_channel();
        let peer = idle_peer(Pipe { to_client, from_client }, given.peer_info, &given.cancel);
        let mut context = RequestContext::new(message.id.clone(), peer.peer().clone());
        context.ct = given.cancel;
        context.meta = std::mem::take(typed.get_meta_mut());
        context.extensions = std::mem::take(typed.extensions_mut());
        context.extensions.extend(given.extensions);
        let (era, principal) = (given.era, given.principal);
        let request = handler::Request { era, principal, message, typed, context };
        let running = async move { catch_panic(handler.request(request)).await }.boxed();
        Self { from_handler, to_peer, state: State::Running(running), _peer: peer }
    }

    /// Returns the next event. Every message comes before the result, because `Peer::send_notification` returns only
    /// once the message is in the pipe.
    pub(crate) async fn next(&mut self) -> HandlerEvent {
        if let State::Running(running) = &mut self.state {
            tokio::select! {
                biased;
                Some(message) = self.from_handler.recv() => return HandlerEvent::Message(message),
                result = running => self.state = State::Finished(Box::new(result)),
            }
        }
        if let Ok(message) = self.from_handler.try_recv() {
            return HandlerEvent::Message(message);
        }
        match std::mem::replace(&mut self.state, State::Returned) {
            State::Finished(result) => HandlerEvent::Result(*result),
            State::Running(_) | State::Returned => std::future::pending().await,
        }
    }

    /// Gives the handler's peer a message of the client: a response that the handler waits for.
    pub(crate) fn deliver(&self, message: ClientJsonRpcMessage) {
        // A closed pipe means that the handler has returned, and the response is too late.
        let _ = self.to_peer.send(message);
    }
}

/// Passes a notification of the client to the handler. rmcp has no public way to make a `NotificationContext`, so the
/// notification goes through a served pipe like a message from a transport.
pub(crate) async fn notify(
    handler: Arc<dyn Handler>,
    notification: ClientNotification,
    given: HandlerContext,
) {
    let (to_client, _) = mpsc::unbounded_channel();
    let (to_peer, from_client) = mpsc::unbounded_channel();
    let (done, mut handled) = mpsc::unbounded_channel();
    let cancel = given.cancel.clone();
    let service = Notified { handler, done, extensions: given.extensions };
    let peer = serve(service, Pipe { to_client, from_client }, given.peer_info, &cancel);
    if to_peer.send(ClientJsonRpcMessage::notification(notification)).is_ok() {
        tokio::select! {
            _ = handled.recv() => {}
            () = cancel.cancelled() => {}
        }
    }
    drop(peer);
}

/// Serves the service of a peer. rmcp asks for the current span, for lines of its own that only a log filter which names it
/// asks for; nothing of the handler runs there.
fn idle_peer(
    pipe: Pipe,
    peer_info: InitializeRequestParams,
    cancel: &CancellationToken,
) -> RunningService<RoleServer, Idle> {
    let run = || serve(Idle, pipe, peer_info, cancel);
    if tracing::enabled!(target: "rmcp", tracing::Level::INFO) { run() } else { outside_of_deferred(run) }
}

fn serve<S: Service<RoleServer>>(
    service: S,
    pipe: Pipe,
    peer_info: InitializeRequestParams,
    cancel: &CancellationToken,
) -> RunningService<RoleServer, S> {
    serve_directly_with_ct::<RoleServer, S, _, _, TransportAdapterIdentity>(
        service,
        pipe,
        Some(peer_info),
        cancel.child_token(),
    )
}

/// The error text of a handler that panics. The text of the panic goes to the log.
pub(crate) const PANICKED: &str = "internal error: the handler panicked";

/// Turns a panic of the handler into an error of its request: the process goes on.
async fn catch_panic(running: impl Future<Output = HandlerResult>) -> HandlerResult {
    AssertUnwindSafe(running).catch_unwind().await.unwrap_or_else(|panic| {
        tracing::error!(panic = panic_text(&*panic), "the handler panicked");
        Err(HandlerError::Handler(ErrorData::internal_error(PANICKED, None)))
    })
}

/// The transport of rmcp's peer: two channels.
struct Pipe {
    to_client: mpsc::UnboundedSender<ServerJsonRpcMessage>,
    from_client: mpsc::UnboundedReceiver<ClientJsonRpcMessage>,
}

#[derive(Debug, thiserror::Error)]
#[error("the request this peer belongs to has ended")]
struct PipeClosed;

impl Transport<RoleServer> for Pipe {
    type Error = PipeClosed;

    fn send(
        &mut self,
        message: TxJsonRpcMessage<RoleServer>,
    ) -> impl Future<Output = Result<(), PipeClosed>> + Send + 'static {
        std::future::ready(self.to_client.send(message).map_err(|_| PipeClosed))
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        self.from_client.recv().await
    }

    async fn close(&mut self) -> Result<(), PipeClosed> {
        Ok(())
    }
}

/// A service that answers nothing: it exists so that rmcp makes a peer.
struct Idle;

impl Service<RoleServer> for Idle {
    async fn handle_request(
        &self,
        request: ClientRequest,
        _: RequestContext<RoleServer>,
    ) -> Result<ServerResult, ErrorData> {
        Err(ErrorData::new(rmcp::model::ErrorCode::METHOD_NOT_FOUND, request.method().to_owned(), None))
    }

    async fn handle_notification(
        &self,
        _: ClientNotification,
        _: NotificationContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        Ok(())
    }

    fn get_info(&self) -> ServerConfig {
        ServerConfig::default()
    }
}

/// Passes one notification to the handler and reports when it is handled.
struct Notified {
    handler: Arc<dyn Handler>,
    done: mpsc::UnboundedSender<()>,
    extensions: Extensions,
}

impl Service<RoleServer> for Notified {
    async fn handle_request(
        &self,
        request: ClientRequest,
        context: RequestContext<RoleServer>,
    ) -> Result<ServerResult, ErrorData> {
        Idle.handle_request(request, context).await
    }

    async fn handle_notification(
        &self,
        notification: ClientNotification,
        mut context: NotificationContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        context.extensions.extend(self.extensions.clone());
        let handled = AssertUnwindSafe(self.handler.notification(notification, context)).catch_unwind().await;
        if let Err(panic) = &handled {
            tracing::error!(panic = panic_text(&**panic), "the handler panicked at a notification");
        }
        let _ = self.done.send(());
        handled.unwrap_or(Ok(()))
    }

    fn get_info(&self) -> ServerConfig {
        ServerConfig::default()
    }
}
