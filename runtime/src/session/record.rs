//! A session as it is stored.

use std::{fmt, sync::Arc};

use rmcp::model::{ClientCapabilities, Implementation, InitializeRequestParams, LoggingLevel};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{auth::Principal, clock::Timestamp, protocol::SessionVersion, random, stream::StreamId};

/// Names one session: random, visible ASCII, never guessed.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(Arc<str>);

impl SessionId {
    /// A fresh id.
    #[must_use]
    pub fn random() -> Self {
        Self(random::token().into())
    }

    /// Reads an id from a header. `None` for anything we could not have issued.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let ours = text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        ours.then(|| Self(text.into()))
    }

    /// The id as it stands on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({})", self.0)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a session is.
#[derive(Debug, Clone)]
pub struct SessionRecord {
    /// Its name.
    pub id: SessionId,
    /// Whose it is. Nobody else can use it.
    pub owner: Principal,
    /// The revision `initialize` settled on.
    pub version: SessionVersion,
    /// `initialize`'s params as they came: rmcp's types drop what they do not know.
    pub initialize: Box<RawValue>,
    /// The least severe log message the client wants. Everything until it says otherwise.
    pub log_level: Option<LoggingLevel>,
    /// Names the newest GET stream: the one that its messages go to.
    pub listener: Option<StreamId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends unless used again.
    pub expires_at: Timestamp,
}

/// The parts of `initialize` a client could leave out without breaking anything.
#[derive(Deserialize, Serialize, Default)]
#[serde(rename_all = "camelCase")]
struct Introduction {
    #[serde(default)]
    capabilities: ClientCapabilities,
    client_info: Option<Implementation>,
}

impl SessionRecord {
    /// What rmcp's `Peer` should know about the client.
    #[must_use]
    pub fn peer_info(&self) -> InitializeRequestParams {
        let said: Introduction = serde_json::from_str(self.initialize.get()).unwrap_or_default();
        let client = said.client_info.unwrap_or_else(|| Implementation::new("unknown", "0"));
        InitializeRequestParams::new(said.capabilities, client).with_protocol_version(self.version.to_rmcp())
    }
}
