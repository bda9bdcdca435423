//! The event log: a counter for each scope assigns sequence numbers, and an item for each of them holds the event.
//!
//! A writer that dies between the two leaves a gap. A reader stops at a gap. When it has waited longer than a writer
//! takes, it seals the position with a tombstone: an item without an event, which a writer that is alive after all cannot
//! overwrite, so it is assigned another position. No event appears before one that was read.
//!
//! One partition serves some 6,000 polls per second. For more processes the global scope is written to several replicas,
//! each a partition of its own, in the same transaction; a process polls one of them.

use std::{collections::BTreeSet, time::Duration};

use async_trait::async_trait;
use aws_sdk_dynamodb::types::ReturnValue;
use futures::future::{try_join, try_join_all};

use super::{
    DynamoStore,
    append::AppendOutcome,
    error,
    item::{Item, check_size, millis, number, text},
    keys,
    read::Consistency,
};
use mcp_lambda_core::{
    error::StoreError,
    events::{
        Appended, Event, EventKey, EventLog, LoggedEvent, NewEvent, NewestEvents, NewestLimits, Scope,
        ScopeEnd,
    },
    random,
};

/// Age at which a position has no writer any more: the requests of a writer have timed out by then.
const WRITER_TIMEOUT: Duration = Duration::from_secs(15);
/// How long the id of a source is kept at least: longer than any source repeats a delivery.
const DEDUP_TTL: Duration = Duration::from_secs(24 * 60 * 60);
/// TTL of the head of a session's or principal's scope after its last event. It exceeds the lifetime of events and
/// streams, because the scope then starts at sequence number 1 again.
const HEAD_TTL: Duration = Duration::from_secs(31 * 24 * 60 * 60);
/// Positions that a writer tries. More than one is rare: readers seal only positions that took seconds.
const TRIES: u32 = 4;
/// Positions read to find the end of a scope: more than are ever being written at once.
const IN_PROGRESS: i32 = 200;
/// Positions read or sealed in one call.
const PAGE: i32 = 100;

#[async_trait]
impl EventLog for DynamoStore {
    async fn append(&self, scope: &Scope, event: &NewEvent) -> Result<Appended, StoreError> {
        let key = event.event.key().filter(|_| scope.has_event_keys());
        let seen = self.seen(scope, event.source_id.as_deref());
        let (seen, entry) = try_join(seen, self.event_key_entry(scope, key, event.expires_at)).await?;
        if let Some(seq) = seen {
            return Ok(Appended::Already(seq));
        }
        let mut stored = event.event.clone();
        if let (Event::Global { is_first, .. }, Some(entry)) = (&mut stored, &entry) {
            *is_first = entry.is_first;
        }
        let json = serde_json::to_string(&stored)
            .map_err(|error| StoreError::Corrupt(format!("the event cannot be written as JSON: {error}")))?;
        check_size(&json)?;
        for _ in 0..TRIES {
            let seq = self.next_seq(scope).await?;
            let item = Item::new(keys::log(scope, 0), keys::seq(seq))
                .with("seq", number(seq))
                .with("event", text(json.as_str()))
                .with("at", millis(event.at))
                .with("written", millis(self.clock.now()))
                .with("writer", text(random::token()))
                .expiring(event.expires_at);
            let dedup_marker = event.source_id.as_ref().map(|source_id| {
                let expires_at = event.expires_at.max(self.clock.now().plus(DEDUP_TTL));
                Item::new(keys::seen(scope, source_id), keys::SEEN)
                    .with("seq", number(seq))
                    .expiring(expires_at)
            });
            match self.write_event(scope, item, dedup_marker, entry.as_ref()).await? {
                AppendOutcome::Written => return Ok(Appended::At(seq)),
                AppendOutcome::Duplicate => {
                    // The position stays empty: a tombstone saves readers the wait for it.
                    self.seal(scope, seq).await?;
                    let first = self.seen(scope, event.source_id.as_deref()).await?;
                    return first.map(Appended::Already).ok_or(StoreError::Conflict);
                }
                AppendOutcome::PositionSealed => {}
                // Another transaction was running on an item of this one. The next try has another position.
                AppendOutcome::TransactionConflict => self.seal(scope, seq).await?,
            }
        }
        Err(StoreError::Conflict)
    }

    async fn heads(&self, scopes: &[Scope]) -> Result<Vec<u64>, StoreError> {
        match scopes {
            [] => Ok(Vec::new()),
            [one] => Ok(vec![self.poll(one).await?]),
            many => self.poll_many(many).await,
        }
    }

    async fn ends(&self, scopes: &[Scope]) -> Result<Vec<ScopeEnd>, StoreError> {
        let keys: Vec<_> = scopes.iter().map(keys::head).collect();
        let heads = self.get_many(&self.events, &keys, keys::HEAD, Consistency::Strong).await?;
        try_join_all(scopes.iter().zip(&keys).map(|(scope, key)| self.end_of(scope, heads.get(key)))).await
    }

