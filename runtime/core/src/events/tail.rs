//! The tail: one poller of the log per process, running only while the process has subscriptions.

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
};
use crate::{
    error::{Causes, StoreError},
    random,
    store::WakeUp,
};

/// Capacity of the broadcast. A subscription that falls further behind reads the log instead.
const BROADCAST: usize = 256;
/// Events of one scope fetched in one read.
const PAGE: usize = 100;
/// Pause between polls while events arrive.
const BUSY: Duration = Duration::from_millis(100);
/// How long the pause stays at `BUSY` after the last event, so that an event every second or so is received at once.
const STAYS_BUSY: Duration = Duration::from_secs(3);
/// Longest pause between polls: two seconds with its jitter.
const IDLE: Duration = Duration::from_millis(1600);
/// How long a writer may take from its sequence number to its event. Readers then seal the gap.
const GAP_TIMEOUT: Duration = Duration::from_secs(2);

/// An event of the log, as the tail broadcasts it.
pub(super) struct LogEntry {
    pub(super) scope: Scope,
    /// Position of the tail in the scope before this event: there is no event between the two.
    pub(super) after: u64,
    pub(super) event: LoggedEvent,
}

/// Polls the log for all subscriptions of this process.
pub(crate) struct Tail {
    log: Arc<dyn EventLog>,
    wake_up: WakeUp,
    tracker: TaskTracker,
    /// Created for the first subscription: 10 KB that most cold starts do not need.
    entries: LazyLock<broadcast::Sender<Arc<LogEntry>>>,
    poll_now: Notify,
    followed: Mutex<Followed>,
}

#[derive(Default)]
struct Followed {
    scopes: HashMap<Scope, Position>,
    subscriptions: usize,
    running: bool,
}

struct Position {
    subscriptions: usize,
    seq: u64,
    /// Since when the head has been ahead of the last readable event.
    stalled: Option<Instant>,
}

impl Tail {
    pub(crate) fn new(log: Arc<dyn EventLog>, wake_up: WakeUp, tracker: TaskTracker) -> Arc<Self> {
        let entries: LazyLock<broadcast::Sender<Arc<LogEntry>>> =
            LazyLock::new(|| broadcast::Sender::new(BROADCAST));
        Arc::new(Self { log, wake_up, tracker, entries, poll_now: Notify::new(), followed: Mutex::default() })
    }

    /// Polls the log at once: this process has appended an event.
    pub(crate) fn poll_now(&self) {
        self.poll_now.notify_one();
    }

    /// Returns the number of subscriptions of this process.
    pub(crate) fn subscriptions(&self) -> usize {
        self.followed_scopes().subscriptions
    }

    pub(super) fn log(&self) -> &dyn EventLog {
        &*self.log
    }

    /// Returns a receiver of everything that is broadcast from now on.
    pub(super) fn entries(&self) -> broadcast::Receiver<Arc<LogEntry>> {
        self.entries.subscribe()
    }

    /// Polls scopes until the returned guard is dropped. `ends` are the ends of the scopes, read a moment ago.
    pub(super) fn follow(self: &Arc<Self>, scopes: &[Scope], ends: &[ScopeEnd]) -> Follow {
        let mut followed = self.followed_scopes();
        followed.subscriptions += 1;
        let mut positions = Vec::with_capacity(scopes.len());
        for (scope, end) in scopes.iter().zip(ends) {
            let position = followed.scopes.entry(scope.clone()).or_insert(Position {
                subscriptions: 0,
                seq: end.last_stable,
                stalled: None,
            });
            position.subscriptions += 1;
            positions.push(position.seq);
        }
        if !std::mem::replace(&mut followed.running, true) {
            self.tracker.spawn(Arc::clone(self).run());
        }
        Follow { tail: Arc::clone(self), scopes: scopes.to_vec(), positions }
    }

    fn unfollow(&self, scopes: &[Scope]) {
        let mut followed = self.followed_scopes();
        followed.subscriptions = followed.subscriptions.saturating_sub(1);
        for scope in scopes {
            if let Some(position) = followed.scopes.get_mut(scope) {
                position.subscriptions -= 1;
                if position.subscriptions == 0 {
                    followed.scopes.remove(scope);
                }
            }
        }
        drop(followed);
        self.poll_now.notify_one();
    }

