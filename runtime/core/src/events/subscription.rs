//! One listener: every event of its scopes after its place, once, in the order of the log.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use tokio::sync::broadcast::{self, error::RecvError};

use super::{
    event::Scope,
    log::{EventLog, LoggedEvent},
    tail::{News, Tail},
};
use crate::error::StoreError;

const PAGE: usize = 100;

/// A listener's place in the log and what it has not been told yet.
pub(crate) struct Subscription {
    tail: Arc<Tail>,
    log: Arc<dyn EventLog>,
    news: broadcast::Receiver<Arc<News>>,
    places: HashMap<Scope, u64>,
    backlog: VecDeque<(Scope, LoggedEvent)>,
    behind: bool,
}

impl Subscription {
    pub(super) fn new(
        tail: Arc<Tail>,
        log: Arc<dyn EventLog>,
        news: broadcast::Receiver<Arc<News>>,
        places: HashMap<Scope, u64>,
        behind: bool,
    ) -> Self {
        Self { tail, log, news, places, backlog: VecDeque::new(), behind }
    }

    /// How far this listener has heard a scope.
    pub(crate) fn place(&self, scope: &Scope) -> u64 {
        self.places.get(scope).copied().unwrap_or(0)
    }

    /// The next event. Dropping the future while it waits loses nothing.
    pub(crate) async fn next(&mut self) -> Result<(Scope, LoggedEvent), StoreError> {
        loop {
            if let Some((scope, event)) = self.backlog.pop_front() {
                self.places.insert(scope.clone(), event.seq);
                return Ok((scope, event));
            }
            if self.behind {
                self.catch_up().await?;
                continue;
            }
            match self.news.recv().await {
                Ok(news) => self.hear(&news),
                // The broadcast is a wake-up, the log is the truth.
                Err(RecvError::Lagged(_) | RecvError::Closed) => self.behind = true,
            }
        }
    }

    /// The next event that the log has already; `None` once it has been heard to its end.
    pub(crate) async fn stored(&mut self) -> Result<Option<(Scope, LoggedEvent)>, StoreError> {
        while self.backlog.is_empty() && self.behind {
            self.catch_up().await?;
        }
        if self.backlog.is_empty() { Ok(None) } else { self.next().await.map(Some) }
    }

    fn hear(&mut self, news: &News) {
        let Some(place) = self.places.get(&news.scope) else { return };
        if news.event.seq <= *place {
            return;
        }
        if news.after <= *place {
            self.backlog.push_back((news.scope.clone(), news.event.clone()));
        } else {
            self.behind = true;
        }
    }

    /// Reads the log from each of our places. Only whole pages enter the backlog, so a dropped future loses nothing.
    async fn catch_up(&mut self) -> Result<(), StoreError> {
        let mut full = false;
        for (scope, place) in &self.places {
            let page = self.log.read(scope, *place, PAGE).await?;
            full |= page.len() == PAGE;
            self.backlog.extend(page.into_iter().map(|event| (scope.clone(), event)));
        }
        self.behind = full;
        Ok(())
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.tail.unfollow(self.places.keys().cloned());
    }
}
