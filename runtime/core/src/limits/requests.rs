//! Concurrent requests of one caller, and of a process.

use std::sync::{Arc, Mutex, PoisonError};

use super::{
    bodies::BodyPermit,
    caller_key::{CALLERS_OF_ADDRESS, CallerKey, ClientKey},
    counts::Counts,
};
use crate::config::RequestLimits;

/// Counts the requests that this process is serving, by caller. Requests that other processes serve are limited by the
/// concurrency of the Lambda function.
#[derive(Clone, Default)]
pub(crate) struct RequestLimiter(Arc<Mutex<Open>>);

#[derive(Default)]
struct Open {
    all: usize,
    callers: Counts<CallerKey>,
    /// Anonymous callers, by their address.
    clients: Counts<ClientKey>,
}

/// Why a request is not served now.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TooManyRequests {
    #[error(
        "this caller has {limit} requests open, which is the most (MCP_REQUESTS_PER_PRINCIPAL); retry later"
    )]
    OfCaller { limit: usize },
    #[error("this server serves {limit} requests, which is the most (MCP_REQUESTS_PER_PROCESS); retry later")]
    OfProcess { limit: usize },
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
    /// Counts a request, unless as many are counted as the caller or the process may have.
    pub(crate) fn enter(
        &self,
        key: &CallerKey,
        limits: &RequestLimits,
    ) -> Result<RequestPermit, TooManyRequests> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if open.all >= limits.per_process {
            return Err(TooManyRequests::OfProcess { limit: limits.per_process });
        }
        let limit = limits.per_principal;
        if !open.callers.add(key.clone(), 1, limit) {
            return Err(TooManyRequests::OfCaller { limit });
        }
        let of_client = limit.saturating_mul(CALLERS_OF_ADDRESS);
        if key.is_anonymous() && !open.clients.add(key.client(), 1, of_client) {
            open.callers.remove(key.clone(), 1);
            return Err(TooManyRequests::OfCaller { limit });
        }
        open.all += 1;
        Ok(RequestPermit { limiter: self.clone(), key: key.clone(), body: None })
    }
}

impl Drop for RequestPermit {
    fn drop(&mut self) {
        let mut open = self.limiter.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.all = open.all.saturating_sub(1);
        open.callers.remove(self.key.clone(), 1);
        if self.key.is_anonymous() {
            open.clients.remove(self.key.client(), 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};

    use super::*;
    use crate::{auth::Principal, config::Config, protocol::headers};

    /// A session is a caller of its own; inventing ids gains a client no more than eight times the limit.
    #[test]
    fn all_anonymous_callers_of_an_address_have_eight_times_the_limit() {
        let key = |address: &str, session: u32| {
            let mut headers = HeaderMap::new();
            let session = HeaderValue::from_str(&format!("{session:032x}")).expect("ASCII");
            headers.insert(headers::SESSION_ID, session);
            CallerKey::new(&Principal::anonymous(), address.parse().ok(), &headers)
        };
        let limiter = RequestLimiter::default();
        let limits = RequestLimits { per_principal: 2, ..Config::default().requests };
        let enter = |key: CallerKey| limiter.enter(&key, &limits);
        let mut held: Vec<_> = (0..3).filter_map(|_| enter(key("192.0.2.1", 0)).ok()).collect();
        assert_eq!(held.len(), 2, "one session has the limit of one caller");
        held.extend((1..100).filter_map(|session| enter(key("192.0.2.1", session)).ok()));
        assert_eq!(held.len(), 2 * CALLERS_OF_ADDRESS);
        assert!(enter(key("192.0.2.2", 0)).is_ok(), "another address is not shut out");
        held.clear();
        let open = limiter.0.lock().expect("no panic");
        assert!(open.callers.is_empty() && open.clients.is_empty(), "nothing is kept of callers that left");
    }
}
