//! The data behind `inbox`.

use std::collections::HashMap;

use crate::{ids::SessionId, session::ClientMessage, time::Timestamp};

#[derive(Default)]
pub(in crate::store::memory) struct Messages(
    pub(in crate::store::memory) HashMap<SessionId, Vec<ClientMessage>>,
);

impl Messages {
    pub(in crate::store::memory) fn end(&mut self, session: &SessionId) {
        self.0.remove(session);
    }

    pub(in crate::store::memory) fn sweep(&mut self, now: Timestamp) {
        for messages in self.0.values_mut() {
            messages.retain(|message| message.expires_at > now);
        }
        self.0.retain(|_, messages| !messages.is_empty());
    }
}

pub(in crate::store::memory) fn is_same(one: &ClientMessage, other: &ClientMessage) -> bool {
    one.to == other.to && one.name == other.name
}
