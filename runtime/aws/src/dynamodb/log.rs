//! The event log: a counter a scope gives out places, an item a place holds the event.
//!
//! A writer that dies between the two leaves a hole. A reader stops at a hole; when it has waited for longer than a
//! writer takes it closes the hole with an empty item, which the writer, should it live after all, cannot overwrite: it
//! takes another place. So nothing ever appears before what somebody has read.
//!
//! One partition answers some 6,000 polls a second. Where more processes listen, everybody's scope is written in several
//! copies, each its own partition, in the same transaction; a process polls one of them.

use std::{collections::BTreeSet, time::Duration};

use async_trait::async_trait;
use aws_sdk_dynamodb::types::ReturnValue;
use futures::future::{try_join, try_join_all};

use super::{
    DynamoStore, error,
    item::{Item, digest, fits, key_text, number, text},
    read::Reading,
    write::Written,
};
use mcp_lambda_core::{
    error::StoreError,
    events::{Appended, EventKey, EventLog, LoggedEvent, NewEvent, Scope, ScopeEnd},
    random,
    time::Timestamp,
};

/// No writer is still at work on a place that is older: its calls have run into their time limits.
const LONG_AGO: Duration = Duration::from_secs(15);
/// How long a source's id is remembered at least: longer than any source delivers again.
const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);
/// A scope of a session or a caller that was silent for so long begins anew: no event of it is left, and no stream.
const OWN_SCOPE: Duration = Duration::from_secs(31 * 24 * 60 * 60);
/// Places a writer takes before it gives up: readers close only what took seconds.
const TRIES: u32 = 4;
/// Places looked at when the end of a scope is asked for: more than writers are ever at work on at once.
const AT_WORK: i32 = 200;
/// Places closed, or looked at, in one go.
const PAGE: i32 = 100;

pub(super) fn scope_name(scope: &Scope) -> String {
    match scope {
        Scope::Global => "global".into(),
        Scope::Session(id) => format!("session#{id}"),
        // By its digest: a key may hold any text, and what follows it in other keys must stay apart from it.
        Scope::Principal(principal) => format!("owner#{}", digest(principal.key())),
    }
}

/// The partition of a copy of a scope's log; copy 0 is the one that decides.
pub(super) fn log_key(scope: &Scope, copy: usize) -> String {
    match copy {
        0 => format!("LOG#{}", scope_name(scope)),
        copy => format!("LOG#{}#{copy}", scope_name(scope)),
    }
}

fn head_key(scope: &Scope) -> String {
    format!("HEAD#{}", scope_name(scope))
}

fn seen_key(scope: &Scope, source_id: &str) -> String {
    format!("SEEN#{}#{}", scope_name(scope), key_text(source_id))
}

pub(super) fn place(seq: u64) -> String {
    format!("{seq:020}")
}

#[async_trait]
impl EventLog for DynamoStore {
    async fn append(&self, scope: &Scope, event: &NewEvent) -> Result<Appended, StoreError> {
        let key = event.event.key().filter(|_| scope.has_event_keys());
        let seen = self.seen(scope, event.source_id.as_deref());
        let (seen, listed) = try_join(seen, self.listed(scope, key, event.expires_at)).await?;
        if let Some(seq) = seen {
            return Ok(Appended::Already(seq));
        }
        let mut stored = event.event.clone();
        if let (mcp_lambda_core::events::Event::Global { is_first, .. }, Some(listed)) =
            (&mut stored, &listed)
        {
            *is_first = listed.is_new;
        }
        let json = serde_json::to_string(&stored)
            .map_err(|error| StoreError::Corrupt(format!("an event cannot be encoded: {error}")))?;
        fits(&json)?;
        for _ in 0..TRIES {
            let seq = self.next_place(scope).await?;
            let item = Item::new(log_key(scope, 0), place(seq))
                .with("seq", number(seq))
                .with("event", text(json.as_str()))
                .with("at", number(event.at.0))
                .with("written", number(self.clock.now().0))
                .with("writer", text(random::token()))
                .expiring(event.expires_at);
            let note = event.source_id.as_ref().map(|source_id| {
                let until = event.expires_at.max(self.clock.now().plus(REMEMBERED));
                Item::new(seen_key(scope, source_id), "SEEN").with("seq", number(seq)).expiring(until)
            });
            match self.write(scope, item, note, listed.as_ref()).await? {
                Written::Here => return Ok(Appended::At(seq)),
                Written::Seen => {
                    // Our place stays empty, and says so: nobody has to wait for it.
                    self.close(scope, seq).await?;
                    let first = self.seen(scope, event.source_id.as_deref()).await?;
                    return first.map(Appended::Already).ok_or(StoreError::Conflict);
                }
                Written::Closed => {}
                // Somebody else's transaction touched an item of ours. Whatever it was, this place is not used.
                Written::Collided => self.close(scope, seq).await?,
            }
        }
        Err(StoreError::Conflict)
    }

