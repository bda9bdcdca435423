//! The writing end of a session-era reply.
//!
//! The handler's side writes here; the client's side reads frames from a channel. They are apart because in the
//! session era a client that leaves has not cancelled anything: the call goes on, its messages are stored, and the
//! client comes back for them with `Last-Event-ID`.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{FutureExt, StreamExt};
use rmcp::model::RequestId;
use tokio::{
    sync::{Notify, mpsc, watch},
    task::JoinHandle,
};
use tokio_util::task::TaskTracker;

use super::{
    frame::{Frame, FrameStream},
    recorder::{Recorder, RecorderMessage, RecorderState},
    store::{StreamKey, StreamStore, StreamTerms},
};
use crate::{
    ids::{EventId, SessionId, StreamId},
    time::{Clock, Deadline},
};

/// Frames that may wait for a slow client, or for a slow store, before the handler has to wait too.
const BUFFER: usize = 64;
/// How long after its deadline a call may still be written down: it says goodbye, and the store takes its time.
const WRITING: Duration = Duration::from_secs(15);

/// A tool's handle on the stream its messages go to, in `RequestContext::extensions` of session-era requests.
#[derive(Clone, Default)]
pub struct ReplyStream {
    wanted: Arc<Notify>,
}

impl ReplyStream {
    /// Closes the connection while the call goes on; the client polls for the rest with `Last-Event-ID` (SEP-1699).
    ///
    /// For long work on fronts that hold a connection dearly. On Lambda the environment stops with the connection, so
    /// there long work belongs in a task.
    pub fn disconnect(&self) {
        self.wanted.notify_one();
    }

    pub(crate) async fn disconnect_wanted(&self) {
        self.wanted.notified().await;
    }
}

/// Where a session-era call writes.
pub(crate) struct ReplayableStream {
    stream: StreamId,
    deadline: Deadline,
    seq: u64,
    client: Option<mpsc::Sender<Frame>>,
    entries: Option<mpsc::Sender<RecorderMessage>>,
    state: watch::Receiver<RecorderState>,
    recorder: JoinHandle<()>,
}

/// Opens a replayable stream: the end to write to, and the frames for the client. It is written to until `deadline`,
/// and can be replayed for `life` after.
pub(crate) fn replayable_stream(
    store: &Arc<dyn StreamStore>,
    tracker: &TaskTracker,
    session: SessionId,
    request: Option<RequestId>,
    clock: &Clock,
    deadline: Deadline,
    life: Duration,
) -> (ReplayableStream, FrameStream) {
    let key = StreamKey { session, stream: StreamId::random() };
    let written_by = clock.now().plus(deadline.remaining()).plus(WRITING);
    let terms = StreamTerms { request, written_by, expires_at: written_by.plus(life) };
    let (client, frames) = mpsc::channel(BUFFER);
    let (entries, said) = mpsc::channel(BUFFER);
    let (told, state) = watch::channel(RecorderState::Opening);
    let stream = key.stream.clone();
    let recorder =
        Recorder { store: Arc::clone(store), key, terms, entries: said, state: told, carried_over: None };
    let recorder = tracker.spawn(recorder.run());
    let frames = once_open(state.clone(), frames);
    let (client, entries) = (Some(client), Some(entries));
    (ReplayableStream { stream, deadline, seq: 0, client, entries, state, recorder }, frames)
}

/// The frames for the client, from when the store knows the stream. Without the store they flow too, but lead nowhere
/// back: they have no ids.
fn once_open(mut state: watch::Receiver<RecorderState>, mut frames: mpsc::Receiver<Frame>) -> FrameStream {
    async move {
        opened(&mut state).await;
        futures::stream::poll_fn(move |cx| frames.poll_recv(cx)).filter_map(move |frame| {
            let lost = *state.borrow() == RecorderState::Lost;
            std::future::ready(match frame {
                Frame::Priming(_) if lost => None,
                Frame::Message { json, .. } if lost => Some(Frame::Message { id: None, json }),
                frame => Some(frame),
            })
        })
    }
    .flatten_stream()
    .boxed()
}

/// Waits for the store's answer to the opening, and returns whether the stream is kept.
async fn opened(state: &mut watch::Receiver<RecorderState>) -> bool {
    // A recorder that is gone has told all that it had to.
    let now = state.wait_for(|now| *now != RecorderState::Opening).await;
    now.is_ok_and(|now| *now == RecorderState::Kept)
}

impl ReplayableStream {
    pub(crate) fn priming(&self) -> Frame {
        Frame::Priming(self.place(0))
    }

    fn place(&self, seq: u64) -> EventId {
        EventId::Reply { stream: self.stream.clone(), seq }
    }

    /// Has a message stored, and sends it.
    pub(crate) async fn message(&mut self, json: Bytes) {
        self.seq += 1;
        if let Some(entries) = &self.entries {
            let kept = entries.send(RecorderMessage::Message(json.clone()));
            // Without this one no later one is of use.
            if !matches!(tokio::time::timeout_at(self.deadline.instant(), kept).await, Ok(Ok(()))) {
                self.entries = None;
            }
        }
        self.send(Frame::Message { id: Some(self.place(self.seq)), json }).await;
    }

    /// Sends a frame that is not part of the replay. A client that left is no error, and neither is one that stays
    /// and does not read: it is waited for until the deadline.
    pub(crate) async fn send(&mut self, frame: Frame) {
        if let Some(client) = &self.client
            && !matches!(
                tokio::time::timeout_at(self.deadline.instant(), client.send(frame)).await,
                Ok(Ok(()))
            )
        {
            self.client = None;
        }
    }

    /// Ends the connection, if the client can come back; the call and its stream go on.
    pub(crate) async fn disconnect(&mut self, retry: Duration) {
        if opened(&mut self.state).await {
            self.send(Frame::Retry(retry)).await;
            self.client = None;
        }
    }

    /// Ends the stream: its last byte comes when everything is stored.
    pub(crate) async fn finish(self) {
        if let Some(entries) = self.entries {
            // Refused by a recorder that has given up, and said so.
            let _ = entries.send(RecorderMessage::End).await;
        }
        if let Err(error) = self.recorder.await {
            tracing::error!(%error, "a reply was not stored to its end");
        }
        drop(self.client);
    }
}
