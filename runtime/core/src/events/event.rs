//! Events and the scopes they are appended to.

// SEP-2577 deprecates logging, sampling and roots; clients of the session era use them until they are gone.
#![allow(deprecated)]

use rmcp::model::LoggingLevel;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{event_key::EventKey, global::GlobalEvent};
use crate::{auth::Principal, ids::SessionId};

/// A change or message that clients are notified of.
///
/// [`Events::publish`](super::Events::publish) appends one to the event log, from which every open stream of the scope
/// sends it to its client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// The result of `tools/list` has changed.
    ToolsListChanged,
    /// The result of `prompts/list` has changed.
    PromptsListChanged,
    /// The result of `resources/list` has changed.
    ResourcesListChanged,
    /// The content of a resource has changed.
    ResourceUpdated {
        /// URI of the resource.
        uri: String,
    },
    /// A log message that belongs to no request. It is sent to session-era clients with an open GET stream.
    Message {
        /// Severity of the message. Sessions with a higher log level do not receive it.
        level: LoggingLevel,
        /// Name of the logger.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        logger: Option<String>,
        /// Content of the message: any JSON value.
        data: Value,
    },
    /// An event of this deployment or of a system around it. Session-era clients receive it as a log message, and
    /// clients of both eras as an update of the resource `event://<source>/<type>`.
    Global {
        /// The event.
        event: GlobalEvent,
        /// Whether no other event of its key was in the log when it was appended, which makes its resource a new entry
        /// of `resources/list`. Set by the log.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_first: bool,
    },
}

impl Event {
    /// Returns the key of the resource that the event updates. Only [`Event::Global`] has one.
    #[must_use]
    pub fn key(&self) -> Option<EventKey> {
        match self {
            Self::Global { event, .. } => Some(event.key()),
            _ => None,
        }
    }

    /// Returns the scope that the event belongs to: the session that a global event names, else [`Scope::Global`].
    /// `None` if the event names a session id that no server can have issued.
    #[must_use]
    pub fn scope(&self) -> Option<Scope> {
        match self {
            Self::Global { event, .. } => match event.session() {
                Some(session) => session.parse().ok().map(Scope::Session),
                None => Some(Scope::Global),
            },
            _ => Some(Scope::Global),
        }
    }
}

impl From<GlobalEvent> for Event {
    fn from(event: GlobalEvent) -> Self {
        Self::Global { event, is_first: false }
    }
}

/// The streams that receive an event. Each scope is a sequence of its own in the event log.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// Every stream.
    Global,
    /// The streams of one session.
    Session(SessionId),
    /// The streams of one principal, in all its sessions and on the clients of it that have none.
    Principal(Principal),
}

impl Scope {
    /// Returns the scopes that a principal receives with or without a session. Anonymous callers get no scope of their
    /// own, because all of them share one principal.
    pub(crate) fn visible_to(principal: &Principal) -> Vec<Self> {
        let own = Some(Self::Principal(principal.clone())).filter(|_| !principal.is_anonymous());
        std::iter::once(Self::Global).chain(own).collect()
    }

    /// Whether the log also keeps the events of this scope by their key, for `resources/list` and `resources/read`.
    #[must_use]
    pub fn has_event_keys(&self) -> bool {
        match self {
            Self::Global | Self::Principal(_) => true,
            Self::Session(_) => false,
        }
    }
}
