//! One follower of the log per process, alive only while somebody listens.

use std::{
    collections::HashMap,
    error::Error,
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Notify, broadcast},
    time::Instant,
};
use tokio_util::task::TaskTracker;

use super::{
    event::Scope,
    log::{EventLog, LoggedEvent},
    subscription::Subscription,
};
use crate::{error::StoreError, random};

/// Broadcast slots. A subscription that falls further behind reads the log instead.
const BROADCAST: usize = 256;
/// Events of one scope fetched in one read.
const PAGE: usize = 100;
/// Between looks at the log while events come...
const BUSY: Duration = Duration::from_millis(100);
/// ... and the longest pause when none do.
const IDLE: Duration = Duration::from_secs(2);

/// A writer that has not written by then never will.
const STALLED: Duration = Duration::from_secs(3);

/// What the tail tells its subscriptions.
pub(super) type News = Arc<(Scope, LoggedEvent)>;

/// Follows the log for every subscription of this process.
pub(crate) struct Tail {
    log: Arc<dyn EventLog>,
    tracker: TaskTracker,
    /// Made for the first listener: 10 KB that most cold starts have no use for.
    news: LazyLock<broadcast::Sender<News>>,
    wake: Notify,
    followed: Mutex<Followed>,
}

#[derive(Default)]
struct Followed {
    scopes: HashMap<Scope, Position>,
    running: bool,
}

struct Position {
    listeners: usize,
    seq: u64,
    /// Since when the head has been ahead with nothing to read.
    stalled: Option<Instant>,
}

impl Tail {
    pub(crate) fn new(log: Arc<dyn EventLog>, tracker: TaskTracker) -> Arc<Self> {
        let news: LazyLock<broadcast::Sender<News>> = LazyLock::new(|| broadcast::Sender::new(BROADCAST));
        Arc::new(Self { log, tracker, news, wake: Notify::new(), followed: Mutex::default() })
    }

    /// Looks at the log now: somebody in this process has just appended.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Listens to scopes, from the given places or from now on. Everything appended after this returns will be heard.
    pub(crate) async fn subscribe(
        self: &Arc<Self>,
        scopes: Vec<Scope>,
        from: Option<Vec<u64>>,
    ) -> Result<Subscription, StoreError> {
        // The receiver comes first: what is appended between here and the read of the heads is then heard twice,
        // and dropped once by its place. The other way round it would be lost.
        let news = self.news.subscribe();
        let heads = self.log.heads(&scopes).await?;
        let told = self.follow(&scopes, &heads);
        // A place ahead of the log is no place: the log was emptied since, or the client made it up.
        let cursors = match from {
            Some(from) => from.into_iter().zip(&heads).map(|(from, head)| from.min(*head)).collect(),
            None => heads,
        };
        // What the tail has told already it tells nobody again, not even one whose heads were on their way meanwhile.
        let behind = cursors.iter().zip(&told).any(|(cursor, told): (&u64, _)| cursor < told);
        let positions = scopes.into_iter().zip(cursors).collect();
        Ok(Subscription::new(Arc::clone(self), Arc::clone(&self.log), news, positions, behind))
    }

    /// Returns how far the tail has told each scope.
    fn follow(self: &Arc<Self>, scopes: &[Scope], heads: &[u64]) -> Vec<u64> {
        let mut followed = self.followed();
        let mut told = Vec::with_capacity(scopes.len());
        for (scope, head) in scopes.iter().zip(heads) {
            let position = followed.scopes.entry(scope.clone()).or_insert(Position {
                listeners: 0,
                seq: *head,
                stalled: None,
            });
            position.listeners += 1;
            told.push(position.seq);
        }
        if !std::mem::replace(&mut followed.running, true) {
            self.tracker.spawn(Arc::clone(self).run());
        }
        told
    }

    /// Ends when the last listener has left, so that nothing of a process runs between invocations.
    pub(super) fn unfollow(&self, scopes: impl Iterator<Item = Scope>) {
        let mut followed = self.followed();
        for scope in scopes {
            if let Some(position) = followed.scopes.get_mut(&scope) {
                position.listeners -= 1;
                if position.listeners == 0 {
                    followed.scopes.remove(&scope);
                }
            }
        }
        drop(followed);
        self.wake.notify_one();
    }

    async fn run(self: Arc<Self>) {
        let mut pause = BUSY;
        loop {
            // First of all: whoever subscribes has just read the heads.
            let next = Instant::now() + random::jitter(pause);
            tokio::select! {
                () = tokio::time::sleep_until(next) => {}
                () = self.wake.notified() => {}
            }
            let scopes = {
                let mut followed = self.followed();
                if followed.scopes.is_empty() {
                    followed.running = false;
                    return;
                }
                followed.scopes.iter().map(|(scope, at)| (scope.clone(), at.seq)).collect::<Vec<_>>()
            };
            pause = match self.look(scopes).await {
                Ok(true) => BUSY,
                Ok(false) => (pause * 2).min(IDLE),
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn Error,
                        "the event log cannot be read; trying again"
                    );
                    IDLE
                }
            };
        }
    }

    /// One look: the heads in one read, then only what moved. `true` when there was something.
    async fn look(&self, scopes: Vec<(Scope, u64)>) -> Result<bool, StoreError> {
        let (names, seen): (Vec<_>, Vec<_>) = scopes.into_iter().unzip();
        let heads = self.log.heads(&names).await?;
        let mut moved = false;
        for ((scope, mut seen), head) in names.into_iter().zip(seen).zip(heads) {
            while seen < head {
                let page = self.log.read(&scope, seen, PAGE).await?;
                moved = true;
                let Some(last) = page.last() else {
                    // A moved head with nothing to read: its writer is still at it, or what was there has expired.
                    if self.stalled(&scope) {
                        seen = head;
                    }
                    break;
                };
                seen = last.seq;
                for event in page {
                    // No receiver is no error: it left a moment ago.
                    let _ = self.news.send(Arc::new((scope.clone(), event)));
                }
            }
            if let Some(position) =
                self.followed().scopes.get_mut(&scope).filter(|position| position.seq < seen)
            {
                position.seq = seen;
                position.stalled = None;
            }
        }
        Ok(moved)
    }

    /// Whether a scope's head has been ahead of what can be read for longer than any writer takes.
    fn stalled(&self, scope: &Scope) -> bool {
        let mut followed = self.followed();
        let Some(position) = followed.scopes.get_mut(scope) else { return true };
        position.stalled.get_or_insert_with(Instant::now).elapsed() > STALLED
    }

    fn followed(&self) -> MutexGuard<'_, Followed> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
