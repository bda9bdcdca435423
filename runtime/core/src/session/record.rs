//! A session as it is stored.

// SEP-2577 deprecates logging, sampling and roots; clients of the session era use them until they are gone.
#![allow(deprecated)]

use rmcp::model::{ClientCapabilities, Implementation, InitializeRequestParams, LoggingLevel};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    auth::Principal,
    ids::{SessionId, StreamId},
    protocol::SessionVersion,
    time::Timestamp,
};

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
