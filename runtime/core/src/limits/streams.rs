//! How many streams a principal may hold open. On Lambda every open stream is an environment and is billed.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use tokio_util::task::TaskTracker;

use crate::{
    auth::Principal,
    error::{Causes, StoreError},
    protocol::Fault,
    random,
    time::Timestamp,
};

/// What is asked of the store.
#[derive(Debug, Clone)]
pub struct StreamLease {
    /// Who wants to hold a stream.
    pub owner: Principal,
    /// The name of the slot.
    pub slot: String,
    /// How many slots this owner may hold.
    pub limit: usize,
    /// When the slot is free again whatever happens: the end of the stream.
    pub expires_at: Timestamp,
}

/// Durable counts of open streams.
///
/// # Laws
///
/// * Of concurrent acquisitions at most `limit` hold at any moment.
/// * A slot whose time has passed is free.
/// * Acquiring a slot that one holds renews it; releasing is idempotent.
#[async_trait]
pub trait StreamLeaseStore: Send + Sync + 'static {
    /// Takes a slot. `false` when the owner holds `limit` others.
    async fn acquire(&self, request: &StreamLease) -> Result<bool, StoreError>;

    /// Gives a slot back.
    async fn release(&self, owner: &Principal, slot: &str) -> Result<(), StoreError>;
}

/// The streams of this process, which are its memory and its connections whoever holds them.
pub(crate) struct StreamLimiter {
    open: Arc<AtomicUsize>,
    limit: usize,
}

impl StreamLimiter {
    pub(crate) fn new(limit: usize) -> Self {
        Self { open: Arc::default(), limit }
    }

    /// Counts one more, until what is returned is dropped.
    fn enter(&self) -> Result<OpenStream, Fault> {
        let entered = OpenStream(Arc::clone(&self.open));
        if self.open.fetch_add(1, Ordering::SeqCst) < self.limit {
            Ok(entered)
        } else {
            Err(Fault::ProcessFull { limit: self.limit })
        }
    }
}

/// One that is counted.
struct OpenStream(Arc<AtomicUsize>);

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A held slot. Given back by [`StreamPermit::release`], or in the background when dropped.
pub(crate) struct StreamPermit {
    held: Option<(Principal, String)>,
    store: Arc<dyn StreamLeaseStore>,
    tracker: TaskTracker,
    _open: OpenStream,
}

impl StreamPermit {
    pub(crate) async fn acquire(
        process: &StreamLimiter,
        store: &Arc<dyn StreamLeaseStore>,
        tracker: &TaskTracker,
        owner: &Principal,
        limit: usize,
        expires_at: Timestamp,
    ) -> Result<Self, Fault> {
        let open = process.enter()?;
        let slot = random::token();
        let request = StreamLease { owner: owner.clone(), slot: slot.clone(), limit, expires_at };
        match store.acquire(&request).await {
            Ok(true) => Ok(Self {
                held: Some((owner.clone(), slot)),
                store: Arc::clone(store),
                tracker: tracker.clone(),
                _open: open,
            }),
            Ok(false) => Err(Fault::TooManyStreams { limit }),
            Err(error) => {
                tracing::error!(error = %Causes(&error), "cannot count streams");
                Err(Fault::Unavailable)
            }
        }
    }

    /// Gives the slot back before the last byte of the stream leaves, so that the client's next stream finds it free.
    pub(crate) async fn release(&mut self) {
        if let Some((owner, slot)) = self.held.take() {
            give_back(&*self.store, &owner, &slot).await;
        }
    }
}

impl Drop for StreamPermit {
    fn drop(&mut self) {
        if let Some((owner, slot)) = self.held.take() {
            let store = Arc::clone(&self.store);
            self.tracker.spawn(async move { give_back(&*store, &owner, &slot).await });
        }
    }
}

async fn give_back(store: &dyn StreamLeaseStore, owner: &Principal, slot: &str) {
    if let Err(error) = store.release(owner, slot).await {
        // The slot expires by itself at the end of its stream's life.
        tracing::warn!(error = %Causes(&error), "a stream slot was not given back");
    }
}
