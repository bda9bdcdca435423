//! The revisions of MCP that the server speaks, and what each of them has.
//!
//! Versions are compared in this file alone: other code asks what a revision *has*, or which [`Era`] a call is of.

use rmcp::model::ProtocolVersion;

/// A revision of MCP with the session handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SessionVersion {
    /// 2025-03-26: JSON-RPC batches, no version header.
    V2025_03_26,
    /// 2025-06-18: the version header, no batches.
    V2025_06_18,
    /// 2025-11-25: priming events and polling.
    V2025_11_25,
}

impl SessionVersion {
    /// The newest revision that `initialize` can agree on.
    pub const LATEST: Self = Self::V2025_11_25;
    /// Every revision with a handshake, newest first.
    pub const ALL: [Self; 3] = [Self::V2025_11_25, Self::V2025_06_18, Self::V2025_03_26];

    /// Reads a version as it stands in a header or in `initialize`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.as_str() == text)
    }

    /// The version as MCP spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V2025_03_26 => "2025-03-26",
            Self::V2025_06_18 => "2025-06-18",
            Self::V2025_11_25 => "2025-11-25",
        }
    }

    /// rmcp's spelling of the same version.
    #[must_use]
    pub fn to_rmcp(self) -> ProtocolVersion {
        match self {
            Self::V2025_03_26 => ProtocolVersion::V_2025_03_26,
            Self::V2025_06_18 => ProtocolVersion::V_2025_06_18,
            Self::V2025_11_25 => ProtocolVersion::V_2025_11_25,
        }
    }

    /// JSON-RPC batches exist only in 2025-03-26:
    /// <https://modelcontextprotocol.io/specification/2025-03-26/basic#batching> (read 2026-11-20).
    #[must_use]
    pub fn has_batches(self) -> bool {
        self == Self::V2025_03_26
    }

    /// A stream opens with an id-only event, so that a client can resume it before its first message (SEP-1699):
    /// <https://modelcontextprotocol.io/specification/2025-11-25/basic/transports> (read 2026-11-20).
    #[must_use]
    pub fn has_priming(self) -> bool {
        self >= Self::V2025_11_25
    }

    /// The experimental tasks exist only in 2025-11-25:
    /// <https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/tasks> (read 2026-11-27).
    #[must_use]
    pub fn has_tasks(self) -> bool {
        self == Self::V2025_11_25
    }
}

/// 2026-07-28: no handshake, every request carries its own metadata.
pub const STATELESS_VERSION: &str = "2026-07-28";

/// Whether a version string names a stateless revision, known to this server or not: revisions are dates, so their
/// order as text is their order in time.
#[must_use]
pub fn is_stateless(text: &str) -> bool {
    text.len() == STATELESS_VERSION.len()
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        })
        && text >= STATELESS_VERSION
}

/// Every version this server answers to, newest first, as `supportedVersions` lists them.
#[must_use]
pub fn supported() -> Vec<&'static str> {
    std::iter::once(STATELESS_VERSION).chain(SessionVersion::ALL.map(SessionVersion::as_str)).collect()
}

/// The session revisions, newest first, in one text.
#[must_use]
pub fn session_versions() -> String {
    SessionVersion::ALL.map(SessionVersion::as_str).join(", ")
}

/// The two eras of MCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Era {
    /// Revisions up to 2025-11-25: a handshake opens a session.
    Session,
    /// 2026-07-28: every request is complete in itself.
    Stateless,
}
