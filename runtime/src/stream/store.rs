//! The frames of session-era replies, kept for a client that comes back.

use async_trait::async_trait;
use bytes::Bytes;

use super::id::StreamId;
use crate::{clock::Timestamp, error::StoreError, session::SessionId};

/// A stream together with the session it belongs to. A replay names both, so nobody can read another session's.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StreamKey {
    /// Whose stream.
    pub session: SessionId,
    /// Which.
    pub stream: StreamId,
}

/// A stored message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFrame {
    /// Its place: 1, 2, 3, ...
    pub seq: u64,
    /// The message.
    pub json: Bytes,
}

/// What is known of a stream after some place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replay {
    /// The stream was never opened, has expired, or belongs to another session. One answer for all three.
    Unknown,
    /// More may come.
    Open(Vec<StoredFrame>),
    /// These are the last.
    Finished(Vec<StoredFrame>),
}

/// Durable replies.
///
/// # Laws
///
/// * Frames appended are durable when the call returns, and read back in order of `seq`.
/// * Appending a frame with a `seq` that is already there changes nothing.
/// * A stream is visible as soon as it is opened, empty; `finish` is idempotent and final.
/// * A stream is read only through the session it was opened for, and ends with that session.
#[async_trait]
pub trait StreamStore: Send + Sync + 'static {
    /// Makes a stream known.
    async fn open(&self, key: &StreamKey, expires_at: Timestamp) -> Result<(), StoreError>;

    /// Adds frames.
    async fn append(
        &self,
        key: &StreamKey,
        frames: &[StoredFrame],
        expires_at: Timestamp,
    ) -> Result<(), StoreError>;

    /// Says that no more will come.
    async fn finish(&self, key: &StreamKey) -> Result<(), StoreError>;

    /// The frames after `seq`.
    async fn read(&self, key: &StreamKey, after: u64) -> Result<Replay, StoreError>;
}
