//! Tasks: each is one item, which a write replaces on the condition that it is the one that was read.

use std::{collections::HashMap, time::Duration};

use async_trait::async_trait;
use aws_sdk_dynamodb::{
    operation::transact_write_items::TransactWriteItemsError,
    types::{AttributeValue, CancellationReason, Delete, TransactWriteItem},
};

use super::{
    DynamoStore,
    error::{self, not_built},
    item::{Item, millis, number, text},
    keys,
    read::Consistency,
    write::{IS_LIVE, IS_NEW},
};
use mcp_lambda_core::{
    auth::Principal,
    error::StoreError,
    random,
    session::{Rev, Versioned},
    tasks::{Task, TaskCursor, TaskId, TaskStore, next_look},
    time::Timestamp,
};

/// How long after it is due a task is looked at, when it was given to a worker.
const FIRST_LOOK: Duration = Duration::from_secs(60);
/// The longest time between two looks at a task that is not due.
const LONGEST_BLIND: Duration = Duration::from_secs(4 * 60);
/// Tries of a creation while other tasks of the same principal are created.
const TRIES: u32 = 8;
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// Tasks that a list reads in one request.
const PAGE: usize = 50;

/// The result of trying to create a task.
enum Created {
    Done,
    IdTaken,
    NoSlot,
    TransactionConflict,
}

/// Reads the item of a task.
pub(super) fn task(id: &TaskId, item: &Item) -> Result<Versioned<Task>, StoreError> {
    let state =
        serde_json::from_str(item.text("body")?).map_err(|_| item.corrupt("body", "the state of a task"))?;
    let call = if item.has("call") { item.text("call")?.to_owned() } else { String::new() };
    let owner = Principal::from_key(item.text("owner")?);
    let (created_at, expires_at) = (item.time("created")?, item.time("expires")?);
    let task =
        Task::restored(id.clone(), owner, item.text("tool")?.to_owned(), call, created_at, expires_at, state);
    Ok(Versioned { value: task, rev: item.number("rev")? })
}

fn body(task: &Task) -> Result<String, StoreError> {
    serde_json::to_string(&task.state).map_err(|error| {
        StoreError::Corrupt(format!("the state of a task cannot be written as JSON: {error}"))
    })
}

/// The entry of a task that is not due, or that is given to a worker otherwise: it is looked at a while after it is due.
fn first_entry(task: &Task, now: Timestamp) -> Item {
    let due = task.state.due_at().unwrap_or(now).max(now);
    entry(task, due.plus(FIRST_LOOK).min(now.plus(LONGEST_BLIND)), 0)
}

/// `returned`: how often the task was returned as due, one time after another.
fn entry(task: &Task, at: Timestamp, returned: u32) -> Item {
    // It outlives the task by a day: an entry without a task is deleted when it is looked at.
    let expires_at = task.expires_at.plus(Duration::from_secs(24 * 60 * 60));
    Item::new(keys::TASKS_DUE, keys::due_task(at, &task.id))
        .with("task", text(task.id.as_str()))
        .with("returned", number(u64::from(returned)))
        .expiring(expires_at)
}

/// How often the task of an entry was returned. Entries of version 0.1 do not say.
fn times_returned(entry: &Item) -> u32 {
    entry.number("returned").ok().and_then(|returned| u32::try_from(returned).ok()).unwrap_or_default()
}

#[async_trait]
impl TaskStore for DynamoStore {
    /// One transaction: the task, its place in two lists, and its slot.
    async fn create(&self, task: &Task, limit: usize) -> Result<(), StoreError> {
        let meta = Item::new(keys::task(&task.id), keys::META)
            .with("owner", text(task.owner.key()))
            .with("tool", text(&task.tool))
            .with("call", text(&task.call))
            .with("created", millis(task.created_at))
            .with("body", text(body(task)?))
            .with("rev", number(1))
            .expiring(task.expires_at);
        let listed = Item::new(keys::owner(&task.owner), keys::listed_task(&TaskCursor::behind(task)))
            .with("task", text(task.id.as_str()))
            .expiring(task.expires_at);
        let now = self.clock.now();
        let due = first_entry(task, now);
        let mut writes = vec![self.put_new(meta)?, self.put(due)?];
        if !task.owner.is_anonymous() {
            writes.push(self.put(listed)?);
        }
        if limit < usize::MAX {
            writes.push(self.take_slot(task, limit)?);
        }
        let mut pause = FIRST_PAUSE;
        for _ in 0..TRIES {
            match self.try_create(writes.clone()).await? {
                Created::Done => return Ok(()),
                Created::IdTaken => return Err(StoreError::Conflict),
                Created::NoSlot if self.free_slots(&task.owner).await? => {}
                Created::NoSlot => {
                    return Err(StoreError::Full { what: "open tasks of one principal", limit });
                }
                Created::TransactionConflict => tokio::time::sleep(random::jitter(pause)).await,
            }
            pause *= 2;
        }
        Err(StoreError::Conflict)
    }

