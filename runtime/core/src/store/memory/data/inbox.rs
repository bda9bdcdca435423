//! The data behind `inbox`.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use crate::{
    ids::SessionId,
    session::{ClientMessage, InboxKey},
    store::memory::limits::MemoryLimits,
    time::Timestamp,
};

/// Most messages that one session keeps, and their total size in bytes. A client that sends more pushes its oldest out.
const MAX_MESSAGES: usize = 1_000;
const MAX_BYTES: usize = 16 * 1024 * 1024;
/// What an inbox, and each message of it, takes besides the bodies.
const INBOX_OVERHEAD: usize = 512;
const OVERHEAD: usize = 256;
/// How long a message of a session that has ended is kept: the calls that it stops poll every two seconds.
const KEPT_AFTER_END: Duration = Duration::from_secs(20);

#[derive(Default)]
pub(in crate::store::memory) struct Messages {
    inboxes: HashMap<SessionId, SessionInbox>,
    /// The sessions that had ended when a message was put, with the time until which it is kept.
    ended: VecDeque<(Timestamp, SessionId)>,
    /// The number of messages that were ever put.
    put: u64,
    /// How many bytes all inboxes take.
    bytes: usize,
}

/// The messages of one session, in the order in which they were put. Most inboxes have one, such as that of a session that has
/// ended, so there is no index.
#[derive(Default)]
struct SessionInbox {
    /// The number of the message that was put last, among those of all sessions.
    last: u64,
    messages: VecDeque<ClientMessage>,
    bytes: usize,
}

impl SessionInbox {
    fn size(&self) -> usize {
        INBOX_OVERHEAD + self.messages.len() * OVERHEAD + self.bytes
    }

    /// Adds a message, unless its recipient has one of the same name.
    fn put(&mut self, message: &ClientMessage) {
        if self.position(message).is_some() {
            return;
        }
        if self.messages.is_empty() {
            // Room for the one that may be the only one.
            self.messages.reserve_exact(1);
        }
        self.messages.push_back(message.clone());
        self.bytes += message.body.len();
        while self.messages.len() > MAX_MESSAGES || (self.bytes > MAX_BYTES && self.messages.len() > 1) {
            self.remove(0);
        }
    }

    fn read(&self, to: &[InboxKey], now: Timestamp) -> Vec<ClientMessage> {
        let wanted = |message: &&ClientMessage| message.expires_at > now && to.contains(&message.to);
        self.messages.iter().filter(wanted).cloned().collect()
    }

    fn discard(&mut self, message: &ClientMessage) {
        if let Some(position) = self.position(message) {
            self.remove(position);
        }
    }

    fn sweep(&mut self, now: Timestamp) {
        self.messages.retain(|message| message.expires_at > now);
        self.bytes = self.messages.iter().map(|message| message.body.len()).sum();
    }

    fn position(&self, message: &ClientMessage) -> Option<usize> {
        self.messages.iter().position(|known| known.name == message.name && known.to == message.to)
    }

    fn remove(&mut self, position: usize) {
        if let Some(message) = self.messages.remove(position) {
            self.bytes -= message.body.len();
        }
    }
}

impl Messages {
    /// Adds a message. If all inboxes take too many bytes for it, those that were written to least recently go.
    pub(in crate::store::memory) fn put(
        &mut self,
        session: &SessionId,
        message: &ClientMessage,
        limits: &MemoryLimits,
    ) {
        self.put += 1;
        let inbox = self.inboxes.entry(session.clone()).or_default();
        let before = if inbox.last == 0 { 0 } else { inbox.size() };
        inbox.last = self.put;
        inbox.put(message);
        self.bytes = self.bytes - before + inbox.size();
        if self.bytes > limits.bytes {
            self.make_room(session, limits.bytes_after_eviction());
        }
    }

    /// Adds a message of a session that has ended. It is kept for some seconds.
    pub(in crate::store::memory) fn put_ended(
        &mut self,
        session: &SessionId,
        message: &ClientMessage,
        now: Timestamp,
        limits: &MemoryLimits,
    ) {
        while let Some((_, over)) = self.ended.pop_front_if(|(until, _)| *until <= now) {
            self.end(&over);
        }
        let until = message.expires_at.min(now.plus(KEPT_AFTER_END));
        self.put(session, &ClientMessage { expires_at: until, ..message.clone() }, limits);
        self.ended.push_back((until, session.clone()));
    }

    pub(in crate::store::memory) fn read(
        &self,
        session: &SessionId,
        to: &[InboxKey],
        now: Timestamp,
    ) -> Vec<ClientMessage> {
        self.inboxes.get(session).map(|inbox| inbox.read(to, now)).unwrap_or_default()
    }

    pub(in crate::store::memory) fn discard(&mut self, session: &SessionId, messages: &[ClientMessage]) {
        let Some(inbox) = self.inboxes.get_mut(session) else { return };
        let before = inbox.size();
        messages.iter().for_each(|message| inbox.discard(message));
        self.bytes = self.bytes - before + inbox.size();
    }

    pub(in crate::store::memory) fn end(&mut self, session: &SessionId) {
        if let Some(inbox) = self.inboxes.remove(session) {
            self.bytes -= inbox.size();
        }
    }

    pub(in crate::store::memory) fn sweep(&mut self, now: Timestamp) {
        for inbox in self.inboxes.values_mut() {
            inbox.sweep(now);
        }
        self.inboxes.retain(|_, inbox| !inbox.messages.is_empty());
        self.bytes = self.inboxes.values().map(SessionInbox::size).sum();
    }

    fn make_room(&mut self, written: &SessionId, most: usize) {
        let others = self.inboxes.iter().filter(|(session, _)| *session != written);
        let mut others: Vec<_> = others.map(|(session, inbox)| (inbox.last, session.clone())).collect();
        others.sort_unstable();
        let mut removed = 0;
        for (_, session) in others {
            if self.bytes <= most {
                break;
            }
            self.end(&session);
            removed += 1;
        }
        tracing::warn!(
            removed,
            "messages of clients were removed to make room for others in memory (MCP_MEMORY_MB)"
        );
    }
}
