//! A session as it is stored.

// SEP-2577 deprecates logging, sampling and roots; clients of the session era use them until they are gone.
#![allow(deprecated)]

use std::sync::Arc;

use rmcp::model::{ClientCapabilities, Implementation, InitializeRequestParams, LoggingLevel};
use serde::{Deserialize, Serialize};

use crate::{
    auth::Principal,
    error::StoreError,
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
    /// The client, as it introduced itself with `initialize`.
    pub client: Arc<SessionClient>,
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

/// What a session keeps of the parameters of `initialize`: what handlers read of a client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SessionClient {
    /// What the client can do.
    #[serde(default)]
    pub capabilities: ClientCapabilities,
    /// The name and the version of the client, without its icons.
    #[serde(default = "unknown")]
    pub client_info: Implementation,
}

impl SessionClient {
    /// The largest size as JSON, in bytes: each request of the session reads it.
    pub const LARGEST: usize = 16 * 1024;

    /// Creates the client with these parameters of `initialize`.
    ///
    /// # Errors
    ///
    /// [`StoreError::TooLarge`] for one above [`SessionClient::LARGEST`].
    pub fn new(initialize: &InitializeRequestParams) -> Result<Self, StoreError> {
        let mut client_info = initialize.client_info.clone();
        client_info.icons = None;
        let client = Self { capabilities: initialize.capabilities.clone(), client_info };
        let size = client.to_json().len();
        if size > Self::LARGEST {
            Err(StoreError::TooLarge { size, limit: Self::LARGEST })
        } else {
            Ok(client)
        }
    }

    /// Reads what [`SessionClient::to_json`] has written. `None` for other text.
    #[must_use]
    pub fn from_json(json: &str) -> Option<Self> {
        serde_json::from_str(json).ok()
    }

    /// Writes the client as stores keep it.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl Default for SessionClient {
    fn default() -> Self {
        Self { capabilities: ClientCapabilities::default(), client_info: unknown() }
    }
}

/// A client that sent no `clientInfo`.
fn unknown() -> Implementation {
    Implementation::new("unknown", "0")
}

impl SessionRecord {
    /// Creates the record of a session without a log level and a GET stream.
    #[must_use]
    pub fn new(
        id: SessionId,
        owner: Principal,
        version: SessionVersion,
        client: SessionClient,
        created_at: Timestamp,
        expires_at: Timestamp,
    ) -> Self {
        Self {
            id,
            owner,
            version,
            client: Arc::new(client),
            log_level: None,
            listener: None,
            heard_from: None,
            created_at,
            expires_at,
        }
    }

    /// Returns the parameters of `initialize` with which rmcp's `Peer` is created.
    #[must_use]
    pub fn peer_info(&self) -> InitializeRequestParams {
        let SessionClient { capabilities, client_info } = (*self.client).clone();
        InitializeRequestParams::new(capabilities, client_info).with_protocol_version(self.version.to_rmcp())
    }
}
