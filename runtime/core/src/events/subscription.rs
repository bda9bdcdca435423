//! A subscription: every event of its scopes after its position, once, in the order of the log.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use tokio::sync::broadcast::{self, error::RecvError};

use super::{
    event::Scope,
    log::LoggedEvent,
    tail::{Follow, LogEntry, Tail},
};
use crate::error::StoreError;

/// Events of one scope fetched in one read.
const PAGE: usize = 100;

/// A position in each of some scopes of the log, and the events that were read and not yet returned.
pub(crate) struct Subscription {
    follow: Follow,
    entries: broadcast::Receiver<Arc<LogEntry>>,
    positions: HashMap<Scope, u64>,
    backlog: VecDeque<(Scope, LoggedEvent)>,
    /// Whether the log holds events that the broadcast will not deliver.
    behind: bool,
}

impl Subscription {
    /// Subscribes to scopes, after the given sequence numbers or from the end of the log. Every event appended after
    /// this returns is received.
    pub(crate) async fn open(
        tail: &Arc<Tail>,
        scopes: Vec<Scope>,
        from: Option<Vec<u64>>,
    ) -> Result<Self, StoreError> {
        // The receiver comes first: an event appended between here and the read of the ends then arrives twice, and is
        // dropped once by its sequence number. In the other order it would be lost.
        let entries = tail.entries();
        let ends = tail.log().ends(&scopes).await?;
        // A position ahead of the log is invalid: the log was emptied since, or the client invented it.
        let cursors: Vec<u64> = match from {
            Some(from) => from.into_iter().zip(&ends).map(|(from, end)| from.min(end.head)).collect(),
            None => ends.iter().map(|end| end.last_stable).collect(),
        };
        let follow = tail.follow(&scopes, &ends);
        // A subscription that starts behind the tail's position missed those broadcasts and must read them from the log.
        let behind = cursors.iter().zip(follow.positions()).any(|(cursor, broadcast)| cursor < broadcast);
        let positions = scopes.into_iter().zip(cursors).collect();
        Ok(Self { follow, entries, positions, backlog: VecDeque::new(), behind })
    }

    /// Returns the sequence number of the last event of a scope that was returned.
    pub(crate) fn position(&self, scope: &Scope) -> u64 {
        self.positions.get(scope).copied().unwrap_or(0)
    }

    /// Waits for the next event. Dropping the future loses no event.
    pub(crate) async fn next(&mut self) -> Result<(Scope, LoggedEvent), StoreError> {
        loop {
            if let Some((scope, event)) = self.backlog.pop_front() {
                self.positions.insert(scope.clone(), event.seq);
                return Ok((scope, event));
            }
            if self.behind {
                self.catch_up().await?;
                continue;
            }
            match self.entries.recv().await {
                Ok(entry) => self.receive(&entry),
                // The broadcast is a wake-up, the log is the truth.
                Err(RecvError::Lagged(_) | RecvError::Closed) => self.behind = true,
            }
        }
    }

    /// Returns the next event that is in the log; `None` at its end.
    pub(crate) async fn stored(&mut self) -> Result<Option<(Scope, LoggedEvent)>, StoreError> {
        while self.backlog.is_empty() && self.behind {
            self.catch_up().await?;
        }
        if self.backlog.is_empty() { Ok(None) } else { self.next().await.map(Some) }
    }

    fn receive(&mut self, entry: &LogEntry) {
        let Some(position) = self.positions.get(&entry.scope) else { return };
        if entry.event.seq <= *position {
            return;
        }
        if entry.after <= *position {
            self.backlog.push_back((entry.scope.clone(), entry.event.clone()));
        } else {
            self.behind = true;
        }
    }

    /// Reads the log from each position. Only whole pages enter the backlog, so a dropped future loses no event.
    async fn catch_up(&mut self) -> Result<(), StoreError> {
        let mut full = false;
        for (scope, position) in &self.positions {
            let page = self.follow.log().read(scope, *position, PAGE).await?;
            full |= page.len() == PAGE;
            self.backlog.extend(page.into_iter().map(|event| (scope.clone(), event)));
        }
        self.behind = full;
        Ok(())
    }
}