    async fn read(&self, scope: &Scope, after: u64, limit: usize) -> Result<Vec<LoggedEvent>, StoreError> {
        let now = self.clock.now();
        let limit = i32::try_from(limit).unwrap_or(i32::MAX);
        let mut events = Vec::new();
        let mut last = after;
        for item in self.items_after(scope, self.replica(scope), after, limit).await? {
            let seq = item.number("seq")?;
            if seq != last + 1 && !self.is_old(&item)? {
                break;
            }
            last = seq;
            events.extend(item.event(now)?);
        }
        Ok(events)
    }

    async fn seal_gap(&self, scope: &Scope, after: u64) -> Result<u64, StoreError> {
        let now = self.clock.now();
        let mut last_stable = after;
        for item in self.items_after(scope, 0, after, PAGE).await? {
            let seq = item.number("seq")?;
            if seq != last_stable + 1
                && !self.is_old(&item)?
                && !self.seal_between(scope, last_stable, seq).await?
            {
                return Ok(last_stable);
            }
            if item.event(now)?.is_some() {
                return Ok(seq - 1);
            }
            // The replica may have no tombstone at this position.
            self.replicate_tombstone(scope, seq).await?;
            last_stable = seq;
        }
        let item = self.get(&self.events, &keys::head(scope), keys::HEAD).await?;
        let head = item.map_or(Ok(0), |item| item.number("v"))?;
        if head > last_stable && self.seal_between(scope, last_stable, head + 1).await? {
            last_stable = head.min(last_stable + PAGE as u64);
        }
        Ok(last_stable)
    }

    async fn event_keys(
        &self,
        scope: &Scope,
        after: Option<&EventKey>,
        limit: usize,
    ) -> Result<Vec<EventKey>, StoreError> {
        self.list_event_keys(scope, after, limit).await
    }

    async fn newest(
        &self,
        scope: &Scope,
        key: &EventKey,
        limits: NewestLimits,
    ) -> Result<NewestEvents, StoreError> {
        self.newest_of(scope, key, limits).await
    }
}

impl DynamoStore {
    /// Whether an item is so old that no position before it has a writer: a gap is older than the item after it.
    fn is_old(&self, item: &Item) -> Result<bool, StoreError> {
        Ok(item.time("written")?.plus(WRITER_TIMEOUT) <= self.clock.now())
    }

    /// Returns the sequence number of the event with a source id.
    async fn seen(&self, scope: &Scope, source_id: Option<&str>) -> Result<Option<u64>, StoreError> {
        let Some(source_id) = source_id else { return Ok(None) };
        match self.get(&self.events, &keys::seen(scope, source_id), keys::SEEN).await? {
            Some(item) if item.is_live(self.clock.now())? => item.number("seq").map(Some),
            _ => Ok(None),
        }
    }