    async fn heads(&self, scopes: &[Scope]) -> Result<Vec<u64>, StoreError> {
        match scopes {
            [] => Ok(Vec::new()),
            [one] => Ok(vec![self.poll(one).await?]),
            many => self.polls(many).await,
        }
    }

    async fn ends(&self, scopes: &[Scope]) -> Result<Vec<ScopeEnd>, StoreError> {
        let keys: Vec<_> = scopes.iter().map(head_key).collect();
        let heads = self.get_many(&self.events, &keys, "HEAD", Reading::Consistent).await?;
        try_join_all(scopes.iter().zip(&keys).map(|(scope, key)| self.end_of(scope, heads.get(key)))).await
    }

    async fn read(&self, scope: &Scope, after: u64, limit: usize) -> Result<Vec<LoggedEvent>, StoreError> {
        let now = self.clock.now();
        let limit = i32::try_from(limit).unwrap_or(i32::MAX);
        let mut events = Vec::new();
        let mut last = after;
        for item in self.places(scope, self.copy(scope), after, limit).await? {
            let seq = item.number("seq")?;
            if seq != last + 1 && !self.is_long_ago(&item)? {
                break;
            }
            last = seq;
            events.extend(logged(&item, now)?);
        }
        Ok(events)
    }

    async fn settle(&self, scope: &Scope, after: u64) -> Result<u64, StoreError> {
        let now = self.clock.now();
        let mut last_stable = after;
        for item in self.places(scope, 0, after, PAGE).await? {
            let seq = item.number("seq")?;
            if seq != last_stable + 1
                && !self.is_long_ago(&item)?
                && !self.close_up_to(scope, last_stable, seq).await?
            {
                return Ok(last_stable);
            }
            if logged(&item, now)?.is_some() {
                return Ok(seq - 1);
            }
            // A copy may have missed that this place is empty.
            self.copy_void(scope, seq).await?;
            last_stable = seq;
        }
        let item = self.get(&self.events, &head_key(scope), "HEAD").await?;
        let head = item.map_or(Ok(0), |item| item.number("v"))?;
        if head > last_stable && self.close_up_to(scope, last_stable, head + 1).await? {
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
        self.listed_topics(scope, after, limit).await
    }

    async fn newest(
        &self,
        scope: &Scope,
        key: &EventKey,
        limit: usize,
    ) -> Result<Vec<LoggedEvent>, StoreError> {
        self.newest_of(scope, key, limit).await
    }
}

/// The event at a place, if there is one that still lives.
pub(super) fn logged(item: &Item, now: Timestamp) -> Result<Option<LoggedEvent>, StoreError> {
    if !item.0.contains_key("event") || !item.lives(now)? {
        return Ok(None);
    }
    let event = serde_json::from_str(item.text("event")?).map_err(|_| item.corrupt("event", "an event"))?;
    Ok(Some(LoggedEvent { seq: item.number("seq")?, event, at: Timestamp(item.number("at")?) }))
}

impl DynamoStore {
    /// What follows a hole is younger than the hole: once it is old enough, so is the hole.
    fn is_long_ago(&self, item: &Item) -> Result<bool, StoreError> {
        Ok(Timestamp(item.number("written")?).plus(LONG_AGO) <= self.clock.now())
    }

    async fn seen(&self, scope: &Scope, source_id: Option<&str>) -> Result<Option<u64>, StoreError> {
        let Some(source_id) = source_id else { return Ok(None) };
        match self.get(&self.events, &seen_key(scope, source_id), "SEEN").await? {
            Some(item) if item.lives(self.clock.now())? => item.number("seq").map(Some),
            _ => Ok(None),
        }
    }

    async fn next_place(&self, scope: &Scope) -> Result<u64, StoreError> {
        let now = self.clock.now();
        let mut update = self
            .client()
            .await?
            .update_item()
            .table_name(&*self.events)
            .key("pk", text(head_key(scope)))
            .key("sk", text("HEAD"))
            .update_expression("SET moved = :now ADD v :one")
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":now", number(now.0))
            .return_values(ReturnValue::UpdatedNew);
        if *scope != Scope::Global {
            update = update
                .update_expression("SET moved = :now, #ttl = :ttl ADD v :one")
                .expression_attribute_names("#ttl", "ttl")
                .expression_attribute_values(":ttl", number(now.plus(OWN_SCOPE).epoch_seconds()));
        }
        let moved = update.send().await.map_err(|error| error::failed("UpdateItem", &self.events, &error))?;
        moved
            .attributes
            .map(Item)
            .ok_or_else(|| StoreError::Corrupt(format!("{} has no place", head_key(scope))))?
            .number("v")
    }