    async fn load(&self, id: &TaskId) -> Result<Option<Versioned<Task>>, StoreError> {
        match self.get(&self.state, &keys::task(id), keys::META).await? {
            Some(item) if item.is_live(self.clock.now())? => task(id, &item).map(Some),
            _ => Ok(None),
        }
    }

    async fn load_many(&self, ids: &[TaskId]) -> Result<Vec<Versioned<Task>>, StoreError> {
        let now = self.clock.now();
        let pks: Vec<_> = ids.iter().map(keys::task).collect();
        let found = self.get_many(&self.state, &pks, keys::META, Consistency::Eventual).await?;
        let mut tasks = Vec::new();
        for (id, pk) in ids.iter().zip(&pks) {
            if let Some(item) = found.get(pk)
                && item.is_live(now)?
            {
                tasks.push(task(id, item)?);
            }
        }
        Ok(tasks)
    }

    async fn replace(&self, task: &Task, expected: Rev) -> Result<Rev, StoreError> {
        let rev = expected + 1;
        let mut update = "SET body = :body, rev = :rev".to_owned();
        let mut request = self.client().await?.update_item();
        if task.state.has_ended() {
            update += " REMOVE #call";
            request = request.expression_attribute_names("#call", "call");
        }
        let replaced = request
            .table_name(&*self.state)
            .key("pk", text(keys::task(&task.id)))
            .key("sk", text(keys::META))
            .update_expression(update)
            .condition_expression(format!("{IS_LIVE} AND rev = :expected"))
            .expression_attribute_values(":body", text(body(task)?))
            .expression_attribute_values(":rev", number(rev))
            .expression_attribute_values(":expected", number(expected))
            .expression_attribute_values(":now", millis(self.clock.now()))
            .send()
            .await;
        match replaced {
            Ok(_) => Ok(rev),
            Err(error) if error::is_condition_failed(&error) => Err(StoreError::Conflict),
            Err(error) => Err(error::failed("UpdateItem", &self.state, &error)),
        }
    }

    async fn list(
        &self,
        owner: &Principal,
        after: Option<&TaskCursor>,
        limit: usize,
    ) -> Result<Vec<Task>, StoreError> {
        let (now, pk, mut tasks) = (self.clock.now(), keys::owner(owner), Vec::new());
        // `$` sorts after `#`, so that this is behind every task.
        let mut before = after.map_or_else(|| "TASK$".to_owned(), keys::listed_task);
        loop {
            let page = self
                .client()
                .await?
                .query()
                .table_name(&*self.state)
                .consistent_read(true)
                .key_condition_expression("pk = :pk AND sk BETWEEN :first AND :before")
                .expression_attribute_values(":pk", text(&pk))
                .expression_attribute_values(":first", text(keys::TASKS))
                .expression_attribute_values(":before", text(&before))
                .scan_index_forward(false)
                .limit(i32::try_from(limit.min(PAGE) + 1).unwrap_or(i32::MAX))
                .send()
                .await
                .map_err(|error| error::failed("Query", &self.state, &error))?;
            let is_last = page.last_evaluated_key.is_none_or(|key| key.is_empty());
            let (mut ids, from) = (Vec::new(), before.clone());
            for item in page.items.unwrap_or_default().into_iter().map(Item) {
                item.text("sk")?.clone_into(&mut before);
                // The first one of a page is the last one of the page before.
                if before != from {
                    ids.extend(item.text("task")?.parse::<TaskId>().ok());
                }
            }
            let pks: Vec<_> = ids.iter().map(keys::task).collect();
            let found = self.get_many(&self.state, &pks, keys::META, Consistency::Strong).await?;
            for (id, pk) in ids.iter().zip(&pks) {
                let Some(item) = found.get(pk) else { continue };
                if item.is_live(now)? && tasks.len() < limit {
                    tasks.push(task(id, item)?.value);
                }
            }
            if is_last || tasks.len() >= limit {
                return Ok(tasks);
            }
        }
    }

