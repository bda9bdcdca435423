//! The pump: an rmcp `Peer` over a transport of ours, one per request.
//!
//! rmcp gives a `Peer` only to a service it serves, so each request serves a silent one over [`Pipe`] and borrows its
//! peer; the user's handler is then called directly. What the handler says through the peer comes out of
//! [`Exchange::step`] in order, before its result. Nothing is spawned for the handler itself: whoever polls the
//! exchange runs it, and dropping the exchange stops it.

use std::{future::Future, panic::AssertUnwindSafe, sync::Arc};

use futures::{FutureExt, future::BoxFuture};
use rmcp::{
    ErrorData, RoleServer, Service,
    model::{
        ClientJsonRpcMessage, ClientNotification, ClientRequest, Extensions, InitializeRequestParams,
        RequestId, ServerConfig, ServerJsonRpcMessage, ServerResult,
    },
    service::{
        NotificationContext, RequestContext, RunningService, RxJsonRpcMessage, TxJsonRpcMessage,
        serve_directly_with_ct,
    },
    transport::{Transport, TransportAdapterIdentity},
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::handler::Handler;

/// What a handler gets besides its request.
pub(crate) struct Setting {
    /// Who the client says it is.
    pub(crate) peer_info: InitializeRequestParams,
    /// Principal, session, events, HTTP head: whatever tools may look up.
    pub(crate) extensions: Extensions,
    /// Ends the call when cancelled.
    pub(crate) cancel: CancellationToken,
}

/// One request at work.
pub(crate) struct Exchange {
    said: mpsc::UnboundedReceiver<ServerJsonRpcMessage>,
    heard: mpsc::UnboundedSender<ClientJsonRpcMessage>,
    work: Work,
    _peer: RunningService<RoleServer, Silent>,
}

enum Work {
    Going(BoxFuture<'static, Result<ServerResult, ErrorData>>),
    Done(Box<Result<ServerResult, ErrorData>>),
    Told,
}

/// What came out of an exchange.
pub(crate) enum Step {
    /// The handler said something.
    Said(ServerJsonRpcMessage),
    /// The handler is done.
    Done(Result<ServerResult, ErrorData>),
}

impl Exchange {
    pub(crate) fn start(
        handler: Arc<dyn Handler>,
        id: RequestId,
        mut request: ClientRequest,
        setting: Setting,
    ) -> Self {
        use rmcp::model::{GetExtensions, GetMeta};

        let (said_tx, said) = mpsc::unbounded_channel();
        let (heard, heard_rx) = mpsc::unbounded_channel();
        let pipe = Pipe { said: said_tx, heard: heard_rx };
        let peer = serve(Silent, pipe, setting.peer_info, &setting.cancel);
        let mut context = RequestContext::new(id, peer.peer().clone());
        context.ct = setting.cancel;
        context.meta = std::mem::take(request.get_meta_mut());
        context.extensions = std::mem::take(request.extensions_mut());
        context.extensions.extend(setting.extensions);
        let work = async move { caught(handler.request(request, context)).await }.boxed();
        Self { said, heard, work: Work::Going(work), _peer: peer }
    }

    /// The next thing. Everything said comes before the result, because `Peer::send_notification` returns only once
    /// the message is in the pipe.
    pub(crate) async fn step(&mut self) -> Step {
        if let Work::Going(work) = &mut self.work {
            tokio::select! {
                biased;
                Some(message) = self.said.recv() => return Step::Said(message),
                outcome = work => self.work = Work::Done(Box::new(outcome)),
            }
        }
        if let Ok(message) = self.said.try_recv() {
            return Step::Said(message);
        }
        match std::mem::replace(&mut self.work, Work::Told) {
            Work::Done(outcome) => Step::Done(*outcome),
            Work::Going(_) | Work::Told => std::future::pending().await,
        }
    }

    /// Gives the handler's peer a message from the client: an answer it waits for.
    pub(crate) fn hear(&self, message: ClientJsonRpcMessage) {
        // A closed pipe means that the handler is done: the answer came too late for anybody.
        let _ = self.heard.send(message);
    }
}

/// Tells the handler of a client's notification. rmcp has no public way to make a `NotificationContext`, so the
/// notification goes through a served pipe like a message from a wire.
pub(crate) async fn notify(handler: Arc<dyn Handler>, notification: ClientNotification, setting: Setting) {
    let (said, _) = mpsc::unbounded_channel();
    let (heard, heard_rx) = mpsc::unbounded_channel();
    let (done, mut told) = mpsc::unbounded_channel();
    let cancel = setting.cancel.clone();
    let listener = Listener { handler, done, extensions: setting.extensions };
    let peer = serve(listener, Pipe { said, heard: heard_rx }, setting.peer_info, &cancel);
    if heard.send(ClientJsonRpcMessage::notification(notification)).is_ok() {
        tokio::select! {
            _ = told.recv() => {}
            () = cancel.cancelled() => {}
        }
    }
    drop(peer);
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

/// What a client reads when a handler panics. The panic's own text is for the log.
pub(crate) const PANICKED: &str = "internal error: the handler panicked";

/// A panic in a handler is its error, not the environment's end.
async fn caught(
    work: impl Future<Output = Result<ServerResult, ErrorData>>,
) -> Result<ServerResult, ErrorData> {
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|panic| {
        tracing::error!(panic = panic_text(&*panic), "the handler panicked");
        Err(ErrorData::internal_error(PANICKED, None))
    })
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(no text)")
}

/// The transport between rmcp's peer and us.
struct Pipe {
    said: mpsc::UnboundedSender<ServerJsonRpcMessage>,
    heard: mpsc::UnboundedReceiver<ClientJsonRpcMessage>,
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
        std::future::ready(self.said.send(message).map_err(|_| PipeClosed))
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        self.heard.recv().await
    }

    async fn close(&mut self) -> Result<(), PipeClosed> {
        Ok(())
    }
}

/// Serves nobody: it exists so that rmcp makes a peer.
struct Silent;

impl Service<RoleServer> for Silent {
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

/// Hands one notification to the handler and says when it is done.
struct Listener {
    handler: Arc<dyn Handler>,
    done: mpsc::UnboundedSender<()>,
    extensions: Extensions,
}

impl Service<RoleServer> for Listener {
    async fn handle_request(
        &self,
        request: ClientRequest,
        context: RequestContext<RoleServer>,
    ) -> Result<ServerResult, ErrorData> {
        Silent.handle_request(request, context).await
    }

    async fn handle_notification(
        &self,
        notification: ClientNotification,
        mut context: NotificationContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        context.extensions.extend(self.extensions.clone());
        let told = AssertUnwindSafe(self.handler.notification(notification, context)).catch_unwind().await;
        if let Err(panic) = &told {
            tracing::error!(panic = panic_text(&**panic), "the handler panicked at a notification");
        }
        let _ = self.done.send(());
        told.unwrap_or(Ok(()))
    }

    fn get_info(&self) -> ServerConfig {
        ServerConfig::default()
    }
}
