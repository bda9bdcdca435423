//! One module per trait; each law is a function over the trait objects.
#![allow(deprecated, reason = "logging levels are tested until they are gone")]

pub(crate) mod concurrency;
pub(crate) mod inbox;
pub(crate) mod log;
pub(crate) mod sessions;
pub(crate) mod state;
pub(crate) mod stream_leases;
pub(crate) mod streams;

use std::time::Duration;

use mcp_lambda_server::{
    Clock, Principal, Stores,
    session::{SessionId, SessionRecord, SessionVersion},
    time::Timestamp,
};
use serde_json::value::RawValue;

/// A store under test and the clock it looks at.
pub(crate) struct Lab {
    pub(crate) stores: Stores,
    pub(crate) clock: Clock,
    /// How long items live that a law does not let expire.
    pub(crate) life: Duration,
}

impl Lab {
    pub(crate) fn end(&self) -> Timestamp {
        self.clock.now().plus(self.life)
    }

    /// Lets the time of everything written so far pass.
    pub(crate) fn outlive(&self) {
        self.clock.advance(self.life + Duration::from_millis(1));
    }

    pub(crate) fn record(&self, owner: &Principal) -> SessionRecord {
        SessionRecord {
            id: SessionId::random(),
            owner: owner.clone(),
            version: SessionVersion::V2025_11_25,
            initialize: RawValue::from_string(r#"{ "unknown": [1.50, "ü"] }"#.into()).expect("JSON"),
            log_level: None,
            listener: None,
            created_at: self.clock.now(),
            expires_at: self.end(),
        }
    }

    /// A live session of a caller of its own.
    pub(crate) async fn session(&self) -> SessionId {
        let record = self.record(&principal("owner"));
        self.stores.sessions.create(&record).await.expect("created");
        record.id
    }
}

pub(crate) fn principal(name: &str) -> Principal {
    Principal::new("https://issuer.example", &format!("{name}-{}", SessionId::random()))
}
