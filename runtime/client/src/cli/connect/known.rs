//! What is known of a server while a line is typed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

/// The lists of a server, as it has listed them last.
#[derive(Debug, Default)]
pub(super) struct Lists {
    pub(super) tools: Vec<Value>,
    pub(super) prompts: Vec<Value>,
    pub(super) resources: Vec<Value>,
    pub(super) templates: Vec<Value>,
    /// The ids of tasks that were begun here.
    pub(super) tasks: Vec<String>,
    /// Resources that are subscribed to.
    pub(super) subscribed: Vec<String>,
    /// Whether a list has changed since it was read.
    pub(super) is_stale: bool,
}

/// The lists, for the thread of the terminal too.
#[derive(Debug, Clone, Default)]
pub(super) struct Known(Arc<Mutex<Lists>>);

impl Known {
    pub(super) fn lists(&self) -> MutexGuard<'_, Lists> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A tool by its name.
    pub(super) fn tool(&self, name: &str) -> Option<Value> {
        named(&self.lists().tools, name).cloned()
    }

    /// A prompt by its name.
    pub(super) fn prompt(&self, name: &str) -> Option<Value> {
        named(&self.lists().prompts, name).cloned()
    }
}

/// The item of a list that has a name.
pub(super) fn named<'l>(list: &'l [Value], name: &str) -> Option<&'l Value> {
    list.iter().find(|item| item["name"] == name)
}

/// A field of each item of a list.
pub(super) fn texts(list: &[Value], field: &str) -> Vec<String> {
    list.iter().filter_map(|item| item[field].as_str()).map(str::to_owned).collect()
}
