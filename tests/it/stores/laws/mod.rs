//! One module per trait; each law is a function over the trait objects.
#![allow(deprecated, reason = "logging levels are tested until they are gone")]

pub(crate) mod concurrency;
pub(crate) mod inbox;
pub(crate) mod log;
pub(crate) mod sessions;
pub(crate) mod state;
pub(crate) mod stream_leases;
pub(crate) mod streams;
pub(crate) mod tasks;

use std::{path::PathBuf, time::Duration};

use mcp_lambda_server::{
    Clock, Principal, Stores,
    rmcp::model::{ClientCapabilities, Implementation, InitializeRequestParams},
    session::{SessionClient, SessionId, SessionRecord, SessionVersion},
    time::Timestamp,
};
use serde_json::json;

/// A store under test and its clock.
pub(crate) struct Lab {
    pub(crate) stores: Stores,
    pub(crate) clock: Clock,
    /// TTL of the items that a law writes.
    pub(crate) ttl: Duration,
    /// What is removed with the laboratory.
    pub(crate) _folder: Option<Folder>,
}

/// A folder that is removed when it is dropped.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("mcp-laws-{}", SessionId::random()));
        std::fs::create_dir(&folder).expect("a folder");
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Lab {
    pub(crate) fn expiry(&self) -> Timestamp {
        self.clock.now().plus(self.ttl)
    }

    /// Moves the clock until everything written so far has expired.
    pub(crate) fn expire_all(&self) {
        self.clock.advance(self.ttl + Duration::from_millis(1));
    }

    pub(crate) fn record(&self, owner: &Principal) -> SessionRecord {
        let mut capabilities = ClientCapabilities::default();
        capabilities.experimental =
            serde_json::from_value(json!({ "own": { "ü": [1.5, null] } })).expect("capabilities");
        let client = InitializeRequestParams::new(capabilities, Implementation::new("ü", "1"));
        let client = SessionClient::new(&client).expect("a small client");
        let (id, version) = (SessionId::random(), SessionVersion::V2025_11_25);
        SessionRecord::new(id, owner.clone(), version, client, self.clock.now(), self.expiry())
    }

    /// Creates a live session of a new principal.
    pub(crate) async fn session(&self) -> SessionId {
        let record = self.record(&principal("owner"));
        self.stores.sessions.create(&record).await.expect("created");
        record.id
    }
}

/// A principal that no other law uses.
pub(crate) fn principal(name: &str) -> Principal {
    Principal::new("https://issuer.example", &format!("{name}-{}", SessionId::random()))
}
