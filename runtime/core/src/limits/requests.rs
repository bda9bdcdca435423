//! Concurrent requests of one caller.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::auth::Principal;

/// Counts the requests that this process is serving, by principal. Requests that other processes serve are limited by
/// the concurrency of the Lambda function.
#[derive(Clone, Default)]
pub(crate) struct RequestLimiter(Arc<Mutex<HashMap<Principal, usize>>>);

/// A counted request. Dropping the permit ends the count.
pub(crate) struct RequestPermit {
    limiter: RequestLimiter,
    principal: Principal,
}

impl RequestLimiter {
    /// Counts a request, unless `limit` requests of the principal are counted.
    pub(crate) fn enter(&self, principal: &Principal, limit: usize) -> Option<RequestPermit> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = all.entry(principal.clone()).or_default();
        if *count >= limit {
            return None;
        }
        *count += 1;
        Some(RequestPermit { limiter: self.clone(), principal: principal.clone() })
    }
}

impl Drop for RequestPermit {
    fn drop(&mut self) {
        let mut all = self.limiter.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = all.get_mut(&self.principal) {
            *count -= 1;
            // The number of principals is not bounded, so entries without requests are removed.
            if *count == 0 {
                all.remove(&self.principal);
            }
        }
    }
}
