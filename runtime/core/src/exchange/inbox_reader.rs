//! The messages of the client for one exchange.

use std::time::Duration;

use rmcp::model::RequestId;

use crate::{
    error::Causes,
    session::{ClientMessage, Inbox, InboxKey, PollSchedule, SessionId},
};

/// When a call that has asked the client nothing polls for a cancellation first: late, so that a quick call costs no read.
const FIRST_CANCELLATION_POLL: Duration = Duration::from_secs(1);
/// When a call that has asked the client something polls for the response first.
const FIRST_RESPONSE_POLL: Duration = Duration::from_millis(50);

/// Reads the inbox of one exchange: the client's responses, and its cancellation.
pub(crate) struct InboxReader {
    inbox: Inbox,
    session: SessionId,
    keys: Vec<InboxKey>,
    schedule: PollSchedule,
}

impl InboxReader {
    pub(crate) fn new(inbox: Inbox, session: SessionId, call: &str, id: &RequestId) -> Self {
        let keys = vec![InboxKey::Call(call.to_owned()), cancellation_key(id)];
        Self { inbox, session, keys, schedule: PollSchedule::starting(FIRST_CANCELLATION_POLL) }
    }

    /// Polls soon: the call has asked the client something.
    pub(super) fn expect_response(&mut self) {
        self.schedule = PollSchedule::starting(FIRST_RESPONSE_POLL);
    }

    /// Waits for messages. Dropping the future loses none. A store that fails is asked again at the next poll.
    pub(super) async fn next(&mut self) -> Vec<ClientMessage> {
        loop {
            match self.inbox.wait(&self.session, &self.keys, &mut self.schedule).await {
                Ok(messages) => return messages,
                Err(error) => {
                    tracing::warn!(error = %Causes(&error), "the inbox of a call cannot be read; trying again");
                }
            }
        }
    }

    /// Removes messages that have been acted on.
    pub(super) async fn discard(&self, messages: &[ClientMessage]) {
        if let Err(error) = self.inbox.discard(&self.session, messages).await {
            tracing::warn!(error = %Causes(&error), "messages of a client were not removed; they expire");
        }
    }
}

/// Where the cancellation of a request is put.
pub(crate) fn cancellation_key(id: &RequestId) -> InboxKey {
    InboxKey::Request(serde_json::to_string(id).unwrap_or_default())
}

/// Whether a message is the cancellation of the request, and not a response for its handler.
pub(super) fn is_cancellation(message: &ClientMessage) -> bool {
    matches!(message.to, InboxKey::Request(_))
}
