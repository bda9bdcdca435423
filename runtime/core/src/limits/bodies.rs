//! Bytes of request bodies that the process holds.

use std::sync::{Arc, Mutex, PoisonError};

use super::{
    caller_key::{CallerKey, ClientKey},
    counts::Counts,
};
use crate::config::Config;

/// Counts the bytes of request bodies that this process holds, from their arrival to the end of their response.
#[derive(Clone)]
pub(crate) struct BodyLimiter {
    held: Arc<Mutex<Held>>,
    per_principal: usize,
    per_process: usize,
}

#[derive(Default)]
struct Held {
    all: usize,
    clients: Counts<ClientKey>,
}

/// Why no more bytes of a body are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TooManyBytes {
    #[error(
        "this server holds {limit} bytes of this caller's requests, which is the most (MCP_BODY_BYTES_PER_PRINCIPAL); retry later"
    )]
    OfCaller { limit: usize },
    #[error(
        "this server holds {limit} bytes of requests, which is the most (MCP_BODY_BYTES_PER_PROCESS); retry later"
    )]
    OfProcess { limit: usize },
}

/// The counted bytes of one body. Dropping the permit ends the count.
pub(crate) struct BodyPermit {
    limiter: BodyLimiter,
    client: ClientKey,
    bytes: usize,
}

impl BodyLimiter {
    pub(crate) fn new(config: &Config) -> Self {
        let requests = &config.requests;
        Self {
            held: Arc::default(),
            // One body always fits.
            per_principal: requests.body_bytes_per_principal.max(config.max_body),
            per_process: requests.body_bytes_per_process.max(config.max_body),
        }
    }

    /// A permit for a body of which nothing has arrived.
    pub(crate) fn permit(&self, caller: &CallerKey) -> BodyPermit {
        BodyPermit { limiter: self.clone(), client: caller.client(), bytes: 0 }
    }
}

impl BodyPermit {
    /// Counts more bytes.
    pub(crate) fn add(&mut self, bytes: usize) -> Result<(), TooManyBytes> {
        if bytes == 0 {
            return Ok(());
        }
        let BodyLimiter { held, per_principal, per_process } = &self.limiter;
        let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.all.saturating_add(bytes) > *per_process {
            return Err(TooManyBytes::OfProcess { limit: *per_process });
        }
        if !held.clients.add(self.client.clone(), bytes, *per_principal) {
            return Err(TooManyBytes::OfCaller { limit: *per_principal });
        }
        held.all += bytes;
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for BodyPermit {
    fn drop(&mut self) {
        if self.bytes == 0 {
            return;
        }
        let mut held = self.limiter.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.all = held.all.saturating_sub(self.bytes);
        held.clients.remove(self.client.clone(), self.bytes);
    }
}