    /// Reads the tasks to be looked at. The caller that moves the entry of one is the caller that it is returned to.
    async fn due(&self, limit: usize) -> Result<Vec<TaskId>, StoreError> {
        let now = self.clock.now();
        let until = format!("{:020}$", now.as_millis());
        let mut due = Vec::new();
        let entries = self.due_entries(&until, limit).await?;
        let id_of = |entry: &Item| entry.text("task").ok()?.parse::<TaskId>().ok();
        let ids: Vec<_> = entries.iter().filter_map(id_of).collect();
        let pks: Vec<_> = ids.iter().map(keys::task).collect();
        let found = self.get_many(&self.state, &pks, keys::META, Consistency::Strong).await?;
        // An entry without a valid id belongs to no task.
        let mut over: Vec<_> = entries.iter().filter(|entry| id_of(entry).is_none()).map(Item::key).collect();
        let entries = entries.iter().filter(|entry| id_of(entry).is_some());
        for ((found_entry, id), pk) in entries.zip(&ids).zip(&pks) {
            let task = match found.get(pk) {
                Some(item) if item.is_live(now)? => task(id, item)?.value,
                _ => {
                    over.push(found_entry.key());
                    continue;
                }
            };
            let Some(due_at) = task.state.due_at() else {
                over.push(found_entry.key());
                continue;
            };
            let is_due = due_at <= now;
            let next = if is_due {
                let returned = times_returned(found_entry).saturating_add(1);
                entry(&task, now.plus(next_look(returned)), returned)
            } else {
                first_entry(&task, now)
            };
            if self.move_entry(found_entry, next).await? && is_due {
                due.push(id.clone());
            }
        }
        self.delete_all(&self.state, over).await?;
        Ok(due)
    }
}

impl DynamoStore {
    fn put_new(&self, item: Item) -> Result<TransactWriteItem, StoreError> {
        let put = aws_sdk_dynamodb::types::Put::builder()
            .table_name(&*self.state)
            .set_item(Some(item.0))
            .condition_expression(IS_NEW);
        Ok(TransactWriteItem::builder().put(put.build().map_err(not_built)?).build())
    }

    async fn try_create(&self, writes: Vec<TransactWriteItem>) -> Result<Created, StoreError> {
        let sent = self.client().await?.transact_write_items().set_transact_items(Some(writes)).send().await;
        let Err(error) = sent else { return Ok(Created::Done) };
        let reasons = match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                cancelled.cancellation_reasons()
            }
            _ => return Err(error::failed_transaction(&self.state, &error)),
        };
        let is_failed = |reason: &CancellationReason| reason.code() == Some("ConditionalCheckFailed");
        if reasons.first().is_some_and(is_failed) {
            return Ok(Created::IdTaken);
        }
        if reasons.iter().any(is_failed) {
            return Ok(Created::NoSlot);
        }
        if reasons.iter().any(|reason| reason.code() == Some("TransactionConflict")) {
            return Ok(Created::TransactionConflict);
        }
        Err(error::failed_transaction(&self.state, &error))
    }

    async fn due_entries(&self, until: &str, limit: usize) -> Result<Vec<Item>, StoreError> {
        let page = self
            .client()
            .await?
            .query()
            .table_name(&*self.state)
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND sk < :until")
            .expression_attribute_values(":pk", text(keys::TASKS_DUE))
            .expression_attribute_values(":until", text(until))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(|error| error::failed("Query", &self.state, &error))?;
        Ok(page.items.unwrap_or_default().into_iter().map(Item).collect())
    }

    /// Moves an entry. `false` if another process has moved it.
    async fn move_entry(&self, from: &Item, to: Item) -> Result<bool, StoreError> {
        let key: HashMap<String, AttributeValue> = from.key();
        let delete = Delete::builder()
            .table_name(&*self.state)
            .set_key(Some(key))
            .condition_expression("attribute_exists(pk)");
        let delete = TransactWriteItem::builder().delete(delete.build().map_err(not_built)?).build();
        let put = self.put(to)?;
        match self.transact(&self.state, vec![delete, put]).await {
            Ok(()) => Ok(true),
            Err(StoreError::Conflict) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
