//! The writing end of a session-era reply.
//!
//! The handler's side writes here; the client's side reads frames from a channel. They are apart because in the
//! session era a client that leaves has not cancelled anything: the call goes on, its messages are stored, and the
//! client comes back for them with `Last-Event-ID`.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures::StreamExt;
use tokio::sync::{Notify, mpsc};

use super::{
    deadline::Deadline,
    frame::{Frame, FrameStream},
    id::{EventId, StreamId},
    store::{StoredFrame, StreamKey, StreamStore},
};
use crate::{
    clock::{Clock, Timestamp},
    error::StoreError,
    session::SessionId,
};

/// Frames that may wait for a slow client before the handler has to wait too.
const BUFFER: usize = 64;

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
pub(crate) struct Outlet {
    key: StreamKey,
    store: Arc<dyn StreamStore>,
    expires_at: Timestamp,
    deadline: Deadline,
    seq: u64,
    client: Option<mpsc::Sender<Frame>>,
}

/// Opens a replayable stream: the end to write to, and the frames for the client. It is written to until `deadline`,
/// and can be replayed for `life` after.
pub(crate) async fn outlet(
    store: &Arc<dyn StreamStore>,
    session: SessionId,
    clock: &Clock,
    deadline: Deadline,
    life: Duration,
) -> Result<(Outlet, FrameStream), StoreError> {
    let key = StreamKey { session, stream: StreamId::random() };
    let expires_at = clock.now().plus(deadline.remaining()).plus(life);
    store.open(&key, expires_at).await?;
    let (client, mut frames) = mpsc::channel(BUFFER);
    let outlet = Outlet { key, store: Arc::clone(store), expires_at, deadline, seq: 0, client: Some(client) };
    let frames = futures::stream::poll_fn(move |cx| frames.poll_recv(cx)).boxed();
    Ok((outlet, frames))
}

impl Outlet {
    pub(crate) fn priming(&self) -> Frame {
        Frame::Priming(self.place(0))
    }

    fn place(&self, seq: u64) -> EventId {
        EventId::Reply { stream: self.key.stream.clone(), seq }
    }

    /// Stores a message, then sends it. In that order: a message a client has seen can always be resumed from.
    pub(crate) async fn message(&mut self, json: Bytes) -> Result<(), StoreError> {
        self.seq += 1;
        let frame = StoredFrame { seq: self.seq, json: json.clone() };
        self.store.append(&self.key, &[frame], self.expires_at).await?;
        self.send(Frame::Message { id: Some(self.place(self.seq)), json }).await;
        Ok(())
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

    /// Ends the connection; the call and its stream go on.
    pub(crate) async fn disconnect(&mut self, retry: Duration) {
        self.send(Frame::Retry(retry)).await;
        self.client = None;
    }

    /// Ends the stream.
    pub(crate) async fn finish(self) -> Result<(), StoreError> {
        self.store.finish(&self.key).await
    }
}
