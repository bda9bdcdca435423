//! Replies that go on: frames, the replies that are stored for a client that comes back, and who writes them.
//!
//! * [`Frame`]: one item of a stream, before HTTP makes bytes of it.
//! * [`StreamStore`]: the messages of session-era replies, for `Last-Event-ID`.
//! * [`ReplayableStream`]: the sending end of such a reply, and [`recorder`], which stores it.

mod frame;
mod recorder;
mod replayable;
mod store;

pub use frame::{Frame, FrameStream};
pub use replayable::ReplyStream;
pub(crate) use replayable::{ReplayableStream, replayable_stream};
pub use store::{Part, Replay, StoredFrame, StreamKey, StreamStore, StreamTerms};

pub use crate::{
    ids::{EventId, LogCursor, LogPosition, StreamId},
    limits::{StreamLease, StreamLeaseStore},
};
