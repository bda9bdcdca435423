//! Events: appended once to a durable log, received by every open stream on every execution environment.
//!
//! A tool publishes through [`Events`], which it finds in its request context. [`Event`] says what can be published,
//! [`Scope`] which streams receive it. [`GlobalEvent`] is the vocabulary for events of the deployment itself and of the
//! systems around it; each is also readable as the resource of its [`EventKey`].
//!
//! Code of the server that wants to receive events opens a [`Subscriber`] with [`Events::subscribe`].
//!
//! [`EventLog`] is the trait that a store implements, and [`Publisher`] that of a topic which events are published to
//! besides the log.

// The log is the truth, the broadcast is a wake-up. Each process with an open stream has one `Tail` that polls the log
// and broadcasts what it finds to the `Subscription`s. A subscription that lags, starts in the past or finds a gap reads
// the log itself, so lag, reconnect and cold start are one code path.

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
pub use log::{Appended, EventLog, LoggedEvent, NewEvent, NewestEvents, NewestLimits, ScopeEnd};
pub use publisher::{PublishError, Published, Publisher, TopicMessage};
pub use subscriber::Subscriber;
pub(crate) use subscription::Subscription;
pub(crate) use tail::Tail;
