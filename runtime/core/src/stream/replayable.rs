//! The sending end of a session-era reply.
//!
//! The call sends messages here, and the client's connection receives frames from a channel. The two are separate
//! because in the session era a disconnect does not cancel the call: the call continues, its messages are stored, and
//! the client resumes the stream with `Last-Event-ID`.

use std::{fmt, sync::Arc, time::Duration};

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
    telemetry::in_this_trace,
    time::{Clock, Deadline},
};

/// Capacity of the channels to the client and to the recorder. When one is full the handler waits.
const BUFFER: usize = 64;
/// Grace period after the deadline for storing the final messages.
const STORE_GRACE: Duration = Duration::from_secs(15);

/// A tool's handle on the stream that carries its messages, in `RequestContext::extensions` of session-era requests.
#[derive(Clone, Default)]
pub struct ReplyStream {
    disconnect: Arc<Notify>,
}

impl ReplyStream {
    /// Closes the connection while the call continues; the client polls for the rest with `Last-Event-ID` (SEP-1699).
    ///
    /// Use it for long calls behind a proxy or gateway that limits connections. On Lambda the environment is frozen when
    /// the connection ends, and the call with it.
    pub fn disconnect(&self) {
        self.disconnect.notify_one();
    }

    pub(crate) async fn disconnect_wanted(&self) {
        self.disconnect.notified().await;
    }
}

impl fmt::Debug for ReplyStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplyStream").finish_non_exhaustive()
    }
}

/// The sending end of a session-era reply.
pub(crate) struct ReplayableStream {
    stream: StreamId,
    deadline: Deadline,
    seq: u64,
    client: Option<mpsc::Sender<Frame>>,
    recorded: Option<mpsc::Sender<RecorderMessage>>,
    state: watch::Receiver<RecorderState>,
    recorder: JoinHandle<()>,
}

/// Opens a replayable stream, and returns its sending end and the frames for the client. It is written until `deadline`
/// and can be replayed for `ttl` after that.
pub(crate) fn replayable_stream(
    store: &Arc<dyn StreamStore>,
    tracker: &TaskTracker,
    session: SessionId,
    request: Option<RequestId>,
    clock: &Clock,
    deadline: Deadline,
    ttl: Duration,
) -> (ReplayableStream, FrameStream) {
    let key = StreamKey { session, stream: StreamId::random() };
    let written_by = clock.now().plus(deadline.remaining()).plus(STORE_GRACE);
    let terms = StreamTerms::new(request, written_by, written_by.plus(ttl));
    let (client, frames) = mpsc::channel(BUFFER);
    let (recorded, entries) = mpsc::channel(BUFFER);
    let (state_sender, state) = watch::channel(RecorderState::Opening);
    let stream = key.stream.clone();
    let recorder =
        Recorder { store: Arc::clone(store), key, terms, entries, state: state_sender, carried_over: None };
    let recorder = tracker.spawn(in_this_trace(recorder.run()));
    let frames = once_open(state.clone(), frames);
    let (client, recorded) = (Some(client), Some(recorded));
    (ReplayableStream { stream, deadline, seq: 0, client, recorded, state, recorder }, frames)
}

/// Returns the frames for the client, starting when the first write has ended. If a write has failed the frames carry no
/// event ids, because the stream cannot be resumed.
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

/// Waits for the end of the first write, and returns whether the stream can be resumed.
async fn opened(state: &mut watch::Receiver<RecorderState>) -> bool {
    // An error means that the recorder has ended; its last state counts.
    let now = state.wait_for(|now| *now != RecorderState::Opening).await;
    now.is_ok_and(|now| *now == RecorderState::Kept)
}

impl ReplayableStream {
    /// Returns the priming event, with the position before the first message.
    pub(crate) fn priming(&self) -> Frame {
        Frame::Priming(self.event_id(0))
    }

    fn event_id(&self, seq: u64) -> EventId {
        EventId::Reply { stream: self.stream.clone(), seq }
    }

    /// Passes a message to the recorder, and sends it.
    pub(crate) async fn message(&mut self, json: Bytes) {
        self.seq += 1;
        if let Some(recorded) = &self.recorded {
            let sent = recorded.send(RecorderMessage::Message(json.clone()));
            // A replay ends at a missing message, so later ones are not stored either.
            if !matches!(tokio::time::timeout_at(self.deadline.instant(), sent).await, Ok(Ok(()))) {
                self.recorded = None;
            }
        }
        self.send(Frame::Message { id: Some(self.event_id(self.seq)), json }).await;
    }

    /// Sends a frame that is not part of the replay. A client that has disconnected is not an error. A client that does
    /// not read is waited for until the deadline.
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

    /// Ends the connection if the client can resume the stream. The call and its stream continue.
    pub(crate) async fn disconnect(&mut self, retry: Duration) {
        if opened(&mut self.state).await {
            self.send(Frame::Retry(retry)).await;
            self.client = None;
        }
    }

    /// Ends the stream. The client's connection ends when everything is stored.
    pub(crate) async fn finish(self) {
        if let Some(recorded) = self.recorded {
            // Fails if the recorder has ended after a failed write, which it has logged.
            let _ = recorded.send(RecorderMessage::End).await;
        }
        if let Err(error) = self.recorder.await {
            tracing::error!(%error, "a reply was not stored to its end: the recorder has panicked");
        }
        drop(self.client);
    }
}
