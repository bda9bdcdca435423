//! The messages of the client for one exchange.

use std::{fmt::Write as _, time::Duration};

use bytes::Bytes;
use rmcp::model::RequestId;
use sha2::{Digest, Sha256};

use crate::{
    error::Causes,
    session::{ClientMessage, Inbox, InboxKey, Moment, PollSchedule, SessionId},
    time::Timestamp,
};

/// When a call that has asked the client nothing polls for a cancellation first: late, so that a quick call costs no read.
const FIRST_CANCELLATION_POLL: Duration = Duration::from_secs(1);
/// When a call that has asked the client something polls for the response first.
const FIRST_RESPONSE_POLL: Duration = Duration::from_millis(50);
/// How long a cancellation waits for its call, which polls every two seconds.
const CANCELLATION_TTL: Duration = Duration::from_secs(60);
/// Longest id of a request that is part of a key, in bytes; longer ones are hashed.
const MAX_ID: usize = 64;

/// Reads the inbox of one exchange: the client's responses, its cancellation, and the end of its session.
pub(crate) struct InboxReader {
    inbox: Inbox,
    session: SessionId,
    keys: Vec<InboxKey>,
    schedule: PollSchedule,
    started: Moment,
}

impl InboxReader {
    pub(crate) fn new(inbox: Inbox, session: SessionId, call: &str, id: &RequestId) -> Self {
        let keys = vec![InboxKey::Call(call.to_owned()), cancellation_key(id), InboxKey::Session];
        let started = inbox.moment();
        Self { inbox, session, keys, schedule: PollSchedule::starting(FIRST_CANCELLATION_POLL), started }
    }

    /// Polls soon: the call has asked the client something.
    pub(super) fn expect_response(&mut self) {
        self.schedule = PollSchedule::starting(FIRST_RESPONSE_POLL);
    }

    /// Waits for messages. Dropping the future loses none. A store that fails is asked again at the next poll.
    pub(super) async fn next(&mut self) -> Vec<ClientMessage> {
        loop {
            let found = match self.inbox.wait(&self.session, &self.keys, &mut self.schedule).await {
                Ok(messages) => messages,
                Err(error) => {
                    tracing::warn!(error = %Causes(&error), "the inbox of a call cannot be read; trying again");
                    continue;
                }
            };
            let (stale, messages): (Vec<_>, Vec<_>) =
                found.into_iter().partition(|message| self.is_stale(message));
            if !stale.is_empty() {
                self.discard(&stale).await;
            }
            if !messages.is_empty() {
                return messages;
            }
        }
    }

    /// Whether a message is the cancellation of an earlier request with the same id: one from before this call.
    fn is_stale(&self, message: &ClientMessage) -> bool {
        is_cancellation(message)
            && serde_json::from_slice::<Moment>(&message.body)
                .is_ok_and(|received| !received.is_after(&self.started))
    }

    /// Removes messages that have been acted on. The end of a session is for its other calls too.
    pub(super) async fn discard(&self, messages: &[ClientMessage]) {
        let own: Vec<_> =
            messages.iter().filter(|message| message.to != InboxKey::Session).cloned().collect();
        if own.is_empty() {
            return;
        }
        if let Err(error) = self.inbox.discard(&self.session, &own).await {
            tracing::warn!(error = %Causes(&error), "messages of a client were not removed; they expire");
        }
    }
}

/// The cancellation of a request, as it is stored: when it was received, and nothing of what the client sent.
pub(crate) fn cancellation(inbox: &Inbox, id: &RequestId, now: Timestamp) -> ClientMessage {
    let received = inbox.moment();
    let body = serde_json::to_vec(&received).unwrap_or_default();
    // A later cancellation is another message: the first may be stale when its call begins.
    let name = format!("cancel-{}", now.as_millis());
    ClientMessage::new(cancellation_key(id), name, Bytes::from(body), now.plus(CANCELLATION_TTL))
}

/// Where the cancellation of a request is put.
fn cancellation_key(id: &RequestId) -> InboxKey {
    let id = serde_json::to_string(id).unwrap_or_default();
    if id.len() <= MAX_ID {
        return InboxKey::Request(id);
    }
    let mut digest = String::from("sha256-");
    for byte in Sha256::digest(id.as_bytes()) {
        let _ = write!(digest, "{byte:02x}");
    }
    InboxKey::Request(digest)
}

/// Whether a message is the cancellation of the request, and not a response for its handler.
pub(super) fn is_cancellation(message: &ClientMessage) -> bool {
    matches!(message.to, InboxKey::Request(_))
}

/// Whether a message says that the session has ended.
pub(super) fn is_end_of_session(message: &ClientMessage) -> bool {
    message.to == InboxKey::Session
}
