//! The limits of the store.

use crate::config::Config;

/// The limits of a [`MemoryStore`](super::MemoryStore). What was not used for the longest time goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemoryLimits {
    /// The number of sessions of one principal. Default: 1000.
    pub sessions_per_principal: usize,
    /// How many bytes sessions, state, messages of clients, stored replies, tasks and events may each take. Default: 64 MiB.
    pub bytes: usize,
}

impl MemoryLimits {
    /// The limits of a configuration: `MCP_SESSIONS_PER_PRINCIPAL` and `MCP_MEMORY_MB`.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        Self { sessions_per_principal: config.sessions.per_principal, bytes: config.memory }
    }

    /// What remains when the limit of bytes was exceeded: room is made rarely and for many items, because each time all
    /// items are looked at.
    pub(super) fn bytes_after_eviction(&self) -> usize {
        self.bytes - self.bytes / 16
    }
}

impl Default for MemoryLimits {
    fn default() -> Self {
        Self::of(&Config::default())
    }
}
