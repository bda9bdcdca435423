//! Events: appended once to a durable log, heard on every environment.
//!
//! The log is the truth, the broadcast is a wake-up. An event is appended to the log; each process with an open
//! stream has one [`Tail`] that follows the log and tells its [`Subscription`]s. A subscription that lags, starts in
//! the past or finds a gap reads the log itself, so lag, reconnect and cold start are one code path.
//!
//! * [`Event`]: what can happen. [`Scope`]: who may hear it.
//! * [`GlobalEvent`]: what happens in a deployment and around it. [`Topic`]: the resource such events are kept under.
//! * [`EventLog`]: where events live. [`Events`]: the handle tools publish through. [`Subscriber`]: a listener in code.
//! * [`incoming`]: what SNS and `EventBridge` deliver. [`Announcer`]: the topic that is published to.

mod event;
mod filter;
mod global;
mod handle;
#[cfg(feature = "lambda")]
pub(crate) mod incoming;
mod log;
#[cfg(feature = "sns")]
pub mod sns;
mod subscriber;
mod subscription;
mod tail;
#[cfg(test)]
mod tests;
mod topic;

pub use event::{Event, Scope};
pub use filter::EventFilter;
pub use global::{GlobalEvent, Lifecycle, SessionChange, ToolStatus};
pub use handle::{Announced, Announcement, Announcer, Events};
pub use log::{Appended, End, EventLog, LoggedEvent, NewEvent};
pub use subscriber::Subscriber;
pub(crate) use subscription::Subscription;
pub(crate) use tail::Tail;
pub use topic::Topic;
pub(crate) use topic::{SCHEME, TEMPLATE};
