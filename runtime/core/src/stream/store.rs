//! The trait of stores for session-era replies.

use async_trait::async_trait;
use bytes::Bytes;
use rmcp::model::RequestId;

use crate::{
    error::StoreError,
    ids::{SessionId, StreamId},
    time::Timestamp,
};

/// The key of a stream. It includes the session, so that a client cannot read the streams of another one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StreamKey {
    /// Session that the stream belongs to.
    pub session: SessionId,
    /// Id of the stream.
    pub stream: StreamId,
}

/// What a stream is opened with and does not change.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamTerms {
    /// Id of the request that the stream answers, if it answers one. A replay of an interrupted stream ends with an
    /// error for it.
    pub request: Option<RequestId>,
    /// When the writer has ended at the latest. A stream without its last part is interrupted from then on.
    pub written_by: Timestamp,
    /// When the stream expires.
    pub expires_at: Timestamp,
}

impl StreamTerms {
    /// Creates the terms of a stream.
    #[must_use]
    pub fn new(request: Option<RequestId>, written_by: Timestamp, expires_at: Timestamp) -> Self {
        Self { request, written_by, expires_at }
    }
}

/// Consecutive messages of a stream, which are stored in one write.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Part {
    /// Sequence number of the first message. Those of a stream are 1, 2, 3, ...
    pub first: u64,
    /// The messages.
    pub messages: Vec<Bytes>,
    /// Whether this is the last part of the stream.
    pub last: bool,
}

impl Part {
    /// Creates a part.
    #[must_use]
    pub fn new(first: u64, messages: Vec<Bytes>, last: bool) -> Self {
        Self { first, messages, last }
    }
}

/// A stored message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFrame {
    /// Sequence number of the message: 1, 2, 3, ...
    pub seq: u64,
    /// The message.
    pub json: Bytes,
}

/// The stored messages of a stream after a sequence number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replay {
    /// The stream was never opened, has expired, or belongs to another session. The three are not distinguished.
    Unknown,
    /// The stream is being written.
    Open(Vec<StoredFrame>),
    /// The stream is complete.
    Finished(Vec<StoredFrame>),
    /// The stream has no last part, and its writer has ended.
    Broken {
        /// The stored messages.
        frames: Vec<StoredFrame>,
        /// Id of the request that got no response.
        request: Option<RequestId>,
    },
}

/// Durable replies.
///
/// A stream has one writer, which writes its parts one after the other. Each part begins where the previous one ended,
/// and a part that was not written is written again unchanged.
///
/// # Laws
///
/// The tests in `tests/it/stores` prove them for every store.
///
/// * A part is durable as a whole when the call returns. Writing it again changes nothing.
/// * A stream is visible as soon as it is opened, with its first part. The last part is final.
/// * `read` returns the messages after a sequence number in order, and none beyond a missing message.
/// * A client may have received messages that are not stored yet: `read` after a sequence number beyond the stored end
///   returns only later messages.
/// * A stream without its last part is open until `written_by`, and broken from then on.
/// * A stream is read only through the session that it was opened for, and ends with that session.
#[async_trait]
pub trait StreamStore: Send + Sync + 'static {
    /// Returns the largest total size of the messages of one part, in bytes.
    fn largest_part(&self) -> usize;

    /// Opens a stream with its first part, which may be empty.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the store does not answer.
    async fn open(&self, key: &StreamKey, terms: &StreamTerms, part: &Part) -> Result<(), StoreError>;

    /// Appends a part.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] if the stream has ended with its session, where the store notices;
    /// [`StoreError::Unavailable`] if the store does not answer.
    async fn append(&self, key: &StreamKey, terms: &StreamTerms, part: &Part) -> Result<(), StoreError>;

    /// Returns the messages with a sequence number above `after`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the store does not answer, [`StoreError::Corrupt`] for an item that is not a part.
    async fn read(&self, key: &StreamKey, after: u64) -> Result<Replay, StoreError>;
}