    /// Polls until no scope is followed, so that no task of this process runs between invocations.
    async fn run(self: Arc<Self>) {
        let mut pause = BUSY;
        let mut last_event: Option<Instant> = None;
        let mut wake_up = self.wake_up.listen();
        loop {
            // The pause comes first: the subscription that started this task has just read the ends.
            let next = Instant::now() + random::jitter(pause);
            tokio::select! {
                () = tokio::time::sleep_until(next) => {}
                () = self.poll_now.notified() => {}
                () = wake_up.by("") => {}
            }
            let scopes = {
                let mut followed = self.followed_scopes();
                if followed.scopes.is_empty() {
                    followed.running = false;
                    return;
                }
                followed.scopes.iter().map(|(scope, at)| (scope.clone(), at.seq)).collect::<Vec<_>>()
            };
            pause = match self.poll(scopes).await {
                Ok(true) => {
                    last_event = Some(Instant::now());
                    BUSY
                }
                Ok(false) if last_event.is_some_and(|last| last.elapsed() < STAYS_BUSY) => BUSY,
                Ok(false) => (pause * 2).min(IDLE),
                Err(error) => {
                    tracing::warn!(error = %Causes(&error), "the event log cannot be read; trying again");
                    IDLE
                }
            };
        }
    }

    /// Reads the heads in one request, then the scopes with a head that has moved. Returns whether one had.
    async fn poll(&self, scopes: Vec<(Scope, u64)>) -> Result<bool, StoreError> {
        let (names, positions): (Vec<_>, Vec<_>) = scopes.into_iter().unzip();
        let heads = self.log.heads(&names).await?;
        let mut moved = false;
        for ((scope, position), head) in names.into_iter().zip(positions).zip(heads) {
            moved |= position < head;
            let position = self.broadcast_up_to(&scope, position, head).await?;
            if let Some(known) =
                self.followed_scopes().scopes.get_mut(&scope).filter(|known| known.seq < position)
            {
                known.seq = position;
                known.stalled = None;
            }
        }
        Ok(moved)
    }

    /// Broadcasts the events of a scope from a position to its head, and returns the position reached.
    async fn broadcast_up_to(&self, scope: &Scope, mut position: u64, head: u64) -> Result<u64, StoreError> {
        while position < head {
            let page = self.log.read(scope, position, PAGE).await?;
            if page.is_empty() {
                // The head has moved and nothing can be read: a writer is at work, or the events have expired.
                if !self.is_stalled(scope) {
                    break;
                }
                let last_stable = self.log.seal_gap(scope, position).await?;
                if last_stable == position {
                    break;
                }
                position = last_stable;
            }
            for event in page {
                let seq = event.seq;
                // An error means that no receiver is left, because the last subscription has just been dropped.
                let _ =
                    self.entries.send(Arc::new(LogEntry { scope: scope.clone(), after: position, event }));
                position = seq;
            }
        }
        Ok(position)
    }

    /// Whether a scope's head has been ahead of the last readable event for longer than a writer may take.
    fn is_stalled(&self, scope: &Scope) -> bool {
        let mut followed = self.followed_scopes();
        let Some(position) = followed.scopes.get_mut(scope) else { return true };
        position.stalled.get_or_insert_with(Instant::now).elapsed() >= GAP_TIMEOUT
    }

    fn followed_scopes(&self) -> MutexGuard<'_, Followed> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps the tail polling some scopes until it is dropped.
pub(super) struct Follow {
    tail: Arc<Tail>,
    scopes: Vec<Scope>,
    positions: Vec<u64>,
}

impl Follow {
    /// Returns the tail's position in each scope when following began: later events are broadcast.
    pub(super) fn positions(&self) -> &[u64] {
        &self.positions
    }

    pub(super) fn log(&self) -> &dyn EventLog {
        self.tail.log()
    }
}

impl Drop for Follow {
    fn drop(&mut self) {
        self.tail.unfollow(&self.scopes);
    }
}
