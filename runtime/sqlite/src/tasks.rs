//! Tasks.

use async_trait::async_trait;
use mcp_lambda_core::{
    auth::Principal,
    error::StoreError,
    session::{Rev, Versioned},
    tasks::{Task, TaskCursor, TaskId, TaskStore, next_look},
    time::Timestamp,
};
use rusqlite::{Error as SqliteError, OptionalExtension, Row, Transaction, named_params, params};

use crate::{
    columns::{json, millis, number, parsed, rows, time},
    store::SqliteStore,
};

fn task(row: &Row<'_>) -> Result<Versioned<Task>, SqliteError> {
    let task = Task::restored(
        parsed(row, "id", |id| id.parse().ok())?,
        parsed(row, "owner", |owner| Some(Principal::from_key(owner)))?,
        row.get("tool")?,
        row.get("call")?,
        time(row, "created")?,
        time(row, "expires")?,
        parsed(row, "state", |state| serde_json::from_str(state).ok())?,
    );
    Ok(Versioned { value: task, rev: row.get("rev")? })
}

fn live(
    transaction: &Transaction<'_>,
    id: &TaskId,
    now: Timestamp,
) -> Result<Option<Versioned<Task>>, SqliteError> {
    transaction
        .prepare_cached("SELECT * FROM tasks WHERE id = ? AND expires > ?")?
        .query_row(params![id.as_str(), millis(now)], task)
        .optional()
}

#[async_trait]
impl TaskStore for SqliteStore {
    async fn create(&self, task: &Task, limit: usize) -> Result<(), StoreError> {
        let (task, state) = (task.clone(), json(&task.state)?);
        let write = move |transaction: &Transaction<'_>, now| {
            if live(transaction, &task.id, now)?.is_some() {
                return Err(StoreError::Conflict.into());
            }
            if limit < usize::MAX {
                let open = transaction
                    .prepare_cached(
                        "SELECT count(*) FROM tasks WHERE owner = ? AND ended = 0 AND expires > ?",
                    )?
                    .query_row(params![task.owner.key(), millis(now)], |row| row.get::<_, usize>(0))?;
                if open >= limit {
                    return Err(StoreError::Full { what: "open tasks of one principal", limit }.into());
                }
            }
            transaction
                .prepare_cached(
                    "INSERT OR REPLACE INTO tasks (id, owner, tool, call, state, rev, ended, due, created, expires)
                     VALUES (:id, :owner, :tool, :call, :state, 1, :ended, :due, :created, :expires)",
                )?
                .execute(named_params! {
                    ":id": task.id.as_str(),
                    ":owner": task.owner.key(),
                    ":tool": task.tool,
                    ":call": task.call,
                    ":state": state,
                    ":ended": task.state.has_ended(),
                    ":due": task.state.due_at().map(millis),
                    ":created": millis(task.created_at),
                    ":expires": millis(task.expires_at),
                })?;
            Ok(())
        };
        self.database.write(write).await
    }

    async fn load(&self, id: &TaskId) -> Result<Option<Versioned<Task>>, StoreError> {
        let id = id.clone();
        self.database.read(move |transaction, now| Ok(live(transaction, &id, now)?)).await
    }

    async fn load_many(&self, ids: &[TaskId]) -> Result<Vec<Versioned<Task>>, StoreError> {
        let ids = ids.to_vec();
        let read = move |transaction: &Transaction<'_>, now| {
            let found = ids.iter().map(|id| live(transaction, id, now));
            Ok(found.filter_map(Result::transpose).collect::<Result<_, _>>()?)
        };
        self.database.read(read).await
    }

    async fn replace(&self, task: &Task, expected: Rev) -> Result<Rev, StoreError> {
        let (task, state, rev) = (task.clone(), json(&task.state)?, expected + 1);
        let write = move |transaction: &Transaction<'_>, now| {
            let changed = transaction
                .prepare_cached(
                    "UPDATE tasks SET state = :state, rev = :rev, ended = :ended, due = :due, returned = 0,
                         call = CASE WHEN :ended THEN '' ELSE call END
                     WHERE id = :id AND rev = :expected AND expires > :now",
                )?
                .execute(named_params! {
                    ":state": state,
                    ":rev": number(rev),
                    ":ended": task.state.has_ended(),
                    ":due": task.state.due_at().map(millis),
                    ":id": task.id.as_str(),
                    ":expected": number(expected),
                    ":now": millis(now),
                })?;
            if changed == 1 { Ok(rev) } else { Err(StoreError::Conflict.into()) }
        };
        self.database.write(write).await
    }

    async fn list(
        &self,
        owner: &Principal,
        after: Option<&TaskCursor>,
        limit: usize,
    ) -> Result<Vec<Task>, StoreError> {
        let (owner, after) = (owner.clone(), after.cloned());
        let read = move |transaction: &Transaction<'_>, now| {
            let (created, id) = match &after {
                Some(after) => (millis(after.created_at), after.id.as_str()),
                None => (i64::MAX, ""),
            };
            let mut statement = transaction.prepare_cached(
                "SELECT * FROM tasks WHERE owner = ? AND (created, id) < (?, ?) AND expires > ?
                 ORDER BY created DESC, id DESC LIMIT ?",
            )?;
            let tasks =
                statement.query_map(params![owner.key(), created, id, millis(now), rows(limit)], task)?;
            Ok(tasks.map(|task| Ok(task?.value)).collect::<Result<_, SqliteError>>()?)
        };
        self.database.read(read).await
    }

    /// The caller that moves the time of a task is the caller that it is returned to.
    async fn due(&self, limit: usize) -> Result<Vec<TaskId>, StoreError> {
        let write = move |transaction: &Transaction<'_>, now: Timestamp| {
            let mut statement = transaction.prepare_cached(
                "SELECT id, returned FROM tasks WHERE due <= ? AND expires > ? ORDER BY due LIMIT ?",
            )?;
            let due = statement.query_map(params![millis(now), millis(now), rows(limit)], |row| {
                let id: TaskId = parsed(row, "id", |id| id.parse().ok())?;
                Ok((id, row.get::<_, u32>("returned")?))
            })?;
            let due: Vec<_> = due.collect::<Result<_, _>>()?;
            let mut update =
                transaction.prepare_cached("UPDATE tasks SET due = ?, returned = ? WHERE id = ?")?;
            for (id, returned) in &due {
                let returned = returned.saturating_add(1);
                update.execute(params![millis(now.plus(next_look(returned))), returned, id.as_str()])?;
            }
            Ok(due.into_iter().map(|(id, _)| id).collect())
        };
        self.database.write(write).await
    }
}
