//! Event keys: a list of those that have events, and the events of each.

use std::time::Duration;

use super::{
    DynamoStore, error,
    item::{Item, text},
    keys,
};
use mcp_lambda_core::{
    error::StoreError,
    events::{EventKey, NewestEvents, NewestLimits, Scope},
    time::Timestamp,
};

/// What the append of an event writes for its key.
pub(super) struct EventKeyEntry {
    /// Partition of the events of the key.
    pk: String,
    /// Item of the list of keys. `None` if the list has one that outlives the event.
    pub(super) listing: Option<Item>,
    /// Whether the key is not listed.
    pub(super) is_first: bool,
}

impl EventKeyEntry {
    /// Returns the item of an event in the partition of its key.
    pub(super) fn event_item(&self, item: Item) -> Item {
        item.with("pk", text(self.pk.as_str()))
    }
}

impl DynamoStore {
    /// Reads the list entry of a key, and prepares a new one if there is none that outlives the event.
    pub(super) async fn event_key_entry(
        &self,
        scope: &Scope,
        key: Option<EventKey>,
        expires_at: Timestamp,
    ) -> Result<Option<EventKeyEntry>, StoreError> {
        let Some(key) = key else { return Ok(None) };
        let now = self.clock.now();
        let (pk, sk) = (keys::event_keys(scope), keys::listed_event_key(&key));
        let found = self.get(&self.events, &pk, &sk).await?;
        let listed_until = found.as_ref().map_or(Ok(0), |item| item.number_or("expires", 0))?;
        let listed_until = Timestamp::from_millis(listed_until);
        let listing = (listed_until < expires_at).then(|| {
            // Twice as long as needed, so that the entry of a busy key is written once in the lifetime of an event.
            let ttl = Duration::from_millis(expires_at.as_millis().saturating_sub(now.as_millis()));
            Item::new(pk, sk)
                .with("source", text(key.source()))
                .with("kind", text(key.kind()))
                .expiring(expires_at.plus(ttl))
        });
        Ok(Some(EventKeyEntry { pk: keys::event_key(scope, &key), listing, is_first: listed_until <= now }))
    }

    pub(super) async fn list_event_keys(
        &self,
        scope: &Scope,
        after: Option<&EventKey>,
        limit: usize,
    ) -> Result<Vec<EventKey>, StoreError> {
        let mut event_keys = Vec::new();
        let mut after = after.map_or_else(|| " ".to_owned(), keys::listed_event_key);
        loop {
            let page = self
                .client()
                .await?
                .query()
                .table_name(&*self.events)
                .key_condition_expression("pk = :pk AND sk > :after")
                .expression_attribute_values(":pk", text(keys::event_keys(scope)))
                .expression_attribute_values(":after", text(after.as_str()))
                .consistent_read(true)
                .send()
                .await
                .map_err(|error| error::failed("Query", &self.events, &error))?;
            for item in page.items.unwrap_or_default().into_iter().map(Item) {
                item.text("sk")?.clone_into(&mut after);
                if event_keys.len() < limit && item.is_live(self.clock.now())? {
                    event_keys.push(EventKey::new(item.text("source")?, item.text("kind")?));
                }
            }
            let is_over = page.last_evaluated_key.is_none_or(|key| key.is_empty());
            if is_over || event_keys.len() >= limit {
                return Ok(event_keys);
            }
        }
    }

    /// Reads page by page: one has at most 1 MB, which a few large events fill.
    pub(super) async fn newest_of(
        &self,
        scope: &Scope,
        key: &EventKey,
        limits: NewestLimits,
    ) -> Result<NewestEvents, StoreError> {
        let (pk, now) = (keys::event_key(scope, key), self.clock.now());
        let (mut newest, mut start) = (NewestEvents::default(), None);
        loop {
            // One more than wanted tells whether there are older ones.
            let wanted = limits.events.saturating_sub(newest.events.len()).saturating_add(1);
            let wanted = i32::try_from(wanted).unwrap_or(i32::MAX);
            let (items, next) = self.last_items_before(&pk, wanted, start).await?;
            let mut has_live = false;
            for item in &items {
                let Some(event) = item.event(now)? else { continue };
                has_live = true;
                if !newest.push(&limits, event, item.text("event")?.len()) {
                    return Ok(newest);
                }
            }
            match next {
                // Events expire in the order of their age: what is older than a page without a live one has expired too.
                Some(next) if has_live => start = Some(next),
                _ => return Ok(newest),
            }
        }
    }
}
