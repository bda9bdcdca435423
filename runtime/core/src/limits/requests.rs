//! Concurrent requests of one caller.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

use super::bodies::BodyPermit;
use super::caller_key::{CALLERS_OF_ADDRESS, CallerKey, ClientKey};

/// Counts the requests that this process is serving, by caller. Requests that other processes serve are limited by the
/// concurrency of the Lambda function.
#[derive(Clone, Default)]
pub(crate) struct RequestLimiter(Arc<Mutex<Counts>>);

#[derive(Default)]
struct Counts {
    callers: HashMap<CallerKey, usize>,
    /// Anonymous callers, by their address.
    clients: HashMap<ClientKey, usize>,
}

/// A counted request. Dropping the permit ends the count.
pub(crate) struct RequestPermit {
    limiter: RequestLimiter,
    key: CallerKey,
    /// The bytes of its body, which are held as long.
    body: Option<BodyPermit>,
}

impl RequestPermit {
    pub(crate) fn with_body(self, body: BodyPermit) -> Self {
        let mut permit = self;
        permit.body = Some(body);
        permit
    }
}

impl RequestLimiter {
    /// Counts a request, unless `limit` requests of the caller are counted.
    pub(crate) fn enter(&self, key: &CallerKey, limit: usize) -> Option<RequestPermit> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !add(&mut counts.callers, key.clone(), limit) {
            return None;
        }
        let all = limit.saturating_mul(CALLERS_OF_ADDRESS);
        if key.is_anonymous() && !add(&mut counts.clients, key.client(), all) {
            remove(&mut counts.callers, key);
            return None;
        }
        Some(RequestPermit { limiter: self.clone(), key: key.clone(), body: None })
    }
}

/// Counts one more, unless `limit` are counted.
pub(super) fn add<K: Eq + Hash>(counts: &mut HashMap<K, usize>, key: K, limit: usize) -> bool {
    let count = counts.entry(key).or_default();
    let is_free = *count < limit;
    *count += usize::from(is_free);
    is_free
}

/// Counts one less. The number of callers is not bounded, so entries of those without any are removed.
pub(super) fn remove<K: Eq + Hash>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(key);
        }
    }
}

impl Drop for RequestPermit {
    fn drop(&mut self) {
        let mut counts = self.limiter.0.lock().unwrap_or_else(PoisonError::into_inner);
        remove(&mut counts.callers, &self.key);
        if self.key.is_anonymous() {
            remove(&mut counts.clients, &self.key.client());
        }
    }
}
