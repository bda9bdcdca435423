//! What a client and this server agreed on, kept where every environment finds it.
//!
//! * [`SessionRecord`]: what `initialize` settled, plus log level.
//! * [`SessionStore`]: where sessions, their state and their subscriptions live.
//! * [`Session`] and [`State`]: what a tool sees of them.
//! * [`InboxStore`]: letters for a running call: a client's answer, a cancellation.

mod handle;
mod inbox;
mod record;
mod store;
#[cfg(test)]
mod tests;

pub use handle::{Handles, Session, State, StateError};
pub use inbox::{ClientMessage, InboxKey, InboxStore};
pub(crate) use inbox::{Inbox, PollSchedule};
pub use record::SessionRecord;
pub use store::{Rev, SessionStore, StateScope, Versioned};

pub use crate::{ids::SessionId, protocol::SessionVersion};
