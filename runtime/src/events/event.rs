//! What can happen, and who may hear of it.

use rmcp::model::LoggingLevel;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::session::SessionId;

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
}

/// Who may hear an event. Each scope is its own sequence in the log.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// Everybody.
    Global,
    /// One session.
    Session(SessionId),
}
