//! The data behind `inbox`.

use std::collections::{BTreeMap, HashMap};

use crate::{
    ids::SessionId,
    session::{ClientMessage, InboxKey},
    time::Timestamp,
};

/// Most messages that one session keeps, and their total size in bytes. A client that sends more pushes its oldest out.
const MAX_MESSAGES: usize = 1_000;
const MAX_BYTES: usize = 16 * 1024 * 1024;

#[derive(Default)]
pub(in crate::store::memory) struct Messages(pub(in crate::store::memory) HashMap<SessionId, SessionInbox>);

/// The messages of one session, by recipient, in the order in which they were put.
#[derive(Default)]
pub(in crate::store::memory) struct SessionInbox {
    by_recipient: HashMap<InboxKey, BTreeMap<u64, ClientMessage>>,
    recipients: BTreeMap<u64, InboxKey>,
    next: u64,
    bytes: usize,
}

impl SessionInbox {
    /// Adds a message, unless its recipient has one of the same name.
    pub(in crate::store::memory) fn put(&mut self, message: &ClientMessage) {
        let of_recipient = self.by_recipient.entry(message.to.clone()).or_default();
        if of_recipient.values().any(|known| known.name == message.name) {
            return;
        }
        of_recipient.insert(self.next, message.clone());
        self.recipients.insert(self.next, message.to.clone());
        self.bytes += message.body.len();
        self.next += 1;
        while self.recipients.len() > MAX_MESSAGES || (self.bytes > MAX_BYTES && self.recipients.len() > 1) {
            let Some(oldest) = self.recipients.keys().next().copied() else { return };
            self.remove(oldest);
        }
    }

    pub(in crate::store::memory) fn read(&self, to: &[InboxKey], now: Timestamp) -> Vec<ClientMessage> {
        let found = to.iter().filter_map(|to| self.by_recipient.get(to)).flatten();
        let mut found: Vec<_> = found.filter(|(_, message)| message.expires_at > now).collect();
        found.sort_by_key(|(order, _)| **order);
        found.into_iter().map(|(_, message)| message.clone()).collect()
    }

    pub(in crate::store::memory) fn discard(&mut self, message: &ClientMessage) {
        let of_recipient = self.by_recipient.get(&message.to).into_iter().flatten();
        let found =
            of_recipient.filter(|(_, known)| known.name == message.name).map(|(order, _)| *order).next();
        if let Some(order) = found {
            self.remove(order);
        }
    }

    fn sweep(&mut self, now: Timestamp) {
        let all = self.by_recipient.values().flatten();
        let expired: Vec<_> =
            all.filter(|(_, message)| message.expires_at <= now).map(|(order, _)| *order).collect();
        for order in expired {
            self.remove(order);
        }
    }

    fn remove(&mut self, order: u64) {
        let Some(to) = self.recipients.remove(&order) else { return };
        let Some(of_recipient) = self.by_recipient.get_mut(&to) else { return };
        if let Some(message) = of_recipient.remove(&order) {
            self.bytes -= message.body.len();
        }
        if of_recipient.is_empty() {
            self.by_recipient.remove(&to);
        }
    }
}

impl Messages {
    pub(in crate::store::memory) fn end(&mut self, session: &SessionId) {
        self.0.remove(session);
    }

    pub(in crate::store::memory) fn sweep(&mut self, now: Timestamp) {
        for messages in self.0.values_mut() {
            messages.sweep(now);
        }
        self.0.retain(|_, messages| !messages.recipients.is_empty());
    }
}
