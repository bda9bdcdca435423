//! A broken reply, continued: GET with the id of an event of that reply.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use futures::StreamExt;
use tokio::time::Instant;

use super::{
    App, listen,
    reply::{Caller, Final, Reply},
    session,
};
use crate::{
    error::{Causes, StoreError},
    ingress::Delivery,
    limits::StreamPermit,
    protocol::Fault,
    random,
    stream::{EventId, Frame, FrameStream, Replay, StoredFrame, StreamId, StreamKey},
    time::Deadline,
};

/// Between looks at a reply that is still being written, perhaps elsewhere.
const FIRST_LOOK: Duration = Duration::from_millis(50);
const LAST_LOOK: Duration = Duration::from_secs(1);

pub(super) async fn open(
    app: &Arc<App>,
    caller: &Caller,
    session: &str,
    stream: StreamId,
    seq: u64,
) -> Result<Reply, Fault> {
    let key = StreamKey { session: session.parse().map_err(|_| Fault::SessionNotFound)?, stream };
    let id = EventId::Reply { stream: key.stream.clone(), seq };
    // At once: what is read is looked at only when the session is known to be the caller's.
    let (record, replay) =
        futures::join!(session::find(app, caller, session), app.stores.streams.read(&key, seq));
    let record = record?;
    let replay = match replay {
        // Unknown, expired, another session's: one answer.
        Ok(Replay::Unknown) => return Err(Fault::UnknownEvent(id.to_string())),
        Ok(replay) => replay,
        Err(error) => {
            tracing::error!(error = %Causes(&error), "a reply cannot be read back");
            return Err(Fault::Unavailable);
        }
    };
    let deadline = match caller.ingress.delivery {
        Delivery::Stream => listen::life(app, caller),
        Delivery::Buffered => Deadline::after(Duration::ZERO),
    };
    // What is finished is over in a moment; what is not is one more stream that waits.
    let slot =
        if matches!(replay, Replay::Open(_)) { Some(app.slot(caller, &deadline).await?) } else { None };
    let mut opening = vec![Frame::Retry(app.config.streams.retry)];
    if record.version.has_priming() {
        // Where we are, so that a client that loses this stream too comes back to the same place.
        opening.push(Frame::Priming(id));
    }
    let mut reader = Reader {
        app: Arc::clone(app),
        key,
        seq,
        waiting: VecDeque::new(),
        open: true,
        slot,
        deadline,
        pause: FIRST_LOOK,
    };
    reader.take(replay);
    Ok(Reply::Stream(futures::stream::iter(opening).chain(reader.stream()).boxed()))
}

struct Reader {
    app: Arc<App>,
    key: StreamKey,
    seq: u64,
    waiting: VecDeque<Frame>,
    open: bool,
    slot: Option<StreamPermit>,
    deadline: Deadline,
    pause: Duration,
}

impl Reader {
    fn stream(self) -> FrameStream {
        futures::stream::unfold(Some(self), async |reader| {
            let mut reader = reader?;
            let (frame, more) = reader.next().await?;
            Some((frame, more.then_some(reader)))
        })
        .boxed()
    }

    /// The next frame and whether more may come; nothing at the end.
    async fn next(&mut self) -> Option<(Frame, bool)> {
        let quiet_until = Instant::now() + self.app.config.streams.keep_alive;
        loop {
            if let Some(frame) = self.waiting.pop_front() {
                return Some((frame, true));
            }
            if !self.open {
                return None;
            }
            let look_at = Instant::now() + random::jitter(self.pause);
            tokio::select! {
                () = tokio::time::sleep_until(look_at) => {}
                () = self.app.shutdown.cancelled() => return Some((self.end().await, false)),
                () = tokio::time::sleep_until(self.deadline.instant()) => return Some((self.end().await, false)),
                () = tokio::time::sleep_until(quiet_until) => return Some((Frame::KeepAlive, true)),
            }
            if let Err(error) = self.look().await {
                tracing::warn!(error = %Causes(&error), "a reply cannot be read back; trying again");
            }
        }
    }

    async fn look(&mut self) -> Result<(), StoreError> {
        let replay = self.app.stores.streams.read(&self.key, self.seq).await?;
        self.take(replay);
        if !self.open {
            self.release().await;
        }
        self.pause = if self.waiting.is_empty() { (self.pause * 2).min(LAST_LOOK) } else { FIRST_LOOK };
        Ok(())
    }

    fn take(&mut self, replay: Replay) {
        let (frames, broken) = match replay {
            Replay::Open(frames) => (frames, None),
            Replay::Finished(frames) => {
                self.open = false;
                (frames, None)
            }
            Replay::Broken { frames, request } => {
                self.open = false;
                (frames, request)
            }
            // The session has ended meanwhile.
            Replay::Unknown => {
                self.open = false;
                return;
            }
        };
        for StoredFrame { seq, json } in frames {
            self.seq = seq;
            // What was too large to be kept left its place empty.
            if !json.is_empty() {
                let id = EventId::Reply { stream: self.key.stream.clone(), seq };
                self.waiting.push_back(Frame::Message { id: Some(id), json });
            }
        }
        // Not part of the reply, so it has no id: nobody will answer any more, and the client should not wait.
        if let Some(id) = broken {
            tracing::warn!(%id, "a reply breaks off: its environment ended before it was written to its end");
            let json = Final::fault(Some(id), &Fault::Interrupted).json;
            self.waiting.push_back(Frame::Message { id: None, json });
        }
    }

    /// The end of a reply that goes on: the client is told when to come back.
    async fn end(&mut self) -> Frame {
        self.release().await;
        Frame::Retry(self.app.config.streams.retry)
    }

    async fn release(&mut self) {
        if let Some(slot) = &mut self.slot {
            slot.release().await;
        }
    }
}
