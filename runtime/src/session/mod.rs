//! What a client and this server agreed on, kept where every environment finds it.
//!
//! * [`SessionRecord`]: what `initialize` settled, plus log level.
//! * [`SessionStore`]: where sessions, their state and their subscriptions live.
//! * [`Session`] and [`State`]: what a tool sees of them.
//! * [`Mailbox`]: letters for a running call: a client's answer, a cancellation.

mod handle;
mod mail;
mod record;
mod store;
#[cfg(test)]
mod tests;

pub use handle::{Handles, Session, State, StateError};
pub(crate) use mail::{Looks, Mailroom};
pub use mail::{Mail, MailAddress, Mailbox};
pub use record::{SessionId, SessionRecord};
pub use store::{Rev, SessionStore, StateScope, Versioned};
