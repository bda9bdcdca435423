//! Events: appended once to a durable log, heard on every environment.
//!
//! The log is the truth, the broadcast is a wake-up. An event is appended to the log; each process with an open
//! stream has one [`Tail`] that follows the log and tells its [`Subscription`]s. A subscription that lags, starts in
//! the past or finds a gap reads the log itself, so lag, reconnect and cold start are one code path.
//!
//! * [`Event`]: what can happen. [`Scope`]: who may hear it.
//! * [`EventLog`]: where events live. [`Events`]: the handle tools publish through.

mod event;
mod handle;
mod log;
mod subscription;
mod tail;
#[cfg(test)]
mod tests;

pub use event::{Event, Scope};
pub use handle::Events;
pub use log::{Appended, EventLog, LoggedEvent, NewEvent};
pub(crate) use subscription::Subscription;
pub(crate) use tail::Tail;
