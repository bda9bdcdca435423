//! The recorder: stores the messages of a reply, so that its client can resume it.
//!
//! The first write opens the stream, and the client receives its first event id only after that: the store knows every
//! stream that a client can present. From then on messages are sent at once and stored meanwhile. Messages that arrive
//! during a write go into the next one, so a burst of them costs two writes, and none waits for more than the first. The
//! last byte of the stream is sent when everything is stored.
//!
//! Messages are sent before they are stored. That is safe: if the process dies, the call dies with it, so nothing newer
//! can exist. A client that resumes after the last stored message has missed nothing, and receives an error that the
//! call was interrupted. A message that was neither stored nor received is lost as if the process had died a moment
//! earlier.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use rmcp::{
    ErrorData,
    model::{JsonRpcError, RequestId},
};
use serde::{Deserialize, de::IgnoredAny};
use tokio::sync::{mpsc, watch};

use super::store::{Part, StreamKey, StreamStore, StreamTerms};
use crate::{
    error::{Causes, StoreError},
    random,
};

/// Tries of one part, besides the store's own. The first part has one try, because the client waits for it.
const TRIES: u32 = 2;
/// Pause between two tries.
const PAUSE: Duration = Duration::from_millis(200);

/// Whether a client can resume the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RecorderState {
    /// The first write has not ended.
    Opening,
    /// The client can resume.
    Kept,
    /// A write has failed: event ids that are sent from now on would be unknown.
    Lost,
}

/// The input of a recorder.
pub(super) enum RecorderMessage {
    Message(Bytes),
    End,
}

/// The task that stores a reply.
pub(super) struct Recorder {
    pub(super) store: Arc<dyn StreamStore>,
    pub(super) key: StreamKey,
    pub(super) terms: StreamTerms,
    pub(super) entries: mpsc::Receiver<RecorderMessage>,
    pub(super) state: watch::Sender<RecorderState>,
    /// A message that did not fit into the previous part.
    pub(super) carried_over: Option<Bytes>,
}

impl Recorder {
    /// Writes parts until the last one, or until a write fails.
    pub(super) async fn run(mut self) {
        let mut next = 1;
        let mut opened = false;
        while let Some(part) = self.gather(next, opened).await {
            let written = if opened { self.append(&part).await } else { self.open(&part).await };
            if let Err(error) = written {
                self.state.send_replace(RecorderState::Lost);
                match error {
                    StoreError::NotFound => {
                        tracing::debug!("a reply is no longer stored: its session has ended");
                    }
                    error => tracing::error!(
                        error = %Causes(&error),
                        "a reply was not stored: its client cannot resume it"
                    ),
                }
                return;
            }
            self.state.send_replace(RecorderState::Kept);
            if part.last {
                return;
            }
            next += part.messages.len() as u64;
            opened = true;
        }
        // The sender was dropped without an end.
        self.state.send_replace(RecorderState::Lost);
    }

    /// Collects the messages that fit into one part. The first part takes those that are there, later ones wait for at least
    /// one. `None` if the sender was dropped.
    async fn gather(&mut self, first: u64, opened: bool) -> Option<Part> {
        let limit = self.store.largest_part();
        let mut part = Part::new(first, Vec::new(), false);
        let mut size = 0;
        loop {
            let entry = match self.carried_over.take() {
                Some(carried_over) => Some(RecorderMessage::Message(carried_over)),
                None if opened && part.messages.is_empty() => Some(self.entries.recv().await?),
                None => self.entries.try_recv().ok(),
            };
            match entry {
                Some(RecorderMessage::Message(json)) => {
                    let json = if json.len() > limit { substitute(&json, limit) } else { json };
                    if size + json.len() > limit {
                        self.carried_over = Some(json);
                        return Some(part);
                    }
                    size += json.len();
                    part.messages.push(json);
                }
                Some(RecorderMessage::End) => {
                    part.last = true;
                    return Some(part);
                }
                None => return Some(part),
            }
        }
    }

    async fn open(&self, part: &Part) -> Result<(), StoreError> {
        self.store.open(&self.key, &self.terms, part).await
    }

    async fn append(&self, part: &Part) -> Result<(), StoreError> {
        let mut tries = 1;
        loop {
            match self.store.append(&self.key, &self.terms, part).await {
                Err(error) if error.is_retryable() && tries < TRIES => {
                    tracing::warn!(error = %Causes(&error), "a reply was not stored; trying again");
                    tokio::time::sleep(random::jitter(PAUSE)).await;
                    tries += 1;
                }
                done => return done,
            }
        }
    }
}

/// Returns what is stored instead of a message that no part can hold: an error for a response, nothing for any other
/// message.
fn substitute(json: &[u8], limit: usize) -> Bytes {
    #[derive(Deserialize)]
    struct Head {
        id: Option<RequestId>,
        method: Option<IgnoredAny>,
    }
    tracing::warn!(size = json.len(), limit, "a message is too large to be stored for a resumed stream");
    match serde_json::from_slice(json) {
        Ok(Head { id: Some(id), method: None }) => {
            let text = format!(
                "the call has a response, but its {} bytes are too large to be replayed; the limit is {limit} bytes",
                json.len()
            );
            let error = JsonRpcError::new(Some(id), ErrorData::internal_error(text, None));
            serde_json::to_vec(&error).unwrap_or_default().into()
        }
        _ => Bytes::new(),
    }
}
