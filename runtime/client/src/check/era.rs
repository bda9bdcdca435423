//! The two kinds of revisions of the protocol.

use std::fmt;

use serde::Serialize;

/// The newest revision with sessions.
pub(crate) const SESSION: &str = "2025-11-25";
/// The revision without sessions.
pub(crate) const STATELESS: &str = "2026-07-28";
/// The id of the tasks extension.
pub(crate) const TASKS: &str = "io.modelcontextprotocol/tasks";

/// The two kinds of revisions of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Era {
    /// 2025-11-25 and earlier, which begin with `initialize`.
    #[serde(rename = "2025")]
    Session,
    /// 2026-07-28, in which each request stands alone.
    #[serde(rename = "2026-07-28")]
    Stateless,
}

impl fmt::Display for Era {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Session => "2025",
            Self::Stateless => STATELESS,
        })
    }
}
