//! Letters for a running call.
//!
//! A tool asks its client something and waits; the answer comes as another POST, on Lambda to another environment. So
//! answers, and cancellations, are letters: whoever receives the POST puts it in the inbox, the waiting call reads it.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::{sync::Notify, time::Instant};

use crate::{error::StoreError, ids::SessionId, random, time::Timestamp};

/// Where a letter goes within a session.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum InboxKey {
    /// The call that asked: wire ids are `<call>/<n>`.
    Call(String),
    /// The call that serves the request with this id (its JSON text, so that `1` and `"1"` differ).
    Request(String),
}

impl InboxKey {
    /// The address as stores keep it.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Call(call) => format!("CALL#{call}"),
            Self::Request(id) => format!("REQUEST#{id}"),
        }
    }
}

/// A letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientMessage {
    /// To whom.
    pub to: InboxKey,
    /// What makes it one letter: posting the same name to the same address twice is one letter.
    pub name: String,
    /// The client's message.
    pub body: Bytes,
    /// When it is no longer worth keeping.
    pub expires_at: Timestamp,
}

/// Durable letters.
///
/// # Laws
///
/// * A letter is durable when `post` returns, and posting it again changes nothing.
/// * `read` shows the letters of an address, oldest first, until they are discarded. It does not take them: a reader
///   that dies after reading has lost nothing.
/// * `discard` is idempotent.
/// * Letters end with their session; expired letters are absent.
#[async_trait]
pub trait InboxStore: Send + Sync + 'static {
    /// Puts a letter in.
    async fn post(&self, session: &SessionId, mail: &ClientMessage) -> Result<(), StoreError>;

    /// Every letter for these addresses.
    async fn read(&self, session: &SessionId, to: &[InboxKey]) -> Result<Vec<ClientMessage>, StoreError>;

    /// Throws letters away once they have been acted on.
    async fn discard(&self, session: &SessionId, mail: &[ClientMessage]) -> Result<(), StoreError>;
}

/// The inbox plus a bell: a letter posted in this process is read at once, one posted elsewhere at the next look.
#[derive(Clone)]
pub(crate) struct Inbox {
    inbox: Arc<dyn InboxStore>,
    bell: Arc<Notify>,
}

/// How long to wait between looks: soon at first, because a person or a model is answering, then ever less often.
const FIRST_LOOK: Duration = Duration::from_millis(50);
const LAST_LOOK: Duration = Duration::from_secs(2);

/// Remembers, across waits, when to look next.
#[derive(Debug)]
pub(crate) struct PollSchedule {
    next: Instant,
    pause: Duration,
}

impl PollSchedule {
    /// The first look is `after` from now. A call that asked nothing only waits for cancellations: it looks late, so
    /// that a quick call costs no read.
    pub(crate) fn starting(after: Duration) -> Self {
        Self { next: Instant::now() + after, pause: FIRST_LOOK }
    }
}

impl Inbox {
    pub(crate) fn new(inbox: Arc<dyn InboxStore>) -> Self {
        Self { inbox, bell: Arc::default() }
    }

    pub(crate) async fn post(&self, session: &SessionId, mail: &ClientMessage) -> Result<(), StoreError> {
        self.inbox.post(session, mail).await?;
        self.bell.notify_waiters();
        Ok(())
    }

    pub(crate) async fn discard(
        &self,
        session: &SessionId,
        mail: &[ClientMessage],
    ) -> Result<(), StoreError> {
        self.inbox.discard(session, mail).await
    }

    /// Waits for letters. Nothing is lost when the returned future is dropped: letters stay until discarded.
    pub(crate) async fn wait(
        &self,
        session: &SessionId,
        to: &[InboxKey],
        looks: &mut PollSchedule,
    ) -> Result<Vec<ClientMessage>, StoreError> {
        loop {
            // Registered before the look, so that a letter posted in between rings.
            let rung = self.bell.notified();
            tokio::pin!(rung);
            rung.as_mut().enable();
            tokio::select! {
                () = tokio::time::sleep_until(looks.next) => {
                    looks.pause = (looks.pause * 2).min(LAST_LOOK);
                }
                () = &mut rung => {}
            }
            looks.next = Instant::now() + random::jitter(looks.pause);
            let mail = self.inbox.read(session, to).await?;
            if !mail.is_empty() {
                looks.pause = FIRST_LOOK;
                return Ok(mail);
            }
        }
    }
}
