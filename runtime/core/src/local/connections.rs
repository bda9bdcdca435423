//! The open connections of the local host.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::net::TcpStream;

use super::{
    connection,
    service::ConnectionService,
    socket,
    state::{ConnectionState, Phase},
};
use crate::{config::Config, http::McpService, lifecycle::Lifecycle, telemetry::Repeated};

/// The open connections, of which there are at most so many. When there are more, the one that is least missed ends: one
/// whose request has not arrived as a whole, of the client that has the most of them.
pub(super) struct Connections {
    pub(super) config: Arc<Config>,
    lifecycle: Lifecycle,
    service: McpService,
    open: Mutex<HashMap<u64, Arc<ConnectionState>>>,
    next: AtomicU64,
    /// The lines of request heads that hyper does not read.
    refused_heads: Repeated,
}

impl Connections {
    pub(super) fn new(config: Arc<Config>, lifecycle: Lifecycle, service: McpService) -> Arc<Self> {
        Arc::new(Self {
            config,
            lifecycle,
            service,
            open: Mutex::default(),
            next: AtomicU64::default(),
            refused_heads: Repeated::default(),
        })
    }

    fn all(&self) -> MutexGuard<'_, HashMap<u64, Arc<ConnectionState>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Serves a connection, or refuses it if no other one can end for it.
    pub(super) fn open(self: &Arc<Self>, socket: TcpStream, peer: IpAddr) {
        let limit = self.config.connections.limit;
        let is_full = self.all().len() >= limit;
        if is_full && !self.make_room() {
            // At most `limit` more connections get the refusal.
            if self.all().len() < limit.saturating_mul(2) {
                self.refuse(socket, peer);
            }
            return;
        }
        let (entry, state) = self.enter(peer);
        let service =
            ConnectionService::new(Arc::clone(&self.config), self.service.clone(), Arc::clone(&state));
        let limits = self.config.requests;
        self.lifecycle.tracker.spawn(async move {
            connection::run(limits, socket, service, state, &entry.connections.refused_heads).await;
            drop(entry);
        });
    }

    fn enter(self: &Arc<Self>, peer: IpAddr) -> (Entry, Arc<ConnectionState>) {
        let state =
            ConnectionState::new(&self.config.connections, peer, self.lifecycle.shutdown.child_token());
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        self.all().insert(id, Arc::clone(&state));
        (Entry { connections: Arc::clone(self), id }, state)
    }

    fn refuse(self: &Arc<Self>, socket: TcpStream, peer: IpAddr) {
        let limit = self.config.connections.limit;
        let (entry, _) = self.enter(peer);
        self.lifecycle.tracker.spawn(async move {
            socket::refuse(socket, limit).await;
            drop(entry);
        });
    }

    /// Ends a connection that serves no request. `false` if there is none.
    pub(super) fn make_room(&self) -> bool {
        let open = self.all();
        let mut candidates = Vec::new();
        let mut of_peer: HashMap<IpAddr, usize> = HashMap::new();
        for state in open.values().filter(|state| !state.is_evicted()) {
            let (phase, since) = state.phase();
            if phase < Phase::Response {
                *of_peer.entry(state.peer).or_default() += 1;
                candidates.push((state, phase, since));
            }
        }
        let key = |(state, phase, since): &(&Arc<ConnectionState>, Phase, _)| {
            (std::cmp::Reverse(of_peer[&state.peer]), *phase, *since)
        };
        let chosen = candidates.iter().min_by_key(|candidate| key(candidate));
        if let Some((state, ..)) = chosen {
            state.evict();
        }
        chosen.is_some()
    }
}

/// An open connection. Dropping it ends the count.
struct Entry {
    connections: Arc<Connections>,
    id: u64,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.connections.all().remove(&self.id);
    }
}
