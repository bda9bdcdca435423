//! The groups of checks.

use std::{fmt, str::FromStr};

use serde::Serialize;

/// A group of checks, as `--suite` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Suite {
    /// Messages, their HTTP exchange, the envelope of 2026-07-28, `initialize` and `server/discover`.
    Protocol,
    /// The list of tools, their schemas, their calls.
    Tools,
    /// Sessions: ids, end, isolation.
    Session,
    /// Event streams, progress, resuming.
    Streaming,
    /// The tasks extension.
    Tasks,
    /// Access tokens, challenges, protected resource metadata.
    Auth,
    /// Subscriptions and the GET stream.
    Events,
    /// The AWS resources of a deployed server: needs [`Target::stack`](super::Target::stack).
    Infrastructure,
}

impl Suite {
    /// All suites, in the order in which they run.
    pub const ALL: [Self; 8] = [
        Self::Protocol,
        Self::Tools,
        Self::Session,
        Self::Streaming,
        Self::Tasks,
        Self::Auth,
        Self::Events,
        Self::Infrastructure,
    ];

    /// The suites that send requests of MCP: all but [`Infrastructure`](Self::Infrastructure).
    #[must_use]
    pub fn of_mcp() -> Vec<Self> {
        Self::ALL.into_iter().filter(|suite| *suite != Self::Infrastructure).collect()
    }

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Protocol => "protocol",
            Self::Tools => "tools",
            Self::Session => "session",
            Self::Streaming => "streaming",
            Self::Tasks => "tasks",
            Self::Auth => "auth",
            Self::Events => "events",
            Self::Infrastructure => "infrastructure",
        }
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Suite {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let names = || Self::ALL.map(Self::name).join(", ");
        let known = Self::ALL.into_iter().find(|suite| suite.name() == name);
        known.ok_or_else(|| format!("{name:?} is no suite. Suites are: all, {}", names()))
    }
}
