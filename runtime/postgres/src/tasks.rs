//! Tasks.

use async_trait::async_trait;
use mcp_lambda_core::{
    auth::Principal,
    error::StoreError,
    session::{Rev, Versioned},
    tasks::{Task, TaskCursor, TaskId, TaskStore, next_look},
};
use tokio_postgres::Row;

use crate::{
    columns::{Text, count, json, key, millis, number, params, parsed, rows, text, time},
    database::Statements,
    error::Failure,
    room::count_up,
    store::PostgresStore,
};

fn task(row: &Row) -> Result<Versioned<Task>, Failure> {
    let task = Task::restored(
        parsed(row, "id", |id| id.parse().ok())?,
        parsed(row, "owner", |owner| Some(Principal::from_key(owner)))?,
        text(row, "tool")?,
        text(row, "call")?,
        time(row, "created")?,
        time(row, "expires")?,
        parsed(row, "state", |state| serde_json::from_str(state).ok())?,
    );
    Ok(Versioned { value: task, rev: count(row, "rev")? })
}

impl PostgresStore {
    async fn create_task(&self, task: &Task, limit: usize) -> Result<(), Failure> {
        let now = self.database.now();
        let (owner, state) = (key(task.owner.key()), json(&task.state)?);
        let mut connection = self.database.connection().await?;
        let transaction = connection.begin().await?;
        if limit < usize::MAX {
            count_up(&transaction, &format!("tasks:{owner}"), now).await?;
        }
        let statement = "
            INSERT INTO mcp_tasks (id, owner_key, owner, tool, call, state, rev, ended, due, returned, created, expires)
            SELECT $1, $2, $3, $4, $5, $6, 1, $7, $8, 0, $9, $10
            WHERE (SELECT count(*) FROM mcp_tasks WHERE owner_key = $2 AND NOT ended AND expires > $11) < $12
            ON CONFLICT (id) DO UPDATE
                SET owner_key = excluded.owner_key, owner = excluded.owner, tool = excluded.tool,
                    call = excluded.call, state = excluded.state, rev = 1, ended = excluded.ended,
                    due = excluded.due, returned = 0, created = excluded.created, expires = excluded.expires
                WHERE mcp_tasks.expires <= $11";
        let values = params![
            Text(task.id.as_str()),
            Text(&owner),
            Text(task.owner.key()),
            Text(&task.tool),
            Text(&task.call),
            Text(&state),
            task.state.has_ended(),
            task.state.due_at().map(millis),
            millis(task.created_at),
            millis(task.expires_at),
            millis(now),
            rows(limit),
        ];
        if transaction.changed(statement, values).await? == 1 {
            return transaction.commit().await;
        }
        let statement = "SELECT 1 FROM mcp_tasks WHERE id = $1 AND expires > $2";
        let is_taken =
            transaction.row(statement, params![Text(task.id.as_str()), millis(now)]).await?.is_some();
        Err(match is_taken {
            true => StoreError::Conflict,
            false => StoreError::Full { what: "open tasks of one principal", limit },
        }
        .into())
    }
}

#[async_trait]
impl TaskStore for PostgresStore {
    async fn create(&self, task: &Task, limit: usize) -> Result<(), StoreError> {
        self.database.write(|| self.create_task(task, limit)).await
    }

    async fn load(&self, id: &TaskId) -> Result<Option<Versioned<Task>>, StoreError> {
        Ok(self.load_many(std::slice::from_ref(id)).await?.pop())
    }

    async fn load_many(&self, ids: &[TaskId]) -> Result<Vec<Versioned<Task>>, StoreError> {
        self.database
            .read(|| async {
                let wanted: Vec<_> = ids.iter().map(|id| Text(id.as_str())).collect();
                let connection = self.database.connection().await?;
                let statement = "SELECT * FROM mcp_tasks WHERE id = ANY($1) AND expires > $2";
                let found = connection.rows(statement, params![wanted, millis(self.database.now())]).await?;
                found.iter().map(task).collect()
            })
            .await
    }

    async fn replace(&self, task: &Task, expected: Rev) -> Result<Rev, StoreError> {
        let (state, rev) = (json(&task.state)?, expected + 1);
        self.database
            .write(|| async {
                let connection = self.database.connection().await?;
                let statement = "
                    UPDATE mcp_tasks SET state = $1, rev = $2, ended = $3, due = $4, returned = 0,
                        call = CASE WHEN $3 THEN '' ELSE call END
                    WHERE id = $5 AND rev = $6 AND expires > $7";
                let values = params![
                    Text(&state),
                    number(rev),
                    task.state.has_ended(),
                    task.state.due_at().map(millis),
                    Text(task.id.as_str()),
                    number(expected),
                    millis(self.database.now()),
                ];
                match connection.changed(statement, values).await? {
                    1 => Ok(rev),
                    _ => Err(StoreError::Conflict.into()),
                }
            })
            .await
    }

    async fn list(
        &self,
        owner: &Principal,
        after: Option<&TaskCursor>,
        limit: usize,
    ) -> Result<Vec<Task>, StoreError> {
        let (created, id) = match after {
            Some(after) => (millis(after.created_at), after.id.as_str()),
            None => (i64::MAX, ""),
        };
        self.database
            .read(|| async {
                let connection = self.database.connection().await?;
                let statement = "
                    SELECT * FROM mcp_tasks WHERE owner_key = $1 AND (created, id) < ($2, $3) AND expires > $4
                    ORDER BY created DESC, id DESC LIMIT $5";
                let now = millis(self.database.now());
                let values = params![Text(&key(owner.key())), created, Text(id), now, rows(limit)];
                let found = connection.rows(statement, values).await?;
                found.iter().map(|row| Ok(task(row)?.value)).collect()
            })
            .await
    }

    /// The caller that moves the time of a task is the caller that it is returned to. Callers at the same time take different tasks.
    async fn due(&self, limit: usize) -> Result<Vec<TaskId>, StoreError> {
        self.database
            .write(|| async {
                let now = self.database.now();
                let mut connection = self.database.connection().await?;
                let transaction = connection.begin().await?;
                let statement = "
                    SELECT id, returned FROM mcp_tasks WHERE due <= $1 AND expires > $1
                    ORDER BY due LIMIT $2 FOR UPDATE SKIP LOCKED";
                let due = transaction.rows(statement, params![millis(now), rows(limit)]).await?;
                let (mut ids, mut texts, mut times, mut counts) =
                    (Vec::new(), Vec::new(), Vec::new(), Vec::new());
                for row in &due {
                    let returned = count(row, "returned")?.saturating_add(1);
                    let next = now.plus(next_look(u32::try_from(returned).unwrap_or(u32::MAX)));
                    ids.push(parsed(row, "id", |id| id.parse().ok())?);
                    texts.push(text(row, "id")?);
                    times.push(millis(next));
                    counts.push(number(returned));
                }
                if !ids.is_empty() {
                    let texts: Vec<_> = texts.iter().map(|id| Text(id)).collect();
                    let statement = "
                        UPDATE mcp_tasks SET due = next.due, returned = next.returned
                        FROM unnest($1, $2, $3) AS next (id, due, returned) WHERE mcp_tasks.id = next.id";
                    transaction.changed(statement, params![texts, times, counts]).await?;
                }
                transaction.commit().await?;
                Ok(ids)
            })
            .await
    }
}