    /// Assigns the next sequence number of a scope.
    async fn next_seq(&self, scope: &Scope) -> Result<u64, StoreError> {
        let now = self.clock.now();
        let mut update = self
            .client()
            .await?
            .update_item()
            .table_name(&*self.events)
            .key("pk", text(keys::head(scope)))
            .key("sk", text(keys::HEAD))
            .update_expression("SET moved = :now ADD v :one")
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":now", millis(now))
            .return_values(ReturnValue::UpdatedNew);
        if *scope != Scope::Global {
            update = update
                .update_expression("SET moved = :now, #ttl = :ttl ADD v :one")
                .expression_attribute_names("#ttl", "ttl")
                .expression_attribute_values(":ttl", number(now.plus(HEAD_TTL).epoch_seconds()));
        }
        let moved = update.send().await.map_err(|error| error::failed("UpdateItem", &self.events, &error))?;
        moved
            .attributes
            .map(Item)
            .ok_or_else(|| {
                StoreError::Corrupt(format!("v of ({}, HEAD) is missing after an update", keys::head(scope)))
            })?
            .number("v")
    }

    /// Returns the end of a scope with this head.
    async fn end_of(&self, scope: &Scope, head: Option<&Item>) -> Result<ScopeEnd, StoreError> {
        let Some(item) = head else { return Ok(ScopeEnd { head: 0, last_stable: 0 }) };
        let (head, moved) = (item.number("v")?, item.time("moved")?);
        let mut end = ScopeEnd { head, last_stable: head };
        if moved.plus(WRITER_TIMEOUT) <= self.clock.now() {
            return Ok(end);
        }
        // Backwards from the head, to the lowest gap that a writer may still fill.
        let mut expected = head;
        let items = self.last_items(&keys::log(scope, 0), IN_PROGRESS).await?;
        let is_all = items.len() < IN_PROGRESS as usize;
        for item in items {
            let seq = item.number("seq")?;
            // The item was written after the head was read.
            if seq > expected {
                continue;
            }
            if seq < expected {
                end.last_stable = seq;
            }
            if self.is_old(&item)? {
                return Ok(end);
            }
            expected = seq.saturating_sub(1);
        }
        // Every entry is recent and position 1 is missing, so an earlier append may still be in progress: start from 0.
        if is_all && expected > 0 {
            end.last_stable = 0;
        }
        Ok(end)
    }

    /// Returns the last sequence number of a scope, with an eventually consistent read of half a unit.
    async fn poll(&self, scope: &Scope) -> Result<u64, StoreError> {
        match self.replica(scope) {
            0 => {
                let found = self
                    .client()
                    .await?
                    .get_item()
                    .table_name(&*self.events)
                    .key("pk", text(keys::head(scope)))
                    .key("sk", text(keys::HEAD))
                    .send()
                    .await
                    .map_err(|error| error::failed("GetItem", &self.events, &error))?;
                found.item.map_or(Ok(0), |item| Item(item).number("v"))
            }
            replica => {
                let last = self
                    .client()
                    .await?
                    .query()
                    .table_name(&*self.events)
                    .key_condition_expression("pk = :pk")
                    .expression_attribute_values(":pk", text(keys::log(scope, replica)))
                    .scan_index_forward(false)
                    .limit(1)
                    .send()
                    .await
                    .map_err(|error| error::failed("Query", &self.events, &error))?;
                last.items.unwrap_or_default().pop().map_or(Ok(0), |item| Item(item).number("seq"))
            }
        }
    }

    /// Polls several scopes, in one request for each hundred.
    async fn poll_many(&self, scopes: &[Scope]) -> Result<Vec<u64>, StoreError> {
        let pks: BTreeSet<_> =
            scopes.iter().filter(|scope| self.replica(scope) == 0).map(keys::head).collect();
        let pks = Vec::from_iter(pks);
        let heads = self.get_many(&self.events, &pks, keys::HEAD, Consistency::Eventual).await?;
        let mut polled = Vec::with_capacity(scopes.len());
        for scope in scopes {
            polled.push(match self.replica(scope) {
                0 => heads.get(&keys::head(scope)).map_or(Ok(0), |item| item.number("v"))?,
                _ => self.poll(scope).await?,
            });
        }
        Ok(polled)
    }

    /// Returns up to `limit` log items with a sequence number above `after`, with a strongly consistent read.
    async fn items_after(
        &self,
        scope: &Scope,
        replica: usize,
        after: u64,
        limit: i32,
    ) -> Result<Vec<Item>, StoreError> {
        let page = self
            .client()
            .await?
            .query()
            .table_name(&*self.events)
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND sk > :after")
            .expression_attribute_values(":pk", text(keys::log(scope, replica)))
            .expression_attribute_values(":after", text(keys::seq(after)))
            .limit(limit)
            .send()
            .await
            .map_err(|error| error::failed("Query", &self.events, &error))?;
        Ok(page.items.unwrap_or_default().into_iter().map(Item).collect())
    }

    /// Seals the positions between two. `false` if one of them was written meanwhile.
    async fn seal_between(&self, scope: &Scope, after: u64, before: u64) -> Result<bool, StoreError> {
        for seq in (after + 1..before).take(PAGE as usize) {
            tracing::warn!(
                scope = keys::scope(scope),
                seq,
                "a gap in the event log is sealed: its writer did not write the event in time"
            );
            self.seal(scope, seq).await?;
            let found = self.get(&self.events, &keys::log(scope, 0), &keys::seq(seq)).await?;
            if found.is_some_and(|item| item.has("event")) {
                return Ok(false);
            }
            self.replicate_tombstone(scope, seq).await?;
        }
        Ok(true)
    }

    /// Seals a position, unless it is written.
    async fn seal(&self, scope: &Scope, seq: u64) -> Result<(), StoreError> {
        self.put_once(&self.events, self.tombstone(scope, 0, seq)).await
    }

    /// Writes the tombstone of a position to the replica that this process reads.
    async fn replicate_tombstone(&self, scope: &Scope, seq: u64) -> Result<(), StoreError> {
        match self.replica(scope) {
            0 => Ok(()),
            replica => self.put_once(&self.events, self.tombstone(scope, replica, seq)).await,
        }
    }

    fn tombstone(&self, scope: &Scope, replica: usize, seq: u64) -> Item {
        let now = self.clock.now();
        Item::new(keys::log(scope, replica), keys::seq(seq))
            .with("seq", number(seq))
            .with("written", millis(now))
            .expiring(now.plus(DEDUP_TTL))
    }

    /// Returns the replica of a scope that this process reads.
    fn replica(&self, scope: &Scope) -> usize {
        if *scope == Scope::Global { self.replicas.read } else { 0 }
    }
}
