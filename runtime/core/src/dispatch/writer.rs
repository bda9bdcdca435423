//! The reply to a POST of the session era: JSON while there are only responses, a stream from the first other thing on.

use std::{sync::Arc, time::Duration};

use rmcp::model::RequestId;
use tokio::sync::oneshot;

use super::{
    App,
    conversation::{Conversation, Said},
    reply::{Answer, Caller, Final, Reply},
};
use crate::{
    ingress::Delivery,
    protocol::{Era, Fault},
    session::SessionRecord,
    stream::{self, Frame, ReplayableStream},
    time::Deadline,
};

/// How long a finished reply can be replayed.
const REPLAY_LIFE: Duration = Duration::from_secs(15 * 60);

/// One request of a POST.
pub(super) enum Job {
    /// Answered already.
    Done(Final),
    /// The handler works on it.
    Talk(Box<Conversation>),
}

/// Whether a POST held one message or a batch.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    One,
    Batch,
}

/// Runs jobs in a task of their own: in this era a client that leaves has cancelled nothing.
pub(super) async fn drive(
    app: &Arc<App>,
    caller: &Caller,
    record: Arc<SessionRecord>,
    jobs: Vec<Job>,
    shape: Shape,
) -> Reply {
    // Nothing to run: no task.
    if let [Job::Done(last)] = &jobs[..]
        && shape == Shape::One
        && caller.accepts.json
    {
        return Reply::answer(Era::Session, last.clone());
    }
    // Whoever comes back for a reply that broke off is told which request will not be answered.
    let request = match &jobs[..] {
        [Job::Talk(conversation)] if shape == Shape::One => Some(conversation.id().clone()),
        _ => None,
    };
    let (reply, replied) = oneshot::channel();
    let writer = Writer {
        app: Arc::clone(app),
        record,
        request,
        json: caller.accepts.json,
        events: caller.accepts.events,
        delivery: caller.ingress.delivery,
        deadline: caller.ingress.deadline,
        shape,
        reply: Some(reply),
        outlet: None,
        kept: Vec::new(),
    };
    app.tracker.spawn(writer.run(jobs));
    replied.await.unwrap_or_else(|_| Reply::refuse(Era::Session, None, Fault::Internal))
}

/// Writes what jobs say: as JSON while there are only responses, as a stream from the first other thing on.
struct Writer {
    app: Arc<App>,
    record: Arc<SessionRecord>,
    request: Option<RequestId>,
    json: bool,
    events: bool,
    delivery: Delivery,
    deadline: Deadline,
    shape: Shape,
    reply: Option<oneshot::Sender<Reply>>,
    outlet: Option<ReplayableStream>,
    kept: Vec<Final>,
}

impl Writer {
    async fn run(mut self, jobs: Vec<Job>) {
        for job in jobs {
            match job {
                Job::Done(last) => self.last(last).await,
                Job::Talk(conversation) => self.talk(*conversation).await,
            }
        }
        self.close().await;
    }

    async fn talk(&mut self, mut conversation: Conversation) {
        loop {
            match conversation.next().await {
                Said::Final(last) => return self.last(last).await,
                Said::Cancelled => {
                    tracing::debug!(id = %conversation.id(), "cancelled by the client");
                    // No response may follow; the stream, opened if need be, just ends.
                    if self.events {
                        self.with_outlet(None).await;
                    }
                    return;
                }
                Said::Message(_) | Said::LazySubscriber | Said::Disconnect if !self.events => {}
                Said::Disconnect if !self.can_poll() => {}
                Said::Message(json) => self.with_outlet(Some(Say::Message(json))).await,
                Said::LazySubscriber if self.delivery == Delivery::Buffered => {}
                Said::LazySubscriber => self.with_outlet(Some(Say::KeepAlive)).await,
                Said::Disconnect => self.with_outlet(Some(Say::Disconnect)).await,
            }
        }
    }

    async fn last(&mut self, last: Final) {
        if self.outlet.is_some() || !self.json {
            self.with_outlet(Some(Say::Message(last.json))).await;
        } else {
            self.kept.push(last);
        }
    }

    /// Writes to the stream, opening it first if this is the first thing to go there.
    async fn with_outlet(&mut self, say: Option<Say>) {
        let mut outlet = match self.outlet.take() {
            Some(outlet) => outlet,
            None => self.open().await,
        };
        match say {
            Some(Say::Message(json)) => outlet.message(json).await,
            Some(Say::KeepAlive) => outlet.send(Frame::KeepAlive).await,
            Some(Say::Disconnect) => outlet.disconnect(self.app.config.streams.retry).await,
            // Never an empty stream: some fronts wait for its first byte.
            None => outlet.send(Frame::KeepAlive).await,
        }
        self.outlet = Some(outlet);
    }

    /// Whether the client knows how to come back for a reply that it has lost before anything was said, and may.
    fn can_poll(&self) -> bool {
        self.record.version.has_priming() && self.app.config.streams.enabled
    }

    async fn open(&mut self) -> ReplayableStream {
        let App { stores, tracker, clock, .. } = &*self.app;
        let (session, request) = (self.record.id.clone(), self.request.take());
        let (mut outlet, frames) = stream::replayable_stream(
            &stores.streams,
            tracker,
            session,
            request,
            clock,
            self.deadline,
            REPLAY_LIFE,
        );
        if let Some(reply) = self.reply.take() {
            // The client may have left already. In this era that changes nothing.
            let _ = reply.send(Reply::Stream(frames));
        }
        if self.can_poll() {
            let priming = outlet.priming();
            outlet.send(priming).await;
        }
        for last in self.kept.drain(..) {
            outlet.message(last.json).await;
        }
        outlet
    }

    async fn close(&mut self) {
        if let Some(outlet) = self.outlet.take() {
            return outlet.finish().await;
        }
        let Some(reply) = self.reply.take() else { return };
        let _ = reply.send(match (self.shape, self.kept.pop()) {
            (Shape::One, Some(last)) => Reply::answer(Era::Session, last),
            (Shape::Batch, Some(last)) => {
                self.kept.push(last);
                Reply::Answer(Answer { era: Era::Session, json: array(&self.kept), code: None, opens: None })
            }
            (_, None) => Reply::Accepted,
        });
    }
}

enum Say {
    Message(bytes::Bytes),
    KeepAlive,
    Disconnect,
}

fn array(parts: &[Final]) -> bytes::Bytes {
    let joined = parts.iter().map(|part| &part.json[..]).collect::<Vec<_>>().join(&b","[..]);
    [&b"["[..], &joined, b"]"].concat().into()
}
