//! The messages of session-era replies, kept for a client that comes back.

use async_trait::async_trait;
use bytes::Bytes;
use rmcp::model::RequestId;

use crate::{
    error::StoreError,
    ids::{SessionId, StreamId},
    time::Timestamp,
};

/// A stream together with the session it belongs to. A replay names both, so nobody can read another session's.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StreamKey {
    /// Whose stream.
    pub session: SessionId,
    /// Which.
    pub stream: StreamId,
}

/// What holds for a stream from its first message to its last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamTerms {
    /// The request it answers, if it answers one: who waits when the stream breaks off.
    pub request: Option<RequestId>,
    /// When it has been written to its end, or never will be: whoever wrote it is gone.
    pub written_by: Timestamp,
    /// When nobody can come back for it any more.
    pub expires_at: Timestamp,
}

/// Messages that follow each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The place of the first: the places of a stream are 1, 2, 3, ...
    pub first: u64,
    /// The messages.
    pub messages: Vec<Bytes>,
    /// Whether no more will come.
    pub last: bool,
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
    /// These are the last too, although there is no end: whoever wrote it is gone.
    Broken {
        /// What was stored by then.
        frames: Vec<StoredFrame>,
        /// The request that was not answered.
        request: Option<RequestId>,
    },
}

/// Durable replies. A stream has one writer, which writes its parts one after the other: each begins where the one
/// before it ended, and one that failed is written again as it was.
///
/// # Laws
///
/// * A part is durable, whole, when the call returns. Writing it again changes nothing.
/// * A stream is visible as soon as it is opened, with the part it was opened with; the last part is final.
/// * `read` answers the messages after a place in their order, and never beyond a message that is missing.
/// * A place beyond what is stored is one that its client has seen before it was stored: what comes after it is
///   answered, what comes before it is not.
/// * A stream without its last part is open until `written_by`, and broken after it.
/// * A stream is read only through the session it was opened for, and ends with that session.
#[async_trait]
pub trait StreamStore: Send + Sync + 'static {
    /// The most bytes that the messages of one part may have.
    fn largest_part(&self) -> usize;

    /// Makes a stream known, with its first part, which may be empty.
    async fn open(&self, key: &StreamKey, terms: &StreamTerms, part: &Part) -> Result<(), StoreError>;

    /// Adds a part.
    async fn append(&self, key: &StreamKey, terms: &StreamTerms, part: &Part) -> Result<(), StoreError>;

    /// The messages after `seq`.
    async fn read(&self, key: &StreamKey, after: u64) -> Result<Replay, StoreError>;
}
