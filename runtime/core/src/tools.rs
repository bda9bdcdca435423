//! Dynamic tools: tools that are activated and deactivated while the server runs, in all environments at once.
//!
//! The activations are one piece of shared state, and its revision is their fingerprint: an environment that reads
//! another revision than it knew has missed a change. It reads at most once in an interval, and only when a client sends
//! a request that concerns tools.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::Value;

use crate::{
    error::{Causes, StoreError},
    events::{Event, Events},
    random,
    session::{Rev, StateScope, StateStore},
    time::{Clock, Timestamp},
};

/// Key of the activations in the state of the deployment.
const KEY: &str = "tools";
/// Tries of a change while other environments change the activations too.
const TRIES: u32 = 16;
/// Pause between two tries.
const PAUSE: Duration = Duration::from_millis(20);

/// Activates and deactivates the tools of a server while it runs.
///
/// Tools find it with `McpContext::tools` in every request to a server that was built with `Builder::dynamic_tools` or
/// `Builder::initially_disabled`. Deactivated tools are left out of `tools/list`, and a call of one is refused as that of
/// an unknown tool.
///
/// ```
/// use mcp_lambda_server::{
///     McpContext,
///     rmcp::{ErrorData, RoleServer, service::RequestContext},
/// };
///
/// /// The body of a tool that opens the admin tool to clients.
/// async fn unlock(context: RequestContext<RoleServer>) -> Result<String, ErrorData> {
///     let tools = context.tools().expect("the server is built with dynamic tools");
///     let changed = tools
///         .activate("admin")
///         .await
///         .map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
///     Ok(if changed { "unlocked" } else { "it was unlocked already" }.into())
/// }
/// ```
#[derive(Clone)]
pub struct Tools(Arc<Inner>);

struct Inner {
    initially_disabled: BTreeSet<String>,
    check_interval: Duration,
    store: Arc<dyn StateStore>,
    events: Events,
    clock: Clock,
    known: Mutex<Known>,
}

/// The activations that this environment has read last.
#[derive(Default)]
struct Known {
    /// Tools that were activated (`true`) or deactivated (`false`) at run time.
    switched: BTreeMap<String, bool>,
    /// Revision of the shared state. `None` before the first read.
    rev: Option<Rev>,
    checked_at: Option<Timestamp>,
}

impl Tools {
    pub(crate) fn new(
        initially_disabled: BTreeSet<String>,
        check_interval: Duration,
        store: Arc<dyn StateStore>,
        events: Events,
        clock: Clock,
    ) -> Self {
        Self(Arc::new(Inner {
            initially_disabled,
            check_interval,
            store,
            events,
            clock,
            known: Mutex::default(),
        }))
    }

    /// Activates a tool in every environment and notifies clients that the list has changed. Returns whether the tool
    /// was inactive. Other environments follow within `MCP_TOOL_CHECK_TTL_SECS`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] if other environments changed tools at the same time in each try, other variants if the
    /// store fails.
    pub async fn activate(&self, tool: &str) -> Result<bool, StoreError> {
        self.switch(tool, true).await
    }

    /// Deactivates a tool in every environment and notifies clients that the list has changed. Returns whether the tool
    /// was active. Calls that are running continue.
    ///
    /// # Errors
    ///
    /// As [`Tools::activate`].
    pub async fn deactivate(&self, tool: &str) -> Result<bool, StoreError> {
        self.switch(tool, false).await
    }

    /// Whether a tool is active, according to the last read of this environment.
    #[must_use]
    pub fn is_active(&self, tool: &str) -> bool {
        self.0.is_active(&self.known().switched, tool)
    }

    /// Reads the shared state if the check interval has passed. If the store fails, the last known state holds.
    pub(crate) async fn check(&self) {
        let now = self.0.clock.now();
        {
            let mut known = self.known();
            if known.checked_at.is_some_and(|checked_at| checked_at.plus(self.0.check_interval) > now) {
                return;
            }
            // Set before the read: requests that arrive meanwhile use the known state instead of reading too.
            known.checked_at = Some(now);
        }
        match self.read().await {
            Ok((switched, rev)) => {
                if self.learn(switched, rev) {
                    self.publish_change(rev).await;
                }
            }
            Err(error) => {
                tracing::warn!(
                    error = %Causes(&error),
                    "the active tools cannot be read; the last known state holds"
                );
            }
        }
    }

    async fn switch(&self, tool: &str, active: bool) -> Result<bool, StoreError> {
        let inner = &*self.0;
        for _ in 0..TRIES {
            let (mut switched, rev) = self.read().await?;
            if inner.is_active(&switched, tool) == active {
                if self.learn(switched, rev) {
                    self.publish_change(rev).await;
                }
                return Ok(false);
            }
            switched.insert(tool.to_owned(), active);
            let value = serde_json::json!(switched);
            match inner.store.put_state(&StateScope::Server, KEY, &value, rev, Timestamp::MAX).await {
                Ok(rev) => {
                    self.learn(switched, rev);
                    self.publish_change(rev).await;
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
            return Err(StoreError::Corrupt("the activations of the tools are not a JSON object".into()));
        };
        let switched =
            object.into_iter().filter_map(|(tool, active)| Some((tool, active.as_bool()?))).collect();
        Ok((switched, found.rev))
    }

    /// Stores what was read. Returns whether it is a change since an earlier read.
    fn learn(&self, switched: BTreeMap<String, bool>, rev: Rev) -> bool {
        let mut known = self.known();
        if known.rev.is_some_and(|last| last >= rev) {
            return false;
        }
        known.switched = switched;
        known.rev.replace(rev).is_some()
    }

    /// Publishes that the list has changed. Each environment that learns of a change does so, in case the one that made
    /// the change could not; the log appends the event once.
    async fn publish_change(&self, rev: Rev) {
        let published = self.0.events.publish_once(format!("tools#{rev}"), Event::ToolsListChanged).await;
        if let Err(error) = published {
            tracing::error!(error = %Causes(&error), "a change of the active tools was not published");
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Tools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tools")
            .field("initially_disabled", &self.0.initially_disabled)
            .field("switched", &self.known().switched)
            .finish_non_exhaustive()
    }
}

impl Inner {
    fn is_active(&self, switched: &BTreeMap<String, bool>, tool: &str) -> bool {
        switched.get(tool).copied().unwrap_or_else(|| !self.initially_disabled.contains(tool))
    }
}
