//! Replies that go on: bounded, replayable, counted.
//!
//! * [`Frame`]: what goes down a stream, before HTTP makes bytes of it.
//! * [`EventId`]: where in which stream a frame stands, as `Last-Event-ID` carries it.
//! * [`StreamStore`]: the frames of session-era streams, kept for a client that comes back.
//! * [`Outlet`]: the writing end of such a stream.
//! * [`SlotStore`]: how many streams a principal may hold.
//! * [`Deadline`]: when a stream or a request must have ended.

mod deadline;
mod frame;
mod id;
mod keeper;
mod outlet;
mod slots;
mod store;

pub use deadline::Deadline;
pub use frame::{Frame, FrameStream};
pub use id::{EventId, LogCursor, LogPlace, StreamId};
pub use outlet::ReplyStream;
pub(crate) use outlet::{Outlet, outlet};
pub(crate) use slots::{OpenStreams, Slot};
pub use slots::{SlotRequest, SlotStore};
pub use store::{Part, Replay, StoredFrame, StreamKey, StreamStore, StreamTerms};
