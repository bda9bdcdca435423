//! How much one caller may want at once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::auth::Principal;

/// Requests that are being served here, by caller. Only this process's: on Lambda the front limits the rest.
#[derive(Clone, Default)]
pub(crate) struct RequestLimiter(Arc<Mutex<HashMap<Principal, usize>>>);

/// A place limiter them, given back when it is dropped.
pub(crate) struct RequestPermit {
    limiter: RequestLimiter,
    principal: Principal,
}

impl RequestLimiter {
    /// Takes a place, unless the caller has as many as it may.
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
            // A caller that left is forgotten: there may be any number of them.
            if *count == 0 {
                all.remove(&self.principal);
            }
        }
    }
}
