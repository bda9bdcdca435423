//! The data behind `tasks`.

use std::collections::{BTreeSet, HashMap};

use crate::{
    auth::Principal,
    error::StoreError,
    json_size::json_size,
    session::{Rev, Versioned},
    tasks::{Task, TaskCursor, TaskId, next_look},
    time::Timestamp,
};

/// What an entry takes besides its texts.
const OVERHEAD: usize = 1024;

#[derive(Default)]
pub(in crate::store::memory) struct Tasks {
    entries: HashMap<TaskId, Entry>,
    /// The tasks of each principal, in the order of their creation.
    owned: HashMap<Principal, BTreeSet<(Timestamp, TaskId)>>,
    /// How many bytes all entries take.
    bytes: usize,
}

pub(in crate::store::memory) struct Entry {
    pub(in crate::store::memory) task: Task,
    pub(in crate::store::memory) rev: Rev,
    /// When the task was last returned as due, and how often, since its last change.
    returned: Option<(Timestamp, u32)>,
    bytes: usize,
}

impl Entry {
    pub(in crate::store::memory) fn new(task: Task, rev: Rev) -> Result<Self, StoreError> {
        let texts = task.call.len() + task.tool.len() + task.owner.key().len();
        let bytes = OVERHEAD + texts + json_size(&task.state)?;
        Ok(Self { task, rev, returned: None, bytes })
    }

    pub(in crate::store::memory) fn versioned(&self) -> Versioned<Task> {
        Versioned { value: self.task.clone(), rev: self.rev }
    }

    fn is_live(&self, now: Timestamp) -> bool {
        self.task.expires_at > now
    }

    fn is_due(&self, now: Timestamp) -> bool {
        let is_waiting = self.returned.is_some_and(|(at, times)| at.plus(next_look(times)) > now);
        self.is_live(now) && !is_waiting && self.task.state.due_at().is_some_and(|due| due <= now)
    }
}

impl Tasks {
    pub(in crate::store::memory) fn get(&self, id: &TaskId, now: Timestamp) -> Option<&Entry> {
        self.entries.get(id).filter(|entry| entry.is_live(now))
    }

    pub(in crate::store::memory) fn open_of(&self, owner: &Principal, now: Timestamp) -> usize {
        let owned = self.owned.get(owner).into_iter().flatten();
        owned.filter_map(|(_, id)| self.get(id, now)).filter(|entry| !entry.task.state.has_ended()).count()
    }

    /// Writes a task. One that would make all tasks larger than the limit is refused: an earlier one is kept as long as
    /// its client may expect it.
    pub(in crate::store::memory) fn put(&mut self, entry: Entry, limit: usize) -> Result<(), StoreError> {
        let replaced = self.entries.get(&entry.task.id).map_or(0, |known| known.bytes);
        let bytes = self.bytes - replaced + entry.bytes;
        if bytes > limit && entry.bytes > replaced {
            return Err(StoreError::Full { what: "bytes of tasks in memory (MCP_MEMORY_MB)", limit });
        }
        self.bytes = bytes;
        let place = (entry.task.created_at, entry.task.id.clone());
        self.owned.entry(entry.task.owner.clone()).or_default().insert(place);
        self.entries.insert(entry.task.id.clone(), entry);
        Ok(())
    }

    pub(in crate::store::memory) fn list(
        &self,
        owner: &Principal,
        after: Option<&TaskCursor>,
        limit: usize,
        now: Timestamp,
    ) -> Vec<Task> {
        let Some(owned) = self.owned.get(owner) else { return Vec::new() };
        let places: Box<dyn Iterator<Item = _>> = match after {
            Some(TaskCursor { created_at, id }) => Box::new(owned.range(..(*created_at, id.clone())).rev()),
            None => Box::new(owned.iter().rev()),
        };
        let live = places.filter_map(|(_, id)| self.get(id, now));
        live.take(limit).map(|entry| entry.task.clone()).collect()
    }

    pub(in crate::store::memory) fn due(&mut self, limit: usize, now: Timestamp) -> Vec<TaskId> {
        let due = self.entries.values_mut().filter(|entry| entry.is_due(now)).take(limit);
        due.map(|entry| {
            entry.returned = Some((now, entry.returned.map_or(1, |(_, times)| times.saturating_add(1))));
            entry.task.id.clone()
        })
        .collect()
    }

    pub(in crate::store::memory) fn sweep(&mut self, now: Timestamp) {
        let expired: Vec<_> = self
            .entries
            .values()
            .filter(|entry| !entry.is_live(now))
            .map(|entry| entry.task.id.clone())
            .collect();
        for id in expired {
            let Some(entry) = self.entries.remove(&id) else { continue };
            self.bytes -= entry.bytes;
            if let Some(owned) = self.owned.get_mut(&entry.task.owner) {
                owned.remove(&(entry.task.created_at, id));
                if owned.is_empty() {
                    self.owned.remove(&entry.task.owner);
                }
            }
        }
    }
}
