//! One request at work: the handler, the client's letters to it, and its deadline.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use rmcp::{
    ErrorData,
    model::{JsonRpcError, RequestId, ServerJsonRpcMessage, ServerResult},
};
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    App,
    outbound::{self, Outbound, Route},
    outcome::{self, Asked},
    reply::Final,
    seal::Binding,
};
use crate::{
    auth::Principal,
    error::Causes,
    handler::Handler,
    peer::{Exchange, Setting, Step},
    protocol::Fault,
    session::{ClientMessage, InboxKey, PollSchedule, SessionId},
    stream::ReplyStream,
    time::Deadline,
};

/// How long a handler may tidy up after its request was cancelled or ran out of time.
const GRACE: Duration = Duration::from_millis(250);

/// A request being served. Dropping it stops the handler.
pub(super) struct Conversation {
    app: Arc<App>,
    asked: Asked,
    exchange: Exchange,
    outbound: Outbound,
    letters: Option<Letters>,
    disconnect: Option<ReplyStream>,
    deadline: Deadline,
    quiet_until: Instant,
    sent: usize,
    cancel: CancellationToken,
    _stop: DropGuard,
}

/// Where the client's letters for this call come from.
pub(super) struct Letters {
    session: SessionId,
    addresses: Vec<InboxKey>,
    looks: PollSchedule,
}

/// A call that asked nothing looks for a cancellation this late, and so costs a quick call nothing.
const CANCEL_LOOK: Duration = Duration::from_secs(1);
/// A call that asked something looks soon.
const ANSWER_LOOK: Duration = Duration::from_millis(50);

impl Letters {
    pub(super) fn new(session: SessionId, call: &str, id: &RequestId) -> Self {
        let addresses = vec![InboxKey::Call(call.to_owned()), request_address(id)];
        Self { session, addresses, looks: PollSchedule::starting(CANCEL_LOOK) }
    }

    fn is_cancellation(mail: &ClientMessage) -> bool {
        matches!(mail.to, InboxKey::Request(_))
    }
}

/// Where cancellations of a request go.
pub(super) fn request_address(id: &RequestId) -> InboxKey {
    InboxKey::Request(serde_json::to_string(id).unwrap_or_default())
}

/// What comes out of a conversation.
pub(super) enum Said {
    /// A message for the client.
    Message(Bytes),
    /// The response.
    Final(Final),
    /// Nothing for a while.
    LazySubscriber,
    /// The handler wants the connection closed while it goes on.
    Disconnect,
    /// The client cancelled: there will be no response.
    Cancelled,
}

/// What a conversation needs besides the request.
pub(super) struct Terms {
    pub(super) outbound: Outbound,
    pub(super) binding: Option<Binding>,
    pub(super) letters: Option<Letters>,
    /// Who is answered.
    pub(super) principal: Principal,
    pub(super) deadline: Deadline,
}

impl Conversation {
    pub(super) fn start(
        app: &Arc<App>,
        id: RequestId,
        request: rmcp::model::ClientRequest,
        setting: Setting,
        terms: Terms,
    ) -> Self {
        let cancel = setting.cancel.clone();
        let disconnect = setting.extensions.get::<ReplyStream>().cloned();
        let handler: Arc<dyn Handler> = Arc::clone(&app.handler);
        let asked = Asked {
            era: terms.outbound.era,
            id: id.clone(),
            capabilities: setting.peer_info.capabilities.clone(),
            binding: terms.binding,
            principal: terms.principal,
        };
        Self {
            exchange: Exchange::start(handler, id, request, setting),
            app: Arc::clone(app),
            asked,
            outbound: terms.outbound,
            letters: terms.letters,
            disconnect,
            deadline: terms.deadline,
            quiet_until: Instant::now() + app.config.streams.keep_alive,
            sent: 0,
            _stop: cancel.clone().drop_guard(),
            cancel,
        }
    }

    pub(super) fn id(&self) -> &RequestId {
        &self.asked.id
    }

