//! Replies that go on: bounded, replayable, counted.
//!
//! * [`Frame`]: what goes down a stream, before HTTP makes bytes of it.
//! * [`EventId`]: where in which stream a frame stands, as `Last-Event-ID` carries it.
//! * [`StreamStore`]: the frames of session-era streams, kept for a client that comes back.
//! * [`ReplayableStream`]: the writing end of such a stream.
//! * [`StreamLeaseStore`]: how many streams a principal may hold.
//! * [`Deadline`]: when a stream or a request must have ended.

mod deadline;
mod frame;
mod id;
mod recorder;
mod replayable;
mod slots;
mod store;

pub use deadline::Deadline;
pub use frame::{Frame, FrameStream};
pub use id::{EventId, LogCursor, LogPosition, StreamId};
pub use replayable::ReplyStream;
pub(crate) use replayable::{ReplayableStream, outlet};
pub use slots::{StreamLease, StreamLeaseStore};
pub(crate) use slots::{StreamLimiter, StreamPermit};
pub use store::{Part, Replay, StoredFrame, StreamKey, StreamStore, StreamTerms};
