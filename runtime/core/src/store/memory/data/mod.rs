//! The data of a memory store.

pub(super) mod inbox;
pub(super) mod log;
pub(super) mod sessions;
pub(super) mod state;
pub(super) mod stream_leases;
pub(super) mod streams;
pub(super) mod tasks;

use crate::{ids::SessionId, time::Timestamp};

#[derive(Default)]
pub(super) struct Data {
    pub(super) sessions: sessions::Sessions,
    pub(super) state: state::Values,
    pub(super) inbox: inbox::Messages,
    pub(super) streams: streams::Streams,
    pub(super) stream_leases: stream_leases::StreamLeases,
    pub(super) tasks: tasks::Tasks,
    pub(super) log: log::Log,
    /// When expired items were last removed.
    pub(super) swept: Option<Timestamp>,
}

impl Data {
    pub(super) fn sweep(&mut self, now: Timestamp) {
        self.swept = Some(now);
        let ended = self.sessions.sweep(now);
        for session in &ended {
            self.end_parts(session);
        }
        self.state.sweep(now);
        self.inbox.sweep(now);
        self.streams.sweep(now);
        self.stream_leases.sweep(now);
        self.tasks.sweep(now);
        self.log.sweep(now);
    }

    /// Removes what belongs to a session.
    pub(super) fn end_parts(&mut self, session: &SessionId) {
        self.state.end(session);
        self.inbox.end(session);
        self.streams.end(session);
        self.log.end(session);
    }
}
