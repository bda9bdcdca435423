//! The inbox of a session: messages of its client for calls that are running.
//!
//! A tool sends its client a request and waits; the response arrives as another POST, on Lambda in another environment.
//! So responses and cancellations go through an inbox: the environment that receives the POST puts the message in, and
//! the one that runs the call polls for it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::{sync::Notify, time::Instant};

use crate::{
    error::StoreError,
    ids::SessionId,
    random,
    store::WakeUp,
    time::{Clock, Timestamp},
};

/// The recipient of a client message within a session.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum InboxKey {
    /// The call that sent the client a request. The ids of such requests are `<call>/<n>`.
    Call(String),
    /// The call that serves the request with this id. The id is JSON text, which keeps `1` and `"1"` apart.
    Request(String),
    /// Every call of the session.
    Session,
}

impl InboxKey {
    /// Returns the key as text, for stores.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Call(call) => format!("CALL#{call}"),
            Self::Request(id) => format!("REQUEST#{id}"),
            Self::Session => "SESSION".into(),
        }
    }
}

/// A message of a client for a running call.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientMessage {
    /// Recipient of the message.
    pub to: InboxKey,
    /// Name of the message, for deduplication: a recipient has at most one message of each name.
    pub name: String,
    /// The JSON-RPC response or notification as the client sent it. Of a cancellation, when it was received.
    pub body: Bytes,
    /// When the message expires.
    pub expires_at: Timestamp,
}

impl ClientMessage {
    /// Creates a message.
    #[must_use]
    pub fn new(to: InboxKey, name: impl Into<String>, body: Bytes, expires_at: Timestamp) -> Self {
        Self { to, name: name.into(), body, expires_at }
    }
}

/// Durable client messages.
///
/// # Laws
///
/// The tests in `tests/it/stores` prove them for every store.
///
/// * A message is durable when `put` returns. A second `put` of the same recipient and name changes nothing.
/// * `read` returns the messages of a recipient, oldest first, until they are discarded. It does not remove them: a
///   reader that dies after reading has lost nothing.
/// * `discard` is idempotent.
/// * Messages end with their session; expired messages are absent. A message that is put into the inbox of a session that
///   has ended is kept for 20 s at least: it tells the calls of that session to stop, which poll every two seconds.
/// * A store in memory drops the oldest messages of a session that has too many, and those of the sessions that were
///   written to least recently when all take too many bytes.
#[async_trait]
pub trait InboxStore: Send + Sync + 'static {
    /// Puts a message into the inbox of a session.
    ///
    /// # Errors
    ///
    /// [`StoreError::TooLarge`] if the message does not fit the store, [`StoreError::Unavailable`] if the store does not
    /// answer.
    async fn put(&self, session: &SessionId, message: &ClientMessage) -> Result<(), StoreError>;

    /// Returns the messages for some recipients.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the store does not answer, [`StoreError::Corrupt`] for an item that is not a
    /// message.
    async fn read(&self, session: &SessionId, to: &[InboxKey]) -> Result<Vec<ClientMessage>, StoreError>;

    /// Removes messages that were processed.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the store does not answer.
    async fn discard(&self, session: &SessionId, messages: &[ClientMessage]) -> Result<(), StoreError>;
}

/// An inbox store with a notification: a message that this process puts in is read at once, one of another process at
/// the next poll.
#[derive(Clone)]
pub(crate) struct Inbox {
    store: Arc<dyn InboxStore>,
    wake_up: WakeUp,
    notify: Arc<Notify>,
    moments: Arc<Moments>,
}

/// The source of moments of one process.
struct Moments {
    clock: Clock,
    process: String,
    count: AtomicU64,
}

/// A point in time that other processes understand, and that is in order with every other one of its own process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Moment {
    at: Timestamp,
    process: String,
    order: u64,
}

impl Moment {
    /// Whether this moment comes after another one. Of two processes the clocks decide, and equal times count as after.
    pub(crate) fn is_after(&self, other: &Self) -> bool {
        if self.process == other.process { self.order > other.order } else { self.at >= other.at }
    }
}

/// Pause after the first poll. It doubles with each further one: a response that a person or a model gives soon is read
/// soon.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// When to poll next, across several waits.
#[derive(Debug)]
pub(crate) struct PollSchedule {
    next: Instant,
    pause: Duration,
}

impl PollSchedule {
    /// Schedules the first poll `after` from now. A call that sent its client no request waits only for cancellations:
    /// it starts late, so that a short call costs no read.
    pub(crate) fn starting(after: Duration) -> Self {
        Self { next: Instant::now() + after, pause: FIRST_PAUSE }
    }
}

impl Inbox {
    pub(crate) fn new(store: Arc<dyn InboxStore>, wake_up: WakeUp, clock: Clock) -> Self {
        let moments = Moments { clock, process: random::token(), count: AtomicU64::new(0) };
        Self { store, wake_up, notify: Arc::default(), moments: Arc::new(moments) }
    }

    pub(crate) fn moment(&self) -> Moment {
        let order = self.moments.count.fetch_add(1, Ordering::Relaxed);
        Moment { at: self.moments.clock.now(), process: self.moments.process.clone(), order }
    }

    pub(crate) async fn put(&self, session: &SessionId, message: &ClientMessage) -> Result<(), StoreError> {
        self.store.put(session, message).await?;
        self.notify.notify_waiters();
        Ok(())
    }

    pub(crate) async fn discard(
        &self,
        session: &SessionId,
        messages: &[ClientMessage],
    ) -> Result<(), StoreError> {
        self.store.discard(session, messages).await
    }

    /// Waits for messages. Dropping the future loses none: messages stay until they are discarded.
    pub(crate) async fn wait(
        &self,
        session: &SessionId,
        to: &[InboxKey],
        schedule: &mut PollSchedule,
    ) -> Result<Vec<ClientMessage>, StoreError> {
        let mut wake_up = self.wake_up.listen();
        loop {
            // Registered before the read, so that a message that is put in between notifies.
            let notified = self.notify.notified();
            tokio::pin!(notified);
            notified.as_mut().enable();
            tokio::select! {
                () = tokio::time::sleep_until(schedule.next) => {
                    schedule.pause = (schedule.pause * 2).min(LONGEST_PAUSE);
                }
                () = &mut notified => {}
                () = wake_up.by(session.as_str()) => {}
            }
            schedule.next = Instant::now() + random::jitter(schedule.pause);
            let messages = self.store.read(session, to).await?;
            if !messages.is_empty() {
                schedule.pause = FIRST_PAUSE;
                return Ok(messages);
            }
        }
    }
}
