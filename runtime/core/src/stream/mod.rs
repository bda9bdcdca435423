//! Replies that are streams: their frames, and the storage of those that a client can resume.
//!
//! A tool finds a [`ReplyStream`] in the context of a session-era request. [`StreamStore`] and [`StreamLeaseStore`] are
//! the traits that a store implements; [`EventId`] is the position that a client resumes from.

mod frame;
mod recorder;
mod replayable;
mod store;

pub use frame::{Frame, FrameStream};
pub use replayable::ReplyStream;
pub(crate) use replayable::{ReplayableStream, replayable_stream};
pub use store::{Part, Replay, StoredFrame, StreamKey, StreamStore, StreamTerms};

pub use crate::{
    ids::{EventId, LogCursor, LogPosition, SessionTag, StreamId},
    limits::{StreamLease, StreamLeaseStore},
};
