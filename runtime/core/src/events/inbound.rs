//! Events that other systems deliver.

use super::event::{Event, Scope};
use crate::time::Timestamp;

/// An event that another system has delivered, with that system's id of it. See
/// [`Events::receive`](super::Events::receive).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct InboundEvent {
    /// The streams that receive the event.
    pub scope: Scope,
    /// The sender's id of the event. A second delivery of the same id is not appended again.
    pub source_id: String,
    /// When the event happened, according to its sender. Default: when it is received.
    pub at: Option<Timestamp>,
    /// The event.
    pub event: Event,
}

impl InboundEvent {
    /// Creates an event for one scope, under the sender's id of it.
    pub fn new(scope: Scope, source_id: impl Into<String>, event: impl Into<Event>) -> Self {
        Self { scope, source_id: source_id.into(), at: None, event: event.into() }
    }

    /// Sets when the event happened.
    #[must_use]
    pub fn at(mut self, at: Option<Timestamp>) -> Self {
        self.at = at;
        self
    }
}