    async fn end_of(&self, scope: &Scope, head: Option<&Item>) -> Result<ScopeEnd, StoreError> {
        let Some(item) = head else { return Ok(ScopeEnd { head: 0, last_stable: 0 }) };
        let (head, moved) = (item.number("v")?, Timestamp(item.number("moved")?));
        let mut end = ScopeEnd { head, last_stable: head };
        if moved.plus(LONG_AGO) <= self.clock.now() {
            return Ok(end);
        }
        // Backwards from the head: the lowest hole that a writer may be at work on is where we begin.
        let mut expected = head;
        let items = self.last_places(&log_key(scope, 0), AT_WORK).await?;
        let is_all = items.len() < AT_WORK as usize;
        for item in items {
            let seq = item.number("seq")?;
            // Written after the head was read.
            if seq > expected {
                continue;
            }
            if seq < expected {
                end.last_stable = seq;
            }
            if self.is_long_ago(&item)? {
                return Ok(end);
            }
            expected = seq.saturating_sub(1);
        }
        // All there is is young, and does not begin with the first place: that may still be written.
        if is_all && expected > 0 {
            end.last_stable = 0;
        }
        Ok(end)
    }

    /// Whether a scope has moved, for half a read unit.
    async fn poll(&self, scope: &Scope) -> Result<u64, StoreError> {
        match self.copy(scope) {
            0 => {
                let found = self
                    .client()
                    .await?
                    .get_item()
                    .table_name(&*self.events)
                    .key("pk", text(head_key(scope)))
                    .key("sk", text("HEAD"))
                    .send()
                    .await
                    .map_err(|error| error::failed("GetItem", &self.events, &error))?;
                found.item.map_or(Ok(0), |item| Item(item).number("v"))
            }
            copy => {
                let last = self
                    .client()
                    .await?
                    .query()
                    .table_name(&*self.events)
                    .key_condition_expression("pk = :pk")
                    .expression_attribute_values(":pk", text(log_key(scope, copy)))
                    .scan_index_forward(false)
                    .limit(1)
                    .send()
                    .await
                    .map_err(|error| error::failed("Query", &self.events, &error))?;
                last.items.unwrap_or_default().pop().map_or(Ok(0), |item| Item(item).number("seq"))
            }
        }
    }

    /// The same for several scopes, in one request for each hundred.
    async fn polls(&self, scopes: &[Scope]) -> Result<Vec<u64>, StoreError> {
        let of_heads: BTreeSet<_> =
            scopes.iter().filter(|scope| self.copy(scope) == 0).map(head_key).collect();
        let heads = self.get_many(&self.events, &Vec::from_iter(of_heads), "HEAD", Reading::Eventual).await?;
        let mut polled = Vec::with_capacity(scopes.len());
        for scope in scopes {
            polled.push(match self.copy(scope) {
                0 => heads.get(&head_key(scope)).map_or(Ok(0), |item| item.number("v"))?,
                _ => self.poll(scope).await?,
            });
        }
        Ok(polled)
    }

    /// The items after a place, as they were last written.
    async fn places(
        &self,
        scope: &Scope,
        copy: usize,
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
            .expression_attribute_values(":pk", text(log_key(scope, copy)))
            .expression_attribute_values(":after", text(place(after)))
            .limit(limit)
            .send()
            .await
            .map_err(|error| error::failed("Query", &self.events, &error))?;
        Ok(page.items.unwrap_or_default().into_iter().map(Item).collect())
    }

    /// Closes the places between two. `false` when one of them has been written after all.
    async fn close_up_to(&self, scope: &Scope, after: u64, before: u64) -> Result<bool, StoreError> {
        for seq in (after + 1..before).take(PAGE as usize) {
            tracing::warn!(
                scope = scope_name(scope),
                seq,
                "a place of the event log was given up: its writer has died"
            );
            self.close(scope, seq).await?;
            let found = self.get(&self.events, &log_key(scope, 0), &place(seq)).await?;
            if found.is_some_and(|item| item.0.contains_key("event")) {
                return Ok(false);
            }
            self.copy_void(scope, seq).await?;
        }
        Ok(true)
    }

    /// Closes a place, unless it is taken.
    async fn close(&self, scope: &Scope, seq: u64) -> Result<(), StoreError> {
        self.put_once(self.void(scope, 0, seq)).await
    }

    async fn copy_void(&self, scope: &Scope, seq: u64) -> Result<(), StoreError> {
        match self.copy(scope) {
            0 => Ok(()),
            copy => self.put_once(self.void(scope, copy, seq)).await,
        }
    }

    fn void(&self, scope: &Scope, copy: usize, seq: u64) -> Item {
        let now = self.clock.now();
        Item::new(log_key(scope, copy), place(seq))
            .with("seq", number(seq))
            .with("written", number(now.0))
            .expiring(now.plus(REMEMBERED))
    }

    /// The copy of a scope that this process reads.
    pub(super) fn copy(&self, scope: &Scope) -> usize {
        if *scope == Scope::Global { self.fanout.copy } else { 0 }
    }
}
