//! The event log: a counter a scope gives out places, an item a place holds the event.
//!
//! A writer that dies between the two leaves a hole. A reader waits for a hole to be filled while its writer could
//! still be at work, then goes on without it; the source delivers again, and the event gets another place.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::types::{Put, ReturnValue, TransactWriteItem};

use super::{
    DynamoStore, error,
    item::{Item, fits, key_text, number, text},
    transact::built,
};
use crate::{
    clock::Timestamp,
    error::StoreError,
    events::{Appended, EventLog, LoggedEvent, NewEvent, Scope},
};

/// How long a writer may take from its place to its event.
const PATIENCE: Duration = Duration::from_secs(2);

fn scope_name(scope: &Scope) -> String {
    match scope {
        Scope::Global => "global".into(),
        Scope::Session(id) => format!("session#{id}"),
    }
}

fn log_key(scope: &Scope) -> String {
    format!("LOG#{}", scope_name(scope))
}

fn head_key(scope: &Scope) -> String {
    format!("HEAD#{}", scope_name(scope))
}

fn seen_key(scope: &Scope, source_id: &str) -> String {
    format!("SEEN#{}#{}", scope_name(scope), key_text(source_id))
}

#[async_trait]
impl EventLog for DynamoStore {
    async fn append(&self, scope: &Scope, event: &NewEvent) -> Result<Appended, StoreError> {
        let json = serde_json::to_string(&event.event)
            .map_err(|error| StoreError::Corrupt(format!("an event cannot be encoded: {error}")))?;
        fits(&json)?;
        if let Some(source_id) = &event.source_id
            && let Some(seq) = self.seen(scope, source_id).await?
        {
            return Ok(Appended::Already(seq));
        }
        let seq = self.next_place(scope).await?;
        let item = Item::new(log_key(scope), format!("{seq:020}"))
            .with("seq", number(seq))
            .with("event", text(json))
            .with("at", number(event.at.0))
            .with("written", number(self.clock.now().0))
            .expiring(event.expires_at);
        match &event.source_id {
            None => self.put_once(item).await.map(|()| Appended::At(seq)),
            Some(source_id) => self.append_once(scope, source_id, seq, item, event.expires_at).await,
        }
    }

    async fn heads(&self, scopes: &[Scope]) -> Result<Vec<u64>, StoreError> {
        let keys: Vec<_> = scopes.iter().map(head_key).collect();
        let found = self.get_many(&self.events, &keys, "HEAD").await?;
        keys.iter().map(|key| found.get(key).map_or(Ok(0), |item| item.number("v"))).collect()
    }

    async fn read(&self, scope: &Scope, after: u64, limit: usize) -> Result<Vec<LoggedEvent>, StoreError> {
        let now = self.clock.now();
        let (mut events, mut last) = (Vec::new(), after);
        // More than one page when places were left empty: a short answer would look like the end of the log.
        loop {
            let page = self
                .client
                .query()
                .table_name(&*self.events)
                .consistent_read(true)
                .key_condition_expression("pk = :pk AND sk > :after")
                .expression_attribute_values(":pk", text(log_key(scope)))
                .expression_attribute_values(":after", text(format!("{last:020}")))
                .limit(i32::try_from(limit - events.len()).unwrap_or(i32::MAX))
                .send()
                .await
                .map_err(|error| error::failed("Query", &self.events, &error))?;
            let more = page.last_evaluated_key.is_some_and(|key| !key.is_empty());
            for item in page.items.unwrap_or_default().into_iter().map(Item) {
                let seq = item.number("seq")?;
                // What follows a hole is younger than the hole: once it is old enough, so is the hole.
                if seq != last + 1 && Timestamp(item.number("written")?).plus(PATIENCE) > now {
                    return Ok(events);
                }
                last = seq;
                if item.lives(now)? && item.0.contains_key("event") {
                    let event = serde_json::from_str(item.text("event")?)
                        .map_err(|_| item.corrupt("event", "an event"))?;
                    events.push(LoggedEvent { seq, event, at: Timestamp(item.number("at")?) });
                }
            }
            if !more || events.len() >= limit {
                return Ok(events);
            }
        }
    }
}

impl DynamoStore {
    async fn seen(&self, scope: &Scope, source_id: &str) -> Result<Option<u64>, StoreError> {
        match self.get(&self.events, &seen_key(scope, source_id), "SEEN").await? {
            Some(item) if item.lives(self.clock.now())? => item.number("seq").map(Some),
            _ => Ok(None),
        }
    }

    async fn next_place(&self, scope: &Scope) -> Result<u64, StoreError> {
        let moved = self
            .client
            .update_item()
            .table_name(&*self.events)
            .key("pk", text(head_key(scope)))
            .key("sk", text("HEAD"))
            .update_expression("SET moved = :now ADD v :one")
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":now", number(self.clock.now().0))
            .return_values(ReturnValue::UpdatedNew)
            .send()
            .await
            .map_err(|error| error::failed("UpdateItem", &self.events, &error))?;
        moved
            .attributes
            .map(Item)
            .ok_or_else(|| StoreError::Corrupt(format!("{} has no place", head_key(scope))))?
            .number("v")
    }

    /// The event and the note that it is here, both or neither.
    async fn append_once(
        &self,
        scope: &Scope,
        source_id: &str,
        seq: u64,
        item: Item,
        expires_at: Timestamp,
    ) -> Result<Appended, StoreError> {
        let note =
            Item::new(seen_key(scope, source_id), "SEEN").with("seq", number(seq)).expiring(expires_at);
        let note = Put::builder()
            .table_name(&*self.events)
            .set_item(Some(note.0))
            .condition_expression("attribute_not_exists(pk) OR expires <= :now")
            .expression_attribute_values(":now", number(self.clock.now().0))
            .build()
            .map_err(built)?;
        let event = Put::builder().table_name(&*self.events).set_item(Some(item.0)).build().map_err(built)?;
        let writes = vec![
            TransactWriteItem::builder().put(note).build(),
            TransactWriteItem::builder().put(event).build(),
        ];
        match self.transact(&self.events, writes).await {
            Ok(()) => Ok(Appended::At(seq)),
            Err(StoreError::Conflict) => {
                // Our place stays empty, and says so: nobody has to wait for it.
                let void = Item::new(log_key(scope), format!("{seq:020}"))
                    .with("seq", number(seq))
                    .with("written", number(self.clock.now().0));
                self.put_once(void.expiring(expires_at)).await?;
                let first = self.seen(scope, source_id).await?;
                first.map(Appended::Already).ok_or(StoreError::Conflict)
            }
            Err(error) => Err(error),
        }
    }
}
