//! The tools of a child, as it listed them last: what is asked about a tool without waiting.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock, PoisonError, RwLock},
};

use rmcp::model::Tool;
use serde_json::{Value, json};

use super::{ClientSide, Link, Speaks};

/// How many pages of the list are read.
const PAGES: usize = 20;
/// How many tools are known by their names.
const MOST: usize = 2048;

#[derive(Debug, Default)]
pub(crate) struct ChildTools {
    known: RwLock<HashMap<String, Known>>,
    /// The metadata of requests.
    meta: OnceLock<Option<Value>>,
}

#[derive(Debug)]
struct Known {
    tool: Tool,
    /// Whether it runs as a task of 2025-11-25 only. rmcp's type has no such field.
    requires_task: bool,
}

impl Known {
    fn of(tool: Value) -> Option<Self> {
        let requires_task = tool["execution"]["taskSupport"] == "required";
        Some(Self { tool: serde_json::from_value(tool).ok()?, requires_task })
    }
}

impl ChildTools {
    pub(super) fn get(&self, name: &str) -> Option<Tool> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(name).map(|known| known.tool.clone())
    }

    pub(super) fn requires_task(&self, name: &str) -> bool {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(name).is_some_and(|known| known.requires_task)
    }

    /// Reads the list for the first time.
    pub(super) async fn load(&self, link: &Arc<Link>, client: &ClientSide, speaks: Speaks) {
        let _ = self.meta.set((speaks == Speaks::Stateless).then(|| client.meta()));
        self.load_again(link).await;
    }

    /// Reads the list. Where it cannot be read, the tools stay as they were.
    pub(super) async fn load_again(&self, link: &Arc<Link>) {
        let Some(meta) = self.meta.get() else { return };
        let mut found = HashMap::new();
        let mut cursor = Value::Null;
        for _ in 0..PAGES {
            let mut params = json!({});
            if !cursor.is_null() {
                params["cursor"] = cursor;
            }
            if let Some(meta) = meta {
                params["_meta"] = meta.clone();
            }
            let mut page = match link.request("tools/list", &params).await {
                Ok(page) => page,
                Err(error) => {
                    tracing::debug!(?error, "the tools of the server cannot be listed");
                    return;
                }
            };
            cursor = page["nextCursor"].take();
            let Value::Array(tools) = page["tools"].take() else { return };
            let tools = tools.into_iter().filter_map(Known::of).take(MOST.saturating_sub(found.len()));
            found.extend(tools.map(|known| (known.tool.name.to_string(), known)));
            if cursor.is_null() {
                break;
            }
        }
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = found;
    }
}
