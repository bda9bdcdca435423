//! A session as it is stored.

// SEP-2577 deprecates logging, sampling and roots; clients of the session era use them until they are gone.
#![allow(deprecated)]

use rmcp::model::{ClientCapabilities, Implementation, InitializeRequestParams, LoggingLevel};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    auth::Principal,
    ids::{LogCursor, SessionId, StreamId},
    protocol::SessionVersion,
    time::Timestamp,
};

/// A session as it is stored.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SessionRecord {
    /// Id of the session.
    pub id: SessionId,
    /// Principal that owns the session. For any other principal the session does not exist.
    pub owner: Principal,
    /// Protocol version that `initialize` negotiated.
    pub version: SessionVersion,
    /// Parameters of `initialize` as the client sent them, including members that rmcp's types do not have.
    pub initialize: Box<RawValue>,
    /// Least severe log message that the client receives. Default: none, which sends every message.
    pub log_level: Option<LoggingLevel>,
    /// Id of the GET stream that receives the messages of the session. Default: none.
    pub listener: Option<StreamId>,
    /// Position at which the first GET stream of the session began: none of its event ids lies before it. Default: none.
    pub heard_from: Option<LogCursor>,
    /// When the session was created.
    pub created_at: Timestamp,
    /// When the session expires, unless it is used again.
    pub expires_at: Timestamp,
}

/// The parameters of `initialize` that this server can do without.
#[derive(Deserialize, Serialize, Default)]
#[serde(rename_all = "camelCase")]
struct ClientInfo {
    #[serde(default)]
    capabilities: ClientCapabilities,
    client_info: Option<Implementation>,
}

impl SessionRecord {
    /// Creates the record of a session without a log level and a GET stream.
    #[must_use]
    pub fn new(
        id: SessionId,
        owner: Principal,
        version: SessionVersion,
        initialize: Box<RawValue>,
        created_at: Timestamp,
        expires_at: Timestamp,
    ) -> Self {
        Self {
            id,
            owner,
            version,
            initialize,
            log_level: None,
            listener: None,
            heard_from: None,
            created_at,
            expires_at,
        }
    }

    /// Returns the parameters of `initialize` with which rmcp's `Peer` is created. A client that sent no `clientInfo` is
    /// called `unknown`.
    #[must_use]
    pub fn peer_info(&self) -> InitializeRequestParams {
        let sent: ClientInfo = serde_json::from_str(self.initialize.get()).unwrap_or_default();
        let client = sent.client_info.unwrap_or_else(|| Implementation::new("unknown", "0"));
        InitializeRequestParams::new(sent.capabilities, client).with_protocol_version(self.version.to_rmcp())
    }
}
