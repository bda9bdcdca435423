//! A subscription of the server's own code.

use std::fmt;

use super::{event::Event, filter::EventFilter, global::GlobalEvent, subscription::Subscription};
use crate::error::StoreError;

/// Receives each global event that passes an [`EventFilter`], once, in the order of the log. Created by
/// [`Events::subscribe`](super::Events::subscribe); dropping it ends the subscription.
pub struct Subscriber {
    subscription: Subscription,
    filter: EventFilter,
}

impl Subscriber {
    pub(super) fn new(subscription: Subscription, filter: EventFilter) -> Self {
        Self { subscription, filter }
    }

    /// Waits for the next event. There is no time limit: combine it with `tokio::time::timeout`.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no event.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the log cannot be read. Calling again continues where it was.
    pub async fn next(&mut self) -> Result<GlobalEvent, StoreError> {
        loop {
            if let (_, logged) = self.subscription.next().await?
                && let Event::Global { event, .. } = logged.event
                && self.filter.matches(&event)
            {
                return Ok(event);
            }
        }
    }
}

impl fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriber").field("filter", &self.filter).finish_non_exhaustive()
    }
}
