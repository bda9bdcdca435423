//! One follower of the log per process, alive only while somebody listens.

use std::{
    collections::HashMap,
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
    log::{EventLog, LoggedEvent, ScopeEnd},
    subscription::Subscription,
};
use crate::{
    error::{Causes, StoreError},
    random,
};

/// Broadcast slots. A subscription that falls further behind reads the log instead.
const BROADCAST: usize = 256;
/// Events of one scope fetched in one read.
const PAGE: usize = 100;
/// Between looks at the log while events come...
const BUSY: Duration = Duration::from_millis(100);
/// ... for so long after the last one: events that come every second or so are still heard at once ...
const STAYS_BUSY: Duration = Duration::from_secs(3);
/// ... and the longest pause when none do: two seconds with its jitter.
const IDLE: Duration = Duration::from_millis(1600);

/// How long a writer may take from its place to its event. What it has not written by then it writes elsewhere.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the tail tells its subscriptions.
pub(super) struct News {
    pub(super) scope: Scope,
    /// How far the tail had told the scope before: between the two there is nothing.
    pub(super) after: u64,
    pub(super) event: LoggedEvent,
}

/// Follows the log for every subscription of this process.
pub(crate) struct Tail {
    log: Arc<dyn EventLog>,
    tracker: TaskTracker,
    /// Made for the first listener: 10 KB that most cold starts have no use for.
    news: LazyLock<broadcast::Sender<Arc<News>>>,
    wake: Notify,
    followed: Mutex<Followed>,
}

#[derive(Default)]
struct Followed {
    scopes: HashMap<Scope, Position>,
    subscriptions: usize,
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
        let news: LazyLock<broadcast::Sender<Arc<News>>> =
            LazyLock::new(|| broadcast::Sender::new(BROADCAST));
        Arc::new(Self { log, tracker, news, wake: Notify::new(), followed: Mutex::default() })
    }

    /// PollSchedule at the log now: somebody in this process has just appended.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    /// How many listen in this process.
    pub(crate) fn subscriptions(&self) -> usize {
        self.followed().subscriptions
    }

    /// Listens to scopes, from the given places or from now on. Everything appended after this returns will be heard.
    pub(crate) async fn subscribe(
        self: &Arc<Self>,
        scopes: Vec<Scope>,
        from: Option<Vec<u64>>,
    ) -> Result<Subscription, StoreError> {
        // The receiver comes first: what is appended between here and the read of the ends is then heard twice,
        // and dropped once by its place. The other way round it would be lost.
        let news = self.news.subscribe();
        let ends = self.log.ends(&scopes).await?;
        let told = self.follow(&scopes, &ends);
        // A place ahead of the log is no place: the log was emptied since, or the client made it up.
        let cursors: Vec<u64> = match from {
            Some(from) => from.into_iter().zip(&ends).map(|(from, end)| from.min(end.head)).collect(),
            None => ends.iter().map(|end| end.last_stable).collect(),
        };
        // What the tail has told already it tells nobody again, not even one whose heads were on their way meanwhile.
        let behind = cursors.iter().zip(&told).any(|(cursor, told)| cursor < told);
        let positions = scopes.into_iter().zip(cursors).collect();
        Ok(Subscription::new(Arc::clone(self), Arc::clone(&self.log), news, positions, behind))
    }

    /// Returns how far the tail has told each scope.
    fn follow(self: &Arc<Self>, scopes: &[Scope], ends: &[ScopeEnd]) -> Vec<u64> {
        let mut followed = self.followed();
        followed.subscriptions += 1;
        let mut told = Vec::with_capacity(scopes.len());
        for (scope, end) in scopes.iter().zip(ends) {
            let position = followed.scopes.entry(scope.clone()).or_insert(Position {
                listeners: 0,
                seq: end.last_stable,
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
        followed.subscriptions = followed.subscriptions.saturating_sub(1);
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
        let mut moved: Option<Instant> = None;
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
                Ok(true) => {
                    moved = Some(Instant::now());
                    BUSY
                }
                Ok(false) if moved.is_some_and(|moved| moved.elapsed() < STAYS_BUSY) => BUSY,
                Ok(false) => (pause * 2).min(IDLE),
                Err(error) => {
                    tracing::warn!(
                        error = %Causes(&error),
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
                    if !self.stalled(&scope) {
                        break;
                    }
                    let last_stable = self.log.settle(&scope, seen).await?;
                    if last_stable == seen {
                        break;
                    }
                    seen = last_stable;
                    continue;
                };
                let (mut after, until) = (seen, last.seq);
                for event in page {
                    let seq = event.seq;
                    // No receiver is no error: it left a moment ago.
                    let _ = self.news.send(Arc::new(News { scope: scope.clone(), after, event }));
                    after = seq;
                }
                seen = until;
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
        position.stalled.get_or_insert_with(Instant::now).elapsed() >= PATIENCE
    }

    fn followed(&self) -> MutexGuard<'_, Followed> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
