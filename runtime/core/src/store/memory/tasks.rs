//! Tasks.

use async_trait::async_trait;

use super::{data::tasks::Entry, store::MemoryStore};
use crate::{
    auth::Principal,
    error::StoreError,
    session::{Rev, Versioned},
    tasks::{Task, TaskCursor, TaskId, TaskStore},
};

#[async_trait]
impl TaskStore for MemoryStore {
    async fn create(&self, task: &Task, limit: usize) -> Result<(), StoreError> {
        let (mut data, now) = self.data();
        if data.tasks.get(&task.id, now).is_some() {
            return Err(StoreError::Conflict);
        }
        if limit < usize::MAX && data.tasks.open_of(&task.owner, now) >= limit {
            return Err(StoreError::Full { what: "open tasks of one principal", limit });
        }
        data.tasks.put(Entry::new(task.clone(), 1)?, self.limits.bytes)
    }

    async fn load(&self, id: &TaskId) -> Result<Option<Versioned<Task>>, StoreError> {
        let (data, now) = self.data();
        Ok(data.tasks.get(id, now).map(Entry::versioned))
    }

    async fn load_many(&self, ids: &[TaskId]) -> Result<Vec<Versioned<Task>>, StoreError> {
        let (data, now) = self.data();
        Ok(ids.iter().filter_map(|id| data.tasks.get(id, now)).map(Entry::versioned).collect())
    }

    async fn replace(&self, task: &Task, expected: Rev) -> Result<Rev, StoreError> {
        let (mut data, now) = self.data();
        let found = data.tasks.get(&task.id, now).filter(|entry| entry.rev == expected);
        let found = found.ok_or(StoreError::Conflict)?.task.clone();
        let call = if task.state.has_ended() { String::new() } else { found.call.clone() };
        let rev = expected + 1;
        let entry = Entry::new(Task { state: task.state.clone(), call, ..found }, rev)?;
        data.tasks.put(entry, self.limits.bytes)?;
        Ok(rev)
    }

    async fn list(
        &self,
        owner: &Principal,
        after: Option<&TaskCursor>,
        limit: usize,
    ) -> Result<Vec<Task>, StoreError> {
        let (data, now) = self.data();
        Ok(data.tasks.list(owner, after, limit, now))
    }

    async fn due(&self, limit: usize) -> Result<Vec<TaskId>, StoreError> {
        let (mut data, now) = self.data();
        Ok(data.tasks.due(limit, now))
    }
}
