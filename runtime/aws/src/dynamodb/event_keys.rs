//! Topics: a list of those that have events, and the events of each, newest at the end.

use super::{
    DynamoStore, error,
    item::{Item, key_text, text},
    log::{logged, place, scope_name},
};
use mcp_lambda_core::{
    error::StoreError,
    events::{EventKey, LoggedEvent, Scope},
    time::Timestamp,
};

/// The partition of a scope's list.
fn list_key(scope: &Scope) -> String {
    match scope {
        Scope::Global => "TOPICS".into(),
        own => format!("TOPICS#{}", scope_name(own)),
    }
}

fn topic_key(scope: &Scope, key: &EventKey) -> String {
    let name = key_text(&key.uri());
    match scope {
        Scope::Global => format!("TOPIC#{name}"),
        own => format!("TOPIC#{}#{name}", scope_name(own)),
    }
}

/// What is to be written for the topic of an event.
pub(super) struct Listed {
    key: String,
    /// It is not in the list, or not for much longer.
    pub(super) entry: Option<Item>,
    /// It was not in the list.
    pub(super) is_new: bool,
}

impl Listed {
    /// An event as it is kept under its topic.
    pub(super) fn copy(&self, item: Item) -> Item {
        item.with("pk", text(self.key.as_str()))
    }
}

impl DynamoStore {
    /// PollSchedule a topic up in the list, and prepares its entry if it has none that outlives the event.
    pub(super) async fn listed(
        &self,
        scope: &Scope,
        key: Option<EventKey>,
        until: Timestamp,
    ) -> Result<Option<Listed>, StoreError> {
        let Some(key) = key else { return Ok(None) };
        let now = self.clock.now();
        let found = self.get(&self.events, &list_key(scope), &key_text(&key.uri())).await?;
        let listed_until = found.as_ref().map_or(Ok(0), |item| item.number_or("expires", 0))?;
        let entry = (listed_until < until.0).then(|| {
            // Twice as long as needed, so that a busy topic is written once in an event's life.
            let life = std::time::Duration::from_millis(until.0.saturating_sub(now.0));
            Item::new(list_key(scope), key_text(&key.uri()))
                .with("source", text(key.source()))
                .with("kind", text(key.kind()))
                .expiring(until.plus(life))
        });
        Ok(Some(Listed { key: topic_key(scope, &key), entry, is_new: listed_until <= now.0 }))
    }

    pub(super) async fn listed_topics(
        &self,
        scope: &Scope,
        after: Option<&EventKey>,
        limit: usize,
    ) -> Result<Vec<EventKey>, StoreError> {
        let mut event_keys = Vec::new();
        let mut after = after.map_or_else(|| " ".to_owned(), |key| key_text(&key.uri()));
        loop {
            let page = self
                .client()
                .await?
                .query()
                .table_name(&*self.events)
                .key_condition_expression("pk = :pk AND sk > :after")
                .expression_attribute_values(":pk", text(list_key(scope)))
                .expression_attribute_values(":after", text(after.as_str()))
                .consistent_read(true)
                .send()
                .await
                .map_err(|error| error::failed("Query", &self.events, &error))?;
            for item in page.items.unwrap_or_default().into_iter().map(Item) {
                item.text("sk")?.clone_into(&mut after);
                if event_keys.len() < limit && item.lives(self.clock.now())? {
                    event_keys.push(EventKey::new(item.text("source")?, item.text("kind")?));
                }
            }
            let is_over = page.last_evaluated_key.is_none_or(|key| key.is_empty());
            if is_over || event_keys.len() >= limit {
                return Ok(event_keys);
            }
        }
    }

    pub(super) async fn newest_of(
        &self,
        scope: &Scope,
        key: &EventKey,
        limit: usize,
    ) -> Result<Vec<LoggedEvent>, StoreError> {
        let limit = i32::try_from(limit).unwrap_or(i32::MAX);
        let items = self.last_places(&topic_key(scope, key), limit).await?;
        let now = self.clock.now();
        items.iter().filter_map(|item| logged(item, now).transpose()).collect()
    }

    /// The last items of a partition whose sort keys are places, last first, as they were last written.
    pub(super) async fn last_places(&self, pk: &str, limit: i32) -> Result<Vec<Item>, StoreError> {
        let page = self
            .client()
            .await?
            .query()
            .table_name(&*self.events)
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND sk >= :first")
            .expression_attribute_values(":pk", text(pk))
            .expression_attribute_values(":first", text(place(0)))
            .scan_index_forward(false)
            .limit(limit)
            .send()
            .await
            .map_err(|error| error::failed("Query", &self.events, &error))?;
        Ok(page.items.unwrap_or_default().into_iter().map(Item).collect())
    }
}
