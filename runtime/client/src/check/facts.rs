//! What is known of a server before its checks run.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::era::Era;

/// How many pages of a list are read.
pub(crate) const PAGES: usize = 50;

/// What a server says of itself.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Facts {
    /// The result of `server/discover`, of a server that speaks 2026-07-28.
    pub stateless: Option<Value>,
    /// The result of `initialize`, of a server that speaks 2025-11-25 or an earlier revision.
    pub session: Option<Value>,
    /// Whether the server gives session ids.
    pub has_session_ids: bool,
    /// Whether the server refused the caller with 401.
    pub is_unauthorized: bool,
    /// The tools that the server lists in each era.
    #[serde(skip)]
    pub tools: BTreeMap<Era, Vec<Value>>,
    /// In each era, the tool that sends progress, with its arguments.
    #[serde(skip)]
    pub(crate) speakers: BTreeMap<Era, (Value, Value)>,
    /// The tool that runs as a task, with its arguments.
    #[serde(skip)]
    pub(crate) task_tool: Option<(Value, Value)>,
}

impl Facts {
    /// The eras that the server speaks.
    pub(crate) fn eras(&self) -> Vec<Era> {
        let stateless = self.stateless.as_ref().map(|_| Era::Stateless);
        stateless.into_iter().chain(self.session.as_ref().map(|_| Era::Session)).collect()
    }

    /// The name and the version of the server.
    pub(crate) fn server(&self) -> String {
        let info = match (&self.session, &self.stateless) {
            (Some(result), _) => &result["serverInfo"],
            (None, Some(result)) => &result["_meta"]["io.modelcontextprotocol/serverInfo"],
            (None, None) => &Value::Null,
        };
        let text = |name: &str| info[name].as_str().unwrap_or("?").to_owned();
        format!("{} {}", text("name"), text("version"))
    }

    /// The revisions that the server names.
    pub(crate) fn versions(&self) -> Vec<String> {
        let listed = self.stateless.as_ref().and_then(|result| result["supportedVersions"].as_array());
        let named = self.session.as_ref().and_then(|result| result["protocolVersion"].as_str());
        let mut versions: Vec<String> =
            listed.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
        versions.extend(named.map(str::to_owned).filter(|named| !versions.contains(named)));
        versions
    }
}
