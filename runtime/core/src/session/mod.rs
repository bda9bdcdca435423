//! Sessions and state that outlive a request, kept where every execution environment finds them.
//!
//! A tool finds a [`Session`] in the context of a session-era request, and [`Handles`] in that of every request. Both lead
//! to a [`State`]: typed values that any environment can read and update.
//!
//! [`SessionStore`], [`StateStore`] and [`InboxStore`] are the traits that a store implements.

mod handle;
mod inbox;
mod lookup;
mod record;
mod state;
mod store;
#[cfg(test)]
mod tests;

pub use handle::{Handles, Session};
pub use inbox::{ClientMessage, InboxKey, InboxStore};
pub(crate) use inbox::{Inbox, Moment, PollSchedule};
pub(crate) use lookup::{Sessions, fault_of};
pub use record::{SessionClient, SessionRecord};
pub use state::{State, StateError};
pub use store::{Rev, SessionStore, StateScope, StateStore, Versioned};

pub use crate::{ids::SessionId, protocol::SessionVersion};
