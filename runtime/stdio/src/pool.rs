//! The children that run, and which of them a call gets.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use mcp_lambda_core::events::Events;
use rmcp::model::{ServerConfig, Tool};
use tokio::time::{Instant, sleep};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

use crate::{
    caller::of_all,
    child::{Audience, Child, ClientSide, Speaks, StartError},
    settings::Settings,
    slot::Slot,
    suspended::SuspendedCalls,
    time::within,
};

/// The longest pause between two looks for children that are no longer used.
const LOOK: Duration = Duration::from_secs(60);

/// The calls that a child is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    /// That of all calls.
    Server,
    /// That of a session.
    Session(String),
    /// That of a principal.
    Principal(String),
    /// That of one call.
    Call(u64),
}

/// What a call gets a child by.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) key: Key,
    pub(crate) audience: Audience,
    pub(crate) client: Arc<ClientSide>,
}

/// The children of a server.
#[derive(Debug)]
pub(crate) struct Pool {
    pub(crate) settings: Arc<Settings>,
    /// The event log, once a request has come.
    pub(crate) events: Arc<OnceLock<Events>>,
    pub(crate) tracker: TaskTracker,
    pub(crate) suspended: SuspendedCalls,
    /// The client of a child that all calls share.
    pub(crate) everyone: Arc<ClientSide>,
    /// What the first child says about itself.
    info: OnceLock<ServerConfig>,
    slots: Mutex<HashMap<Key, Arc<Slot>>>,
    /// What children of the command speak, once it is known.
    speaks: OnceLock<Speaks>,
    calls: AtomicU64,
    has_reaper: AtomicBool,
    closing: CancellationToken,
    _dropped: DropGuard,
}

/// The use of a child by a call, on its way and while it is suspended.
#[derive(Debug, Clone)]
pub(crate) struct Lease {
    pub(crate) child: Arc<Child>,
    used: Arc<Use>,
}

impl Lease {
    /// Whether the child ends with the call.
    pub(crate) fn is_of_one_call(&self) -> bool {
        matches!(self.used.key, Key::Call(_))
    }
}

/// Keeps a child from being ended as unused.
#[derive(Debug)]
struct Use {
    slot: Arc<Slot>,
    pool: Arc<Pool>,
    key: Key,
}

impl Pool {
    pub(crate) fn new(settings: Settings) -> Self {
        let closing = CancellationToken::new();
        Self {
            everyone: Arc::new(of_all(&settings)),
            settings: Arc::new(settings),
            events: Arc::default(),
            tracker: TaskTracker::new(),
            suspended: SuspendedCalls::default(),
            info: OnceLock::new(),
            slots: Mutex::default(),
            speaks: OnceLock::new(),
            calls: AtomicU64::new(0),
            has_reaper: AtomicBool::new(false),
            _dropped: closing.clone().drop_guard(),
            closing,
        }
    }

    /// What a child has said about itself. `None`: none has answered yet.
    pub(crate) fn info(&self) -> Option<&ServerConfig> {
        self.info.get()
    }

    /// What children of the command speak, once it is known.
    pub(crate) fn speaks(&self) -> Option<Speaks> {
        self.speaks.get().copied()
    }

    /// A number that no other call has.
    pub(crate) fn next_call(&self) -> u64 {
        self.calls.fetch_add(1, Ordering::Relaxed)
    }

    /// The child of a call. It is started if it does not run.
    pub(crate) async fn child(self: &Arc<Self>, wanted: Wanted) -> Result<Lease, StartError> {
        let used = self.enter(wanted)?;
        let child = used.slot.child(self).await?;
        let _ = self.speaks.set(child.handshake.speaks);
        self.info.get_or_init(|| child.handshake.info.clone());
        Ok(Lease { child, used: Arc::new(used) })
    }

    /// The child of a call, if it runs already.
    pub(crate) fn running(&self, key: &Key) -> Option<Arc<Child>> {
        self.slots().get(key)?.running()
    }

    /// A tool of any child that runs.
    pub(crate) fn tool(&self, name: &str) -> Option<Tool> {
        let children: Vec<_> = self.slots().values().filter_map(|slot| slot.running()).collect();
        children.iter().find_map(|child| child.tool(name))
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<Key, Arc<Slot>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(self: &Arc<Self>, wanted: Wanted) -> Result<Use, StartError> {
        let key = wanted.key.clone();
        let mut slots = self.slots();
        while !slots.contains_key(&key) && slots.len() >= self.settings.max_children {
            let Err(busy) = self.end_one(&mut slots) else { break };
            // A call that only waits for its client gives way.
            drop(slots);
            if !self.suspended.end_one() {
                return Err(busy);
            }
            slots = self.slots();
        }
        let make = || Arc::new(Slot::new(wanted, self.closing.child_token()));
        let slot = Arc::clone(slots.entry(key.clone()).or_insert_with(make));
        slot.enter();
        drop(slots);
        if !matches!(key, Key::Server | Key::Call(_)) && !self.has_reaper.swap(true, Ordering::Relaxed) {
            self.tracker.spawn(reap(Arc::downgrade(self), self.closing.clone(), self.settings.idle));
        }
        Ok(Use { slot, pool: Arc::clone(self), key })
    }

    /// Ends the child that was not used for the longest time.
    fn end_one(&self, slots: &mut HashMap<Key, Arc<Slot>>) -> Result<(), StartError> {
        let unused = slots.iter().filter_map(|(key, slot)| Some((slot.unused_since()?, key)));
        let oldest = unused.min_by_key(|(since, _)| *since).map(|(_, key)| key.clone());
        match oldest.and_then(|key| slots.remove(&key)) {
            Some(slot) => {
                slot.stop();
                Ok(())
            }
            None => {
                let most = self.settings.max_children;
                let text =
                    format!("runs {most} children, all of them busy, and may run no more (max_children)");
                Err(StartError::new(&self.settings, text))
            }
        }
    }

    fn end_unused(&self) {
        let now = Instant::now();
        let idle = self.settings.idle;
        self.slots().retain(|_, slot| {
            let is_idle = slot.unused_since().is_some_and(|since| now.duration_since(since) >= idle);
            if is_idle {
                slot.stop();
            }
            !is_idle
        });
    }

    /// Ends all children, and waits for none.
    pub(crate) fn abandon(&self) {
        self.closing.cancel();
        self.suspended.end_all();
    }

    /// Ends all children, and waits until they have ended.
    pub(crate) async fn close(&self) {
        self.abandon();
        self.tracker.close();
        let most = self.settings.stop_timeout.saturating_mul(2) + Duration::from_secs(1);
        if within(most, self.tracker.wait()).await.is_none() {
            tracing::warn!(server = &*self.settings.name, "the server did not end in time");
        }
    }
}

/// Ends children that are not used any more.
async fn reap(pool: Weak<Pool>, closing: CancellationToken, idle: Duration) {
    loop {
        tokio::select! {
            () = sleep(idle.min(LOOK)) => {}
            () = closing.cancelled() => return,
        }
        let Some(pool) = pool.upgrade() else { return };
        pool.end_unused();
    }
}

impl Drop for Use {
    fn drop(&mut self) {
        self.slot.leave();
        if matches!(self.key, Key::Call(_)) {
            self.slot.stop();
            self.pool.slots().remove(&self.key);
        }
    }
}
