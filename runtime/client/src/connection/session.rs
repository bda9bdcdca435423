//! The session of revisions up to 2025-11-25.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use serde_json::Value;

use super::message::Message;

/// The newest revision with sessions.
const NEWEST: &str = "2025-11-25";
/// Settings of a session that are repeated in the next one: the level of the log, and subscriptions.
const SETTINGS: usize = 1000;

/// What the client has opened, and what the server calls it.
#[derive(Debug, Default)]
pub(super) struct Session {
    initialize: Option<Bytes>,
    initialized: Option<Bytes>,
    /// The requests that changed the session, by what they set.
    settings: BTreeMap<String, Message>,
    id: Option<HeaderValue>,
    version: Option<HeaderValue>,
    generation: u64,
    /// Whether it stays open when the connection ends.
    is_kept: bool,
}

/// The messages with which the client has opened a session, and changed it.
#[derive(Debug)]
pub(super) struct Opening {
    pub(super) initialize: Bytes,
    pub(super) initialized: Option<Bytes>,
    pub(super) settings: Vec<Message>,
}

impl Session {
    pub(super) fn add_headers(&self, headers: &mut HeaderMap) {
        if let Some(id) = &self.id {
            headers.insert("mcp-session-id", id.clone());
        }
        if let Some(version) = &self.version {
            headers.insert("mcp-protocol-version", version.clone());
        }
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// Takes over a session that another connection has opened.
    pub(super) fn go_on(&mut self, id: HeaderValue) {
        self.id = Some(id);
        self.version = Some(HeaderValue::from_static(NEWEST));
        self.generation = 1;
        self.is_kept = true;
    }

    pub(super) fn keep(&mut self) {
        self.is_kept = true;
    }

    pub(super) fn is_kept(&self) -> bool {
        self.is_kept
    }

    pub(super) fn id(&self) -> Option<String> {
        self.id.as_ref().and_then(|id| id.to_str().ok()).map(str::to_owned)
    }

    pub(super) fn has_id(&self) -> bool {
        self.id.is_some()
    }

    pub(super) fn is_open(&self) -> bool {
        self.generation > 0
    }

    /// Remembers what has to be repeated when the server forgets the session.
    pub(super) fn note(&mut self, message: &Message) {
        match message.method.as_str() {
            "initialize" => {
                self.initialize = Some(message.raw.clone());
                self.id = None;
                self.version = None;
                self.settings.clear();
            }
            "notifications/initialized" => self.initialized = Some(message.raw.clone()),
            "logging/setLevel" => self.set("level".to_owned(), message.clone()),
            "resources/subscribe" => self.set(uri(message), message.clone()),
            "resources/unsubscribe" => {
                self.settings.remove(&uri(message));
            }
            _ => {}
        }
    }

    fn set(&mut self, what: String, message: Message) {
        if self.settings.len() < SETTINGS || self.settings.contains_key(&what) {
            self.settings.insert(what, message);
        }
    }

    /// What opens another session like this one. `None` if the client has opened none.
    pub(super) fn opening(&self) -> Option<Opening> {
        Some(Opening {
            initialize: self.initialize.clone()?,
            initialized: self.initialized.clone(),
            settings: self.settings.values().cloned().collect(),
        })
    }

    /// Takes over the session that the server has opened.
    pub(super) fn opened(&mut self, headers: &HeaderMap, result: &Value) {
        self.id = headers.get("mcp-session-id").cloned();
        self.version =
            result["protocolVersion"].as_str().and_then(|version| HeaderValue::from_str(version).ok());
        self.generation += 1;
    }
}

fn uri(message: &Message) -> String {
    message.params().uri.map(|uri| uri.get().to_owned()).unwrap_or_default()
}
