//! What a store that hears of writes tells its server.

use std::sync::Arc;

use tokio::sync::broadcast::{self, error::RecvError};

/// Writes that a waiter may have before it: with more, it is woken for any write.
const CAPACITY: usize = 256;

/// Wakes a server: another process has written something, which the server then reads at once instead of at its next poll. It is a
/// hint: what is missed is read at the next poll.
///
/// ```
/// use mcp_lambda_server::{Clock, Stores, store::WakeUp};
///
/// let (events, messages) = (WakeUp::new(), WakeUp::new());
/// let stores = Stores::memory(Clock::system()).with_wake_ups(events.clone(), messages);
/// // The store calls this when it hears of an event that another process has appended.
/// events.wake("");
/// ```
///
/// The default one never wakes, and takes no memory.
#[derive(Debug, Clone, Default)]
pub struct WakeUp(Option<broadcast::Sender<Arc<str>>>);

impl WakeUp {
    /// Creates one that wakes, of which a store and its server have a clone each.
    #[must_use]
    pub fn new() -> Self {
        Self(Some(broadcast::Sender::new(CAPACITY)))
    }

    /// Wakes the server: something of this name was written. Events have no name, and a client message that of its session.
    pub fn wake(&self, name: &str) {
        if let Some(waiters) = &self.0 {
            // An error means that nothing waits.
            let _ = waiters.send(name.into());
        }
    }

    /// Hears of writes from now on.
    #[must_use]
    pub fn listen(&self) -> Wakened {
        Wakened(self.0.as_ref().map(broadcast::Sender::subscribe))
    }
}

/// A waiter for writes.
#[derive(Debug)]
pub struct Wakened(Option<broadcast::Receiver<Arc<str>>>);

impl Wakened {
    /// Returns when something of this name was written.
    pub async fn by(&mut self, name: &str) {
        let Some(written) = &mut self.0 else { return std::future::pending().await };
        loop {
            match written.recv().await {
                Ok(other) if *other != *name => {}
                Ok(_) | Err(RecvError::Lagged(_)) => {
                    // One read is enough for all that was written until now.
                    while written.try_recv().is_ok() {}
                    return;
                }
                Err(RecvError::Closed) => std::future::pending::<()>().await,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_waiter_is_woken_by_its_name_alone_and_by_any_when_it_is_far_behind() {
        let wake_up = WakeUp::new();
        wake_up.wake("a");
        let mut waiter = wake_up.listen();
        let wait = async |waiter: &mut Wakened| timeout(Duration::from_secs(1), waiter.by("a")).await.is_ok();
        assert!(!wait(&mut waiter).await, "it was written before");
        wake_up.wake("b");
        assert!(!wait(&mut waiter).await, "it has another name");
        wake_up.wake("a");
        assert!(wait(&mut waiter).await);
        for _ in 0..=CAPACITY {
            wake_up.wake("b");
        }
        assert!(wait(&mut waiter).await, "it may have missed its name");
    }
}
