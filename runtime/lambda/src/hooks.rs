//! What a program runs around invocations, and around the life of an environment.

use std::{fmt, sync::Arc, time::Duration};

use tower::{Layer, Service, util::BoxCloneSyncService};

use super::{invocation_request::InvocationRequest, invocation_response::InvocationResponse};
use mcp_lambda_core::{hook::Hook, http::BoxError};

/// The time of the hook after an invocation, if the program sets none.
const AFTER_INVOCATION: Duration = Duration::from_secs(1);

/// The service that answers invocations, within the layers of the program.
pub type InvocationService = BoxCloneSyncService<InvocationRequest, InvocationResponse, BoxError>;

/// What a program runs around invocations, and around the life of an environment. The default is nothing.
#[derive(Clone, Default)]
pub struct Hooks {
    layers: Vec<Arc<dyn Fn(InvocationService) -> InvocationService + Send + Sync>>,
    after_invocation: Option<Hook>,
    after_invocation_budget: Option<Duration>,
    pub(super) on_shutdown: Option<Hook>,
    before_snapshot: Vec<Hook>,
    after_restore: Vec<Hook>,
}

impl Hooks {
    /// Adds a tower layer around invocations. The layer added first sees an invocation first.
    pub fn layer<L>(&mut self, layer: L)
    where
        L: Layer<InvocationService> + Send + Sync + 'static,
        L::Service: Service<InvocationRequest, Response = InvocationResponse> + Clone + Send + Sync + 'static,
        <L::Service as Service<InvocationRequest>>::Future: Send + 'static,
        <L::Service as Service<InvocationRequest>>::Error: Into<BoxError> + 'static,
    {
        self.layers.push(Arc::new(move |inner| {
            let layered = layer.layer(inner);
            BoxCloneSyncService::new(tower::ServiceExt::map_err(layered, Into::into))
        }));
    }

    /// Sets what runs after each invocation.
    pub fn after_invocation(&mut self, hook: Hook) {
        self.after_invocation = Some(hook);
    }

    /// Sets the time of what runs after each invocation.
    pub fn after_invocation_budget(&mut self, budget: Duration) {
        self.after_invocation_budget = Some(budget);
    }

    /// Sets what runs before the environment ends.
    pub fn on_shutdown(&mut self, hook: Hook) {
        self.on_shutdown = Some(hook);
    }

    /// Adds what runs before the environment is stored.
    pub fn before_snapshot(&mut self, hook: Hook) {
        self.before_snapshot.push(hook);
    }

    /// Adds what runs when the environment has been restored.
    pub fn after_restore(&mut self, hook: Hook) {
        self.after_restore.push(hook);
    }

    /// The layers around a service, which is made only if there are layers.
    pub(super) fn layered(&self, inner: impl FnOnce() -> InvocationService) -> Option<InvocationService> {
        let mut layers = self.layers.iter().rev();
        let innermost = layers.next()?(inner());
        Some(layers.fold(innermost, |inner, wrap| wrap(inner)))
    }

    /// What runs after each invocation, with its time.
    pub(super) fn after_each(&self) -> Option<(Hook, Duration)> {
        let budget = self.after_invocation_budget.unwrap_or(AFTER_INVOCATION);
        self.after_invocation.clone().map(|hook| (hook, budget))
    }

    /// What runs before the environment is stored: what was added last gives up its resources first.
    pub(super) fn before_each_snapshot(&self) -> impl Iterator<Item = &Hook> {
        self.before_snapshot.iter().rev()
    }

    /// What runs when the environment has been restored, in the order in which it was added.
    pub(super) fn after_each_restore(&self) -> impl Iterator<Item = &Hook> {
        self.after_restore.iter()
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks")
            .field("layers", &self.layers.len())
            .field("after_invocation", &self.after_invocation)
            .field("on_shutdown", &self.on_shutdown)
            .field("before_snapshot", &self.before_snapshot)
            .field("after_restore", &self.after_restore)
            .finish_non_exhaustive()
    }
}
