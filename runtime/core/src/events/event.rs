//! What can happen, and who may hear of it.

// SEP-2577 deprecates logging, sampling and roots; clients of the session era use them until they are gone.
#![allow(deprecated)]

use rmcp::model::LoggingLevel;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{event_key::EventKey, global::GlobalEvent};
use crate::{auth::Principal, session::SessionId};

/// Something clients want to know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// `tools/list` would answer something else now.
    ToolsListChanged,
    /// `prompts/list` would answer something else now.
    PromptsListChanged,
    /// `resources/list` would answer something else now.
    ResourcesListChanged,
    /// A resource has new content.
    ResourceUpdated {
        /// Which.
        uri: String,
    },
    /// A log message that belongs to no request. Session-era clients with an open GET stream hear it.
    Message {
        /// How severe.
        level: LoggingLevel,
        /// Who says it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        logger: Option<String>,
        /// What.
        data: Value,
    },
    /// Something that happened in this deployment or outside of it. Session-era clients hear it as a log message, all
    /// of them as an update of its resource `event://<source>/<type>`.
    Global {
        /// What.
        event: GlobalEvent,
        /// The first of its kind for a while, as the log found when it was appended: its resource is new in the list.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_first: bool,
    },
}

impl Event {
    /// The resource under which events like this one are kept, if they are.
    #[must_use]
    pub fn key(&self) -> Option<EventKey> {
        match self {
            Self::Global { event, .. } => Some(event.key()),
            _ => None,
        }
    }

    /// Who may hear it: what concerns one session is for that session alone. `None` when no server can have opened the
    /// session it names.
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

/// Who may hear an event. Each scope is its own sequence in the log.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// Everybody.
    Global,
    /// One session.
    Session(SessionId),
    /// One caller, on whatever clients it has at the moment.
    Principal(Principal),
}

impl Scope {
    /// What a caller hears, whether it has a session or not. Nobody is meant by `anonymous`: that could be anybody, and
    /// everybody has a scope already.
    pub(crate) fn heard_by(caller: &Principal) -> Vec<Self> {
        let own = Some(Self::Principal(caller.clone())).filter(|_| !caller.is_anonymous());
        std::iter::once(Self::Global).chain(own).collect()
    }

    /// Whether events of it are kept under their topics: what whoever may read resources may read there.
    #[must_use]
    pub fn has_event_keys(&self) -> bool {
        match self {
            Self::Global | Self::Principal(_) => true,
            Self::Session(_) => false,
        }
    }
}
