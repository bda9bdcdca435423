//! A listener in code: every event that passes its filter, once, in the order of the log.

use super::{event::Event, filter::EventFilter, global::GlobalEvent, subscription::Subscription};
use crate::error::StoreError;

/// Listens to the log. Dropping it is how it stops.
pub struct Subscriber {
    subscription: Subscription,
    filter: EventFilter,
}

impl Subscriber {
    pub(super) fn new(subscription: Subscription, filter: EventFilter) -> Self {
        Self { subscription, filter }
    }

    /// The next event. Dropping the future while it waits loses nothing; whoever waits brings a deadline.
    ///
    /// # Errors
    ///
    /// When the log cannot be read. Calling again goes on where it was.
    pub async fn next(&mut self) -> Result<GlobalEvent, StoreError> {
        loop {
            if let (_, logged) = self.subscription.next().await?
                && let Event::Global { event, .. } = logged.event
                && self.filter.takes(&event)
            {
                return Ok(event);
            }
        }
    }
}
