//! Events: appended once to a durable log, heard on every environment.
//!
//! The log is the truth, the broadcast is a wake-up. An event is appended to the log; each process with an open
//! stream has one [`Tail`] that follows the log and tells its [`Subscription`]s. A subscription that lags, starts in
//! the past or finds a gap reads the log itself, so lag, reconnect and cold start are one code path.
//!
//! * [`Event`]: what can happen. [`Scope`]: who may hear it.
//! * [`GlobalEvent`]: what happens in a deployment and around it. [`EventKey`]: the resource such events are kept under.
//! * [`EventLog`]: where events live. [`Events`]: the handle tools publish through. [`Subscriber`]: a listener in code.
//! * [`incoming`]: what SNS and `EventBridge` deliver. [`Publisher`]: the topic that is published to.

mod event;
mod event_key;
mod filter;
mod global;
mod handle;
mod inbound;
mod log;
mod publisher;
mod subscriber;
mod subscription;
mod tail;
#[cfg(test)]
mod tests;

pub use event::{Event, Scope};
pub use event_key::EventKey;
pub(crate) use event_key::{SCHEME, TEMPLATE};
pub use filter::EventFilter;
pub use global::{GlobalEvent, Lifecycle, SessionChange, ToolStatus};
pub use handle::Events;
pub use inbound::InboundEvent;
pub use log::{Appended, EventLog, LoggedEvent, NewEvent, ScopeEnd};
pub use publisher::{PublishError, Published, Publisher, TopicMessage};
pub use subscriber::Subscriber;
pub(crate) use subscription::Subscription;
pub(crate) use tail::Tail;
