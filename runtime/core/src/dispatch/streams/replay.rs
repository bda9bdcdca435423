//! The rest of a reply that broke off: a GET with the id of an event of that reply.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{BoundedStream, Source, Step, Streams};
use crate::{
    dispatch::{Caller, Reply},
    error::Causes,
    ids::{EventId, StreamId},
    ingress::Delivery,
    protocol::{Fault, JsonRpcResponse},
    random,
    stream::{Frame, Replay, StoredFrame, StreamKey},
    time::Deadline,
};

/// The pauses between two polls of a reply that is still being written, perhaps on another environment.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LAST_PAUSE: Duration = Duration::from_secs(1);

impl Streams {
    /// Opens the rest of a reply, after a position.
    pub(in crate::dispatch) async fn open_replay(
        self: &Arc<Self>,
        caller: &Caller,
        session: &str,
        stream: StreamId,
        seq: u64,
    ) -> Result<Reply, Fault> {
        let key = StreamKey { session: session.parse().map_err(|_| Fault::SessionNotFound)?, stream };
        let id = EventId::Reply { stream: key.stream.clone(), seq };
        // Both at once: what is read is used only when the session is known to be the caller's.
        let (record, replay) =
            futures::join!(self.sessions.find(session, &caller.principal), self.replies.read(&key, seq));
        let record = record?;
        let replay = match replay {
            // Unknown and expired streams, and those of another session, are one error.
            Ok(Replay::Unknown) => return Err(Fault::UnknownEvent(id.to_string())),
            Ok(replay) => replay,
            Err(error) => {
                tracing::error!(error = %Causes(&error), "a stored reply cannot be read");
                return Err(Fault::of_store(&error));
            }
        };
        let deadline = match caller.ingress.delivery {
            Delivery::Stream => self.lifetime(caller),
            Delivery::Buffered => Deadline::after(Duration::ZERO),
        };
        // A reply that is complete is sent at once; one that is still being written is one more stream that waits.
        let permit = match replay {
            Replay::Open(_) => Some(self.permit(caller, &deadline).await?),
            _ => None,
        };
        let mut opening = vec![Frame::Retry(self.config.retry)];
        if record.version.has_priming() {
            // The position that the client has: should it lose this stream too, it resumes from the same one.
            opening.push(Frame::Priming(id));
        }
        let mut source = StoredReply {
            streams: Arc::clone(self),
            key,
            seq,
            pause: FIRST_PAUSE,
            poll_at: Instant::now() + random::jitter(FIRST_PAUSE),
        };
        let first = source.step(replay);
        // A reply of which the client has everything is over for good. An empty stream would bring it back for ever.
        if matches!(&first, Step::Last(frames) if frames.is_empty()) {
            return Err(Fault::UnknownEvent(EventId::Reply { stream: source.key.stream, seq }.to_string()));
        }
        let mut stream = BoundedStream::new(self, source, deadline, permit);
        match first {
            Step::Frames(frames) => opening.extend(frames),
            Step::Last(frames) => {
                stream.has_ended = true;
                opening.extend(frames);
            }
            Step::End => stream.has_ended = true,
        }
        Ok(Reply::Stream(stream.opening_with(opening)))
    }
}

/// A stored reply, polled for what is written to it.
struct StoredReply {
    streams: Arc<Streams>,
    key: StreamKey,
    /// The last message that was read.
    seq: u64,
    pause: Duration,
    poll_at: Instant,
}

impl Source for StoredReply {
    type Item = ();

    async fn wait(&mut self) {
        tokio::time::sleep_until(self.poll_at).await;
    }

    async fn frames(&mut self, (): ()) -> Step {
        let step = match self.streams.replies.read(&self.key, self.seq).await {
            Ok(replay) => self.step(replay),
            Err(error) => {
                tracing::warn!(error = %Causes(&error), "a stored reply cannot be read; trying again");
                Step::Frames(Vec::new())
            }
        };
        let is_busy = matches!(&step, Step::Frames(frames) if !frames.is_empty());
        self.pause = if is_busy { FIRST_PAUSE } else { (self.pause * 2).min(LAST_PAUSE) };
        self.poll_at = Instant::now() + random::jitter(self.pause);
        step
    }

    /// The reply goes on: the client learns when to come back.
    fn farewell(&mut self) -> Frame {
        Frame::Retry(self.streams.config.retry)
    }
}

impl StoredReply {
    fn step(&mut self, replay: Replay) -> Step {
        match replay {
            Replay::Open(messages) => Step::Frames(self.messages(messages)),
            Replay::Finished(messages) => Step::Last(self.messages(messages)),
            Replay::Broken { frames, request } => {
                let mut frames = self.messages(frames);
                // The request has no response, and the client should not wait. Some clients take an error for no end and
                // come back: the id of this one tells them that nothing follows.
                if let Some(id) = request {
                    tracing::warn!(%id, "a reply breaks off: its environment ended before the reply did");
                    let json = JsonRpcResponse::fault(Some(id), &Fault::Interrupted).json;
                    let end = EventId::ReplyEnd { stream: self.key.stream.clone() };
                    frames.push(Frame::Message { id: Some(end), json });
                }
                Step::Last(frames)
            }
            // The session has ended meanwhile.
            Replay::Unknown => Step::Last(Vec::new()),
        }
    }

    fn messages(&mut self, stored: Vec<StoredFrame>) -> Vec<Frame> {
        let mut frames = Vec::with_capacity(stored.len());
        for StoredFrame { seq, json } in stored {
            self.seq = seq;
            // A message that was too large to be stored has left its position empty.
            if !json.is_empty() {
                let id = EventId::Reply { stream: self.key.stream.clone(), seq };
                frames.push(Frame::Message { id: Some(id), json });
            }
        }
        frames
    }
}