    /// The next thing. Call it again until it says [`Said::Final`] or [`Said::Cancelled`].
    pub(super) async fn next(&mut self) -> Said {
        loop {
            tokio::select! {
                biased;
                step = self.exchange.step() => match step {
                    Step::Said(message) => if let Some(said) = self.say(message).await { return said },
                    Step::Done(outcome) => return Said::Final(self.bounded(outcome)),
                },
                mail = letters(&self.app, &mut self.letters) => {
                    if self.read(mail).await { return Said::Cancelled }
                },
                () = disconnect_wanted(self.disconnect.as_ref()) => return Said::Disconnect,
                () = tokio::time::sleep_until(self.deadline.instant()) => return Said::Final(self.give_up().await),
                () = tokio::time::sleep_until(self.quiet_until) => {
                    self.quiet_until = Instant::now() + self.app.config.streams.keep_alive;
                    return Said::LazySubscriber;
                }
            }
        }
    }

    async fn say(&mut self, message: ServerJsonRpcMessage) -> Option<Said> {
        match self.outbound.route(message) {
            Route::Send(json) => Some(self.send(json)),
            Route::Ask(json) => {
                // Somebody will answer soon.
                if let Some(letters) = &mut self.letters {
                    letters.looks = PollSchedule::starting(ANSWER_LOOK);
                }
                Some(self.send(json))
            }
            Route::Publish(event) => {
                if let Err(error) = self.app.events.publish(event).await {
                    tracing::error!(error = %Causes(&error), "an event of a handler was not published");
                }
                None
            }
            Route::Refuse(answer) => {
                self.exchange.hear(*answer);
                None
            }
            Route::Drop => None,
        }
    }

    fn send(&mut self, json: Bytes) -> Said {
        self.quiet_until = Instant::now() + self.app.config.streams.keep_alive;
        self.sent += json.len();
        if self.sent > self.app.config.max_response {
            return Said::Final(self.too_large());
        }
        Said::Message(json)
    }

    /// Acts on letters, then throws them away. `true` when one was a cancellation.
    async fn read(&mut self, mail: Vec<ClientMessage>) -> bool {
        let Some(session) = self.letters.as_ref().map(|letters| letters.session.clone()) else {
            return false;
        };
        for message in mail.iter().filter(|mail| !Letters::is_cancellation(mail)) {
            match outbound::inbound(&message.body) {
                Some(message) => self.exchange.hear(message),
                None => tracing::warn!(name = message.name, "a client's answer cannot be read"),
            }
        }
        let cancelled = mail.iter().any(Letters::is_cancellation);
        if cancelled {
            self.stop().await;
        }
        if let Err(error) = self.app.inbox.discard(&session, &mail).await {
            tracing::warn!(error = %Causes(&error), "letters were not discarded; they expire");
        }
        cancelled
    }

    /// Tells the handler that nobody wants its answer and lets it tidy up.
    async fn stop(&mut self) {
        self.cancel.cancel();
        let _ =
            tokio::time::timeout(GRACE, async { while let Step::Said(_) = self.exchange.step().await {} })
                .await;
    }

    async fn give_up(&mut self) -> Final {
        self.stop().await;
        let fault = Fault::DeadlineExceeded { seconds: self.deadline.budget().as_secs() };
        tracing::warn!(id = %self.asked.id, seconds = self.deadline.budget().as_secs(), "a request ran out of time");
        Final::fault(Some(self.asked.id.clone()), &fault)
    }

    fn bounded(&mut self, outcome: Result<ServerResult, ErrorData>) -> Final {
        let last = outcome::finish(&self.app, &self.asked, outcome);
        if self.sent + last.json.len() > self.app.config.max_response { self.too_large() } else { last }
    }

    fn too_large(&self) -> Final {
        let text = format!(
            "the answer is larger than {} bytes (MAX_RESPONSE_SIZE_MB)",
            self.app.config.max_response
        );
        Final::error(&JsonRpcError::new(Some(self.asked.id.clone()), ErrorData::internal_error(text, None)))
    }
}

/// Waits for letters, or for ever if there can be none. A store that fails is asked again at the next look.
async fn letters(app: &App, letters: &mut Option<Letters>) -> Vec<ClientMessage> {
    let Some(letters) = letters else { return std::future::pending().await };
    loop {
        match app.inbox.wait(&letters.session, &letters.addresses, &mut letters.looks).await {
            Ok(mail) => return mail,
            Err(error) => {
                tracing::warn!(error = %Causes(&error), "the inbox cannot be read; trying again");
            }
        }
    }
}

async fn disconnect_wanted(stream: Option<&ReplyStream>) {
    match stream {
        Some(stream) => stream.disconnect_wanted().await,
        None => std::future::pending().await,
    }
}
