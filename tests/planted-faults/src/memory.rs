//! What faults remember from request to request.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

#[derive(Default)]
pub(crate) struct Memory {
    /// Session ids as clients know them, and as the server behind knows them.
    pub(crate) sessions: BTreeMap<String, String>,
    /// Session ids that were given.
    pub(crate) given: BTreeSet<String>,
    /// Who opened a session: the value of `Authorization`.
    pub(crate) owners: BTreeMap<String, String>,
    /// Who started a task.
    pub(crate) starters: BTreeMap<String, String>,
    /// Tasks that have been read.
    pub(crate) read: BTreeSet<String>,
    /// Tasks that were seen to have ended.
    pub(crate) ended: BTreeSet<String>,
    /// Sessions that have been ended, and get one more answer.
    pub(crate) dying: BTreeSet<String>,
    /// The session of each event, and its message.
    pub(crate) events: BTreeMap<String, (String, Value)>,
    /// The last progress that was sent.
    pub(crate) last_progress: Option<Value>,
    /// The last list of tools: the id of its request, its session, and the response.
    pub(crate) list: Option<(Value, String, Value)>,
    /// How many lists of tools were sent.
    pub(crate) lists: usize,
    /// How many sessions were opened.
    pub(crate) opened: usize,
    /// Valid tokens.
    pub(crate) tokens: Vec<String>,
}
