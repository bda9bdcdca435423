//! Open streams of one principal and of one process. On Lambda every open stream occupies an environment and is billed.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio_util::task::TaskTracker;

use super::{
    caller_key::{CALLERS_OF_ADDRESS, CallerKey, ClientKey},
    counts::Counts,
};
use crate::{
    auth::Principal,
    error::{Causes, StoreError},
    metrics::Metrics,
    protocol::Fault,
    random,
    telemetry::in_this_trace,
    time::Timestamp,
};

/// A request for the permission to hold one stream open.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StreamLease {
    /// Principal that opens the stream.
    pub owner: Principal,
    /// Id of the lease, unique among the leases of the owner.
    pub id: String,
    /// Largest number of leases that the owner may hold, including this one.
    pub limit: usize,
    /// When the lease expires if it is not released: the deadline of the stream.
    pub expires_at: Timestamp,
}

impl StreamLease {
    /// Creates a request for a lease.
    #[must_use]
    pub fn new(owner: Principal, id: impl Into<String>, limit: usize, expires_at: Timestamp) -> Self {
        Self { owner, id: id.into(), limit, expires_at }
    }
}

/// Durable counts of open streams.
///
/// # Laws
///
/// The tests in `tests/it/stores` prove them for every store.
///
/// * Of concurrent acquisitions at most `limit` are held at any moment.
/// * An expired lease does not count.
/// * Acquiring a lease that is held renews it; releasing is idempotent.
#[async_trait]
pub trait StreamLeaseStore: Send + Sync + 'static {
    /// Acquires a lease. `false` if the owner holds `limit` others.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] if other writers won each try, [`StoreError::Unavailable`] if the store does not answer.
    async fn acquire(&self, request: &StreamLease) -> Result<bool, StoreError>;

    /// Releases the lease with an id.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the store does not answer.
    async fn release(&self, owner: &Principal, id: &str) -> Result<(), StoreError>;
}

/// Counts the open streams of this process, which share its memory and its connections.
pub(crate) struct StreamLimiter {
    open: Arc<Mutex<OpenStreams>>,
    limit: usize,
    metrics: Metrics,
}

#[derive(Default)]
struct OpenStreams {
    all: usize,
    /// Anonymous callers, by their address.
    clients: Counts<ClientKey>,
}

impl StreamLimiter {
    pub(crate) fn new(limit: usize, metrics: Metrics) -> Self {
        Self { open: Arc::default(), limit, metrics }
    }

    /// Counts one more stream until the returned value is dropped.
    fn enter(&self, caller: &CallerKey, per_caller: usize) -> Result<OpenStream, Fault> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.all >= self.limit {
            return Err(Fault::ProcessFull { limit: self.limit });
        }
        let client = caller.is_anonymous().then(|| caller.client());
        let limit = per_caller.saturating_mul(CALLERS_OF_ADDRESS);
        if client.as_ref().is_some_and(|client| !open.clients.add(client.clone(), 1, limit)) {
            return Err(Fault::TooManyStreams { limit });
        }
        open.all += 1;
        self.metrics.stream_opened();
        Ok(OpenStream { open: Arc::clone(&self.open), client, metrics: self.metrics.clone() })
    }
}

/// A counted stream.
struct OpenStream {
    open: Arc<Mutex<OpenStreams>>,
    client: Option<ClientKey>,
    metrics: Metrics,
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.all = open.all.saturating_sub(1);
        if let Some(client) = &self.client {
            open.clients.remove(client.clone(), 1);
        }
        self.metrics.stream_closed();
    }
}

/// The permission to hold a stream open. It is given back by [`StreamPermit::release`], or in the background when it is
/// dropped.
pub(crate) struct StreamPermit {
    lease: Option<(Principal, String)>,
    store: Arc<dyn StreamLeaseStore>,
    tracker: TaskTracker,
    _open: OpenStream,
}

impl StreamPermit {
    pub(crate) async fn acquire(
        process: &StreamLimiter,
        store: &Arc<dyn StreamLeaseStore>,
        tracker: &TaskTracker,
        caller: &CallerKey,
        limit: usize,
        expires_at: Timestamp,
    ) -> Result<Self, Fault> {
        let acquired = Self::counted(process, store, tracker, caller, limit, expires_at).await;
        if let Err(Fault::TooManyStreams { .. } | Fault::ProcessFull { .. }) = &acquired {
            process.metrics.stream_refused();
        }
        acquired
    }

    async fn counted(
        process: &StreamLimiter,
        store: &Arc<dyn StreamLeaseStore>,
        tracker: &TaskTracker,
        caller: &CallerKey,
        limit: usize,
        expires_at: Timestamp,
    ) -> Result<Self, Fault> {
        let open = process.enter(caller, limit)?;
        let owner = caller.owner();
        let id = random::token();
        match store.acquire(&StreamLease::new(owner.clone(), id.clone(), limit, expires_at)).await {
            Ok(true) => Ok(Self {
                lease: Some((owner, id)),
                store: Arc::clone(store),
                tracker: tracker.clone(),
                _open: open,
            }),
            Ok(false) => Err(Fault::TooManyStreams { limit }),
            Err(error) => {
                tracing::error!(error = %Causes(&error), "cannot count streams");
                Err(Fault::of_store(&error))
            }
        }
    }

    /// Releases the lease before the last byte of the stream is sent, so that the client can open its next stream at
    /// once.
    pub(crate) async fn release(&mut self) {
        if let Some((owner, id)) = self.lease.take() {
            release(&*self.store, &owner, &id).await;
        }
    }
}

impl Drop for StreamPermit {
    fn drop(&mut self) {
        if let Some((owner, id)) = self.lease.take() {
            let store = Arc::clone(&self.store);
            self.tracker.spawn(in_this_trace(async move { release(&*store, &owner, &id).await }));
        }
    }
}

async fn release(store: &dyn StreamLeaseStore, owner: &Principal, id: &str) {
    if let Err(error) = store.release(owner, id).await {
        // The lease expires at the deadline of its stream.
        tracing::warn!(error = %Causes(&error), "a stream lease was not released");
    }
}
