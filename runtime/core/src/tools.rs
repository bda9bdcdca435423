//! Tools that are switched on and off while the server runs, on all environments at once.
//!
//! Which tools are on is one piece of shared state, and its rev is the fingerprint: an environment that reads another rev
//! than it knew has missed a change. It looks at most once in an interval, and only when a client asks for tools.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::Value;

use crate::{
    error::{Causes, StoreError},
    events::{Event, Events},
    random,
    session::{Rev, SessionStore, StateScope},
    time::{Clock, Timestamp},
};

/// The key of the switches in the deployment's own state.
const KEY: &str = "tools";
/// Tries of a change when other environments change something too, and the pause in between.
const TRIES: u32 = 16;
const PAUSE: Duration = Duration::from_millis(20);

/// The switches of the server's tools: in `RequestContext::extensions` of every request, if the server was built with
/// [`dynamic_tools`](crate::McpLambdaServer::dynamic_tools).
#[derive(Clone)]
pub struct Tools(Arc<Inner>);

struct Inner {
    off_at_first: BTreeSet<String>,
    check_every: Duration,
    store: Arc<dyn SessionStore>,
    events: Events,
    clock: Clock,
    known: Mutex<Known>,
}

/// What this environment knows.
#[derive(Default)]
struct Known {
    /// Tools somebody has switched, and how.
    switched: BTreeMap<String, bool>,
    /// The fingerprint. Nothing before the first look.
    rev: Option<Rev>,
    looked: Option<Timestamp>,
}

impl Tools {
    pub(crate) fn new(
        off_at_first: BTreeSet<String>,
        check_every: Duration,
        store: Arc<dyn SessionStore>,
        events: Events,
        clock: Clock,
    ) -> Self {
        Self(Arc::new(Inner { off_at_first, check_every, store, events, clock, known: Mutex::default() }))
    }

    /// Switches a tool on, on every environment. Returns whether it was off. Clients are told that the list has changed.
    pub async fn activate(&self, tool: &str) -> Result<bool, StoreError> {
        self.switch(tool, true).await
    }

    /// Switches a tool off, on every environment. Returns whether it was on. Calls that run go on.
    pub async fn deactivate(&self, tool: &str) -> Result<bool, StoreError> {
        self.switch(tool, false).await
    }

    /// Whether a tool is on, as far as this environment knows.
    #[must_use]
    pub fn is_active(&self, tool: &str) -> bool {
        self.0.is_on(&self.known().switched, tool)
    }

    /// PollSchedule at the shared state if that is due. A store that fails changes nothing: the last that was known holds.
    pub(crate) async fn check(&self) {
        let now = self.0.clock.now();
        {
            let mut known = self.known();
            if known.looked.is_some_and(|looked| looked.plus(self.0.check_every) > now) {
                return;
            }
            // Whoever comes meanwhile goes on with what is known: one look is enough.
            known.looked = Some(now);
        }
        match self.read().await {
            Ok((switched, rev)) => {
                if self.learn(switched, rev) {
                    self.announce(rev).await;
                }
            }
            Err(error) => {
                tracing::warn!(error = %Causes(&error), "which tools are on cannot be read; the last known holds");
            }
        }
    }

    async fn switch(&self, tool: &str, on: bool) -> Result<bool, StoreError> {
        let inner = &*self.0;
        for _ in 0..TRIES {
            let (mut switched, rev) = self.read().await?;
            if inner.is_on(&switched, tool) == on {
                if self.learn(switched, rev) {
                    self.announce(rev).await;
                }
                return Ok(false);
            }
            switched.insert(tool.to_owned(), on);
            let value = serde_json::json!(switched);
            match inner.store.put_state(&StateScope::Server, KEY, &value, rev, Timestamp(u64::MAX)).await {
                Ok(rev) => {
                    self.learn(switched, rev);
                    self.announce(rev).await;
                    return Ok(true);
                }
                Err(StoreError::Conflict) => tokio::time::sleep(random::jitter(PAUSE)).await,
                Err(error) => return Err(error),
            }
        }
        Err(StoreError::Conflict)
    }

    async fn read(&self) -> Result<(BTreeMap<String, bool>, Rev), StoreError> {
        let Some(found) = self.0.store.state(&StateScope::Server, KEY).await? else {
            return Ok((BTreeMap::new(), 0));
        };
        let Value::Object(object) = found.value else {
            return Err(StoreError::Corrupt("the switches of the tools are not an object".into()));
        };
        let switched = object.into_iter().filter_map(|(tool, on)| Some((tool, on.as_bool()?))).collect();
        Ok((switched, found.rev))
    }

    /// Takes note, and returns whether that is a change others may not have heard of.
    fn learn(&self, switched: BTreeMap<String, bool>, rev: Rev) -> bool {
        let mut known = self.known();
        if known.rev.is_some_and(|last| last >= rev) {
            return false;
        }
        known.switched = switched;
        known.rev.replace(rev).is_some()
    }

    /// Tells everybody. Each environment that learns of a change does, in case the one that made it could not; the log
    /// takes it once.
    async fn announce(&self, rev: Rev) {
        let told = self.0.events.publish_once(format!("tools#{rev}"), Event::ToolsListChanged).await;
        if let Err(error) = told {
            tracing::error!(error = %Causes(&error), "a change of the tools was not announced");
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn is_on(&self, switched: &BTreeMap<String, bool>, tool: &str) -> bool {
        switched.get(tool).copied().unwrap_or_else(|| !self.off_at_first.contains(tool))
    }
}
