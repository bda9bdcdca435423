//! Keeps a reply for a client that comes back: in order, in few writes, and off the client's way.
//!
//! The first write makes the stream known, and only then does the client see an id: whatever it comes back with, we
//! know the stream. After that a message goes to the client at once and into the store behind its back; what is said
//! while one write is under way goes into the next. So a burst of messages costs two writes, one after the other, and
//! none of them waits for more than the first. The stream's last byte waits for all of them.
//!
//! May a client see what is not stored yet? An environment that is killed takes its call along, so nothing can follow
//! what the client saw: coming back with a place beyond the stored end it has missed nothing, and hears that the call
//! broke off. What was sent, not stored and never arrived is lost, as if the call had been killed a moment earlier;
//! nobody can tell the two apart. Waiting for each write would buy nothing but its latency.

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

/// Writes of one part, after the store's own tries. The opening has one: the client waits for it.
const TRIES: u32 = 2;
const PAUSE: Duration = Duration::from_millis(200);

/// Whether a client may come back for what it is told now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RecorderState {
    /// The store has not answered yet.
    Opening,
    /// It may.
    Kept,
    /// It may not, from now on: its ids would lead nowhere.
    Lost,
}

/// What a recorder is told.
pub(super) enum RecorderMessage {
    Message(Bytes),
    End,
}

pub(super) struct Recorder {
    pub(super) store: Arc<dyn StreamStore>,
    pub(super) key: StreamKey,
    pub(super) terms: StreamTerms,
    pub(super) entries: mpsc::Receiver<RecorderMessage>,
    pub(super) state: watch::Sender<RecorderState>,
    /// A message that did not fit into the part before.
    pub(super) carried_over: Option<Bytes>,
}

impl Recorder {
    /// Writes until the end, or until there is nothing more to keep.
    pub(super) async fn run(mut self) {
        let mut next = 1;
        let mut opened = false;
        while let Some(part) = self.gather(next, opened).await {
            let written = if opened { self.append(&part).await } else { self.open(&part).await };
            if let Err(error) = written {
                self.state.send_replace(RecorderState::Lost);
                match error {
                    StoreError::NotFound => tracing::debug!("a reply goes on whose session has ended"),
                    error => tracing::error!(
                        error = %Causes(&error),
                        "a reply was not stored: its client cannot come back for it"
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
        // Whoever spoke has gone without an end.
        self.state.send_replace(RecorderState::Lost);
    }

    /// What has been said and fits into one part. The opening takes what there is, the others wait for something.
    async fn gather(&mut self, first: u64, opened: bool) -> Option<Part> {
        let limit = self.store.largest_part();
        let mut part = Part { first, messages: Vec::new(), last: false };
        let mut size = 0;
        loop {
            let entry = match self.carried_over.take() {
                Some(carried_over) => Some(RecorderMessage::Message(carried_over)),
                None if opened && part.messages.is_empty() => Some(self.entries.recv().await?),
                None => self.entries.try_recv().ok(),
            };
            match entry {
                Some(RecorderMessage::Message(json)) => {
                    let json = if json.len() > limit { instead(&json, limit) } else { json };
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

/// What is kept in the place of a message that no part can hold: a response becomes an error that says so, anything
/// else nothing.
fn instead(json: &[u8], limit: usize) -> Bytes {
    #[derive(Deserialize)]
    struct Head {
        id: Option<RequestId>,
        method: Option<IgnoredAny>,
    }
    tracing::warn!(
        size = json.len(),
        limit,
        "a message is too large to be kept for a client that comes back"
    );
    match serde_json::from_slice(json) {
        Ok(Head { id: Some(id), method: None }) => {
            let text = format!(
                "the call was answered, but its answer of {} bytes is too large to be replayed; {limit} bytes can be",
                json.len()
            );
            let error = JsonRpcError::new(Some(id), ErrorData::internal_error(text, None));
            serde_json::to_vec(&error).unwrap_or_default().into()
        }
        _ => Bytes::new(),
    }
}
