//! Sessions, their state and their subscriptions.

use std::{collections::HashMap, time::Duration};

use async_trait::async_trait;
use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Delete, DeleteRequest, KeysAndAttributes, Put, ReturnValue,
    TransactWriteItem, WriteRequest,
};
use rmcp::model::LoggingLevel;
use serde_json::{Value, value::RawValue};

use super::{
    DynamoStore, error,
    item::{Item, fits, key_text, number, text},
};
use crate::{
    auth::Principal,
    clock::Timestamp,
    error::StoreError,
    protocol::SessionVersion,
    session::{Rev, SessionId, SessionRecord, SessionStore, StateScope, Versioned},
    stream::StreamId,
};

/// An item that is there and has not expired.
const LIVES: &str = "attribute_exists(pk) AND expires > :now";
/// An item that is not there, or has expired.
const GONE: &str = "attribute_not_exists(pk) OR expires <= :now";
/// How long the state of a session stays that expired: longer than any session lives.
const LEFT_BEHIND: Duration = Duration::from_secs(32 * 24 * 60 * 60);
/// Items in one BatchWriteItem or BatchGetItem.
const BATCH: usize = 25;
/// Tries of a batch whose items DynamoDB hands back unprocessed.
const BATCH_TRIES: u32 = 8;

fn session_key(id: &SessionId) -> String {
    format!("SESSION#{id}")
}

fn owner_key(owner: &Principal) -> String {
    format!("OWNER#{}", owner.key())
}

fn listing_key(record: &SessionRecord) -> String {
    format!("SESSION#{:020}#{}", record.created_at.0, record.id)
}

fn scope_key(scope: &StateScope) -> String {
    match scope {
        StateScope::Session(id) => session_key(id),
        // The length keeps "a" + "b#c" and "a#b" + "c" apart.
        StateScope::Handle { owner, handle } => {
            format!("HANDLE#{}#{owner}#{}", owner.len(), key_text(handle))
        }
    }
}

fn state_key(key: &str) -> String {
    format!("STATE#{}", key_text(key))
}

fn subscription_key(uri: &str) -> String {
    format!("SUB#{}", key_text(uri))
}

fn level_text(level: LoggingLevel) -> String {
    serde_json::to_value(level).ok().and_then(|level| level.as_str().map(str::to_owned)).unwrap_or_default()
}

fn meta(record: &SessionRecord) -> Item {
    let mut item = Item::new(session_key(&record.id), "META")
        .with("owner", text(record.owner.key()))
        .with("version", text(record.version.as_str()))
        .with("initialize", text(record.initialize.get()))
        .with("created", number(record.created_at.0))
        .expiring(record.expires_at);
    if let Some(level) = record.log_level {
        item = item.with("level", text(level_text(level)));
    }
    item
}

fn record(id: &SessionId, item: &Item) -> Result<SessionRecord, StoreError> {
    let initialize = RawValue::from_string(item.text("initialize")?.to_owned());
    let log_level = match item.0.get("level") {
        Some(_) => serde_json::from_value(Value::String(item.text("level")?.to_owned())).ok(),
        None => None,
    };
    let listener = match item.0.get("listener") {
        Some(_) => StreamId::parse(item.text("listener")?),
        None => None,
    };
    Ok(SessionRecord {
        id: id.clone(),
        owner: Principal::from_key(item.text("owner")?),
        version: SessionVersion::parse(item.text("version")?)
            .ok_or_else(|| item.corrupt("version", "a revision"))?,
        initialize: initialize.map_err(|_| item.corrupt("initialize", "JSON"))?,
        log_level,
        listener,
        created_at: Timestamp(item.number("created")?),
        expires_at: Timestamp(item.number("expires")?),
    })
}

#[async_trait]
impl SessionStore for DynamoStore {
    async fn create(&self, session: &SessionRecord) -> Result<(), StoreError> {
        fits(session.initialize.get())?;
        let listing = Item::new(owner_key(&session.owner), listing_key(session))
            .with("session", text(session.id.as_str()))
            .expiring(session.expires_at);
        // Both or neither, in one round trip.
        self.transact(vec![self.put_if(meta(session), GONE)?, self.put(listing)?]).await
    }

    async fn load(&self, id: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        match self.get(&self.state, &session_key(id), "META").await? {
            Some(item) if item.lives(self.clock.now())? => record(id, &item).map(Some),
            _ => Ok(None),
        }
    }

    async fn set_log_level(&self, id: &SessionId, level: LoggingLevel) -> Result<(), StoreError> {
        self.update_meta(
            id,
            "SET #field = :value",
            &[("#field", "level")],
            &[(":value", text(level_text(level)))],
        )
        .await
    }

    async fn set_listener(&self, id: &SessionId, listener: &StreamId) -> Result<(), StoreError> {
        self.update_meta(id, "SET listener = :value", &[], &[(":value", text(listener.as_str()))]).await
    }

    async fn touch(&self, id: &SessionId, expires_at: Timestamp) -> Result<(), StoreError> {
        let values = [(":expires", number(expires_at.0)), (":ttl", number(expires_at.epoch_seconds() + 1))];
        self.update_meta(id, "SET expires = :expires, #ttl = :ttl", &[("#ttl", "ttl")], &values).await
    }

    /// The session is over with the first write; the rest only tidies up, and can be done again.
    async fn end(&self, id: &SessionId) -> Result<(), StoreError> {
        let pk = session_key(id);
        let gone = self
            .client
            .delete_item()
            .table_name(&*self.state)
            .key("pk", text(&pk))
            .key("sk", text("META"))
            .return_values(ReturnValue::AllOld)
            .send()
            .await
            .map_err(|error| error::failed("DeleteItem", &self.state, &error))?;
        let mut keys: Vec<_> = self.query(&self.state, &pk, "").await?.iter().map(Item::key).collect();
        if let Some(meta) = gone.attributes.map(Item) {
            let record = record(id, &meta)?;
            keys.push(Item::new(owner_key(&record.owner), listing_key(&record)).key());
        }
        self.delete_all(&self.state, keys).await?;
        let replies = self.query(&self.events, &super::streams::session_key(id), "").await?;
        self.delete_all(&self.events, replies.iter().map(Item::key).collect()).await
    }

    async fn list(&self, owner: &Principal, limit: usize) -> Result<Vec<SessionRecord>, StoreError> {
        let mut listed = self.query(&self.state, &owner_key(owner), "SESSION#").await?;
        listed.reverse();
        let mut records = Vec::new();
        for page in listed.chunks(BATCH) {
            let ids = page
                .iter()
                .map(|item| Ok(item.text("session")?.to_owned()))
                .collect::<Result<Vec<_>, StoreError>>()?;
            let mut found = self.metas(&ids).await?;
            for id in ids {
                let Some((id, item)) =
                    SessionId::parse(&id).and_then(|id| Some((id.clone(), found.remove(id.as_str())?)))
                else {
                    continue;
                };
                if records.len() == limit {
                    return Ok(records);
                }
                if item.lives(self.clock.now())? {
                    records.push(record(&id, &item)?);
                }
            }
        }
        Ok(records)
    }

    async fn subscribe(&self, id: &SessionId, uri: &str) -> Result<(), StoreError> {
        fits(uri)?;
        let item = Item::new(session_key(id), subscription_key(uri)).with("uri", text(uri));
        self.transact(vec![self.session_lives(id)?, self.put(item)?]).await
    }

    async fn unsubscribe(&self, id: &SessionId, uri: &str) -> Result<(), StoreError> {
        let delete = Delete::builder()
            .table_name(&*self.state)
            .key("pk", text(session_key(id)))
            .key("sk", text(subscription_key(uri)))
            .build()
            .map_err(built)?;
        let delete = TransactWriteItem::builder().delete(delete).build();
        self.transact(vec![self.session_lives(id)?, delete]).await
    }

    async fn subscriptions(&self, id: &SessionId) -> Result<Vec<String>, StoreError> {
        if self.load(id).await?.is_none() {
            return Err(StoreError::NotFound);
        }
        let items = self.query(&self.state, &session_key(id), "SUB#").await?;
        items.iter().map(|item| Ok(item.text("uri")?.to_owned())).collect()
    }

    async fn state(&self, scope: &StateScope, key: &str) -> Result<Option<Versioned<Value>>, StoreError> {
        if let StateScope::Session(id) = scope
            && self.load(id).await?.is_none()
        {
            return Err(StoreError::NotFound);
        }
        let Some(item) = self.get(&self.state, &scope_key(scope), &state_key(key)).await? else {
            return Ok(None);
        };
        if !item.lives(self.clock.now())? {
            return Ok(None);
        }
        let value = serde_json::from_str(item.text("value")?).map_err(|_| item.corrupt("value", "JSON"))?;
        Ok(Some(Versioned { value, rev: item.number("rev")? }))
    }

    async fn put_state(
        &self,
        scope: &StateScope,
        key: &str,
        value: &Value,
        expected: Rev,
        expires_at: Timestamp,
    ) -> Result<Rev, StoreError> {
        let value = value.to_string();
        fits(&value)?;
        let rev = expected + 1;
        let item =
            Item::new(scope_key(scope), state_key(key)).with("value", text(value)).with("rev", number(rev));
        let item = match scope {
            // It ends with its session. What a session leaves behind that nobody ended is swept up in time.
            StateScope::Session(_) => {
                item.with("ttl", number(self.clock.now().plus(LEFT_BEHIND).epoch_seconds()))
            }
            StateScope::Handle { .. } => item.expiring(expires_at),
        };
        let put = if expected == 0 { self.put_if(item, GONE)? } else { self.put_at_rev(item, expected)? };
        match scope {
            StateScope::Session(id) => self.transact(vec![self.session_lives(id)?, put]).await?,
            StateScope::Handle { .. } => self.transact(vec![put]).await?,
        }
        Ok(rev)
    }

    async fn remove_state(&self, scope: &StateScope, key: &str) -> Result<(), StoreError> {
        let key = Item::new(scope_key(scope), state_key(key)).key();
        self.delete_all(&self.state, vec![key]).await
    }
}

impl DynamoStore {
    pub(super) async fn get(&self, table: &str, pk: &str, sk: &str) -> Result<Option<Item>, StoreError> {
        let found = self
            .client
            .get_item()
            .table_name(table)
            .consistent_read(true)
            .key("pk", text(pk))
            .key("sk", text(sk))
            .send()
            .await
            .map_err(|error| error::failed("GetItem", table, &error))?;
        Ok(found.item.map(Item))
    }

    async fn metas(&self, ids: &[String]) -> Result<HashMap<String, Item>, StoreError> {
        let mut keys = KeysAndAttributes::builder().consistent_read(true);
        for id in ids {
            keys = keys.keys(Item::new(format!("SESSION#{id}"), "META").0);
        }
        let keys = keys.build().map_err(built)?;
        let mut wanted = Some(HashMap::from([(self.state.to_string(), keys)]));
        let mut found = HashMap::new();
        let mut tries = 0;
        while let Some(request) = wanted.take().filter(|request| !request.is_empty()) {
            tries += 1;
            if tries > BATCH_TRIES {
                return Err(StoreError::Unavailable("BatchGetItem leaves keys unprocessed".into()));
            }
            let got = self.client.batch_get_item().set_request_items(Some(request)).send().await;
            let got = got.map_err(|error| error::failed("BatchGetItem", &self.state, &error))?;
            for item in got.responses.into_iter().flatten().flat_map(|(_, items)| items).map(Item) {
                let id = item.text("pk")?.trim_start_matches("SESSION#").to_owned();
                found.insert(id, item);
            }
            wanted = got.unprocessed_keys;
        }
        Ok(found)
    }

    async fn update_meta(
        &self,
        id: &SessionId,
        update: &str,
        names: &[(&str, &str)],
        values: &[(&str, AttributeValue)],
    ) -> Result<(), StoreError> {
        let mut request = self
            .client
            .update_item()
            .table_name(&*self.state)
            .key("pk", text(session_key(id)))
            .key("sk", text("META"))
            .update_expression(update)
            .condition_expression(LIVES)
            .expression_attribute_values(":now", number(self.clock.now().0));
        for (name, field) in names {
            request = request.expression_attribute_names(*name, *field);
        }
        for (name, value) in values {
            request = request.expression_attribute_values(*name, value.clone());
        }
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error)
                if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) =>
            {
                Err(StoreError::NotFound)
            }
            Err(error) => Err(error::failed("UpdateItem", &self.state, &error)),
        }
    }

    fn put(&self, item: Item) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder().table_name(&*self.state).set_item(Some(item.0)).build().map_err(built)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    fn put_if(&self, item: Item, condition: &str) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder()
            .table_name(&*self.state)
            .set_item(Some(item.0))
            .condition_expression(condition)
            .expression_attribute_values(":now", number(self.clock.now().0))
            .build()
            .map_err(built)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    fn put_at_rev(&self, item: Item, rev: Rev) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder()
            .table_name(&*self.state)
            .set_item(Some(item.0))
            .condition_expression("rev = :rev AND (attribute_not_exists(expires) OR expires > :now)")
            .expression_attribute_values(":rev", number(rev))
            .expression_attribute_values(":now", number(self.clock.now().0))
            .build()
            .map_err(built)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// Guards a write that belongs to a session: always the first of its transaction, so that its failure is told apart.
    fn session_lives(&self, id: &SessionId) -> Result<TransactWriteItem, StoreError> {
        let check = ConditionCheck::builder()
            .table_name(&*self.state)
            .key("pk", text(session_key(id)))
            .key("sk", text("META"))
            .condition_expression(LIVES)
            .expression_attribute_values(":now", number(self.clock.now().0))
            .build()
            .map_err(built)?;
        Ok(TransactWriteItem::builder().condition_check(check).build())
    }

    /// Writes all or nothing. A failed guard is [`StoreError::NotFound`], a failed condition a conflict.
    pub(super) async fn transact(&self, writes: Vec<TransactWriteItem>) -> Result<(), StoreError> {
        let guarded = writes.first().is_some_and(|first| first.condition_check().is_some());
        let sent = self.client.transact_write_items().set_transact_items(Some(writes)).send().await;
        let Err(error) = sent else { return Ok(()) };
        let reasons = match error.as_service_error() {
            Some(service) if service.is_transaction_canceled_exception() => match service {
                aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError::TransactionCanceledException(
                    cancelled,
                ) => cancelled.cancellation_reasons(),
                _ => &[],
            },
            _ => return Err(error::failed("TransactWriteItems", &self.state, &error)),
        };
        let failed = |reason: Option<&aws_sdk_dynamodb::types::CancellationReason>| {
            reason.and_then(|reason| reason.code()) == Some("ConditionalCheckFailed")
        };
        if guarded && failed(reasons.first()) {
            return Err(StoreError::NotFound);
        }
        // A transaction that met another one is a conflict too: the other one won.
        let conflict =
            reasons.iter().any(|reason| failed(Some(reason)) || reason.code() == Some("TransactionConflict"));
        if conflict {
            Err(StoreError::Conflict)
        } else {
            Err(error::failed("TransactWriteItems", &self.state, &error))
        }
    }

    pub(super) async fn delete_all(
        &self,
        table: &str,
        keys: Vec<HashMap<String, AttributeValue>>,
    ) -> Result<(), StoreError> {
        for page in keys.chunks(BATCH) {
            let mut writes = Vec::with_capacity(page.len());
            for key in page {
                let delete = DeleteRequest::builder().set_key(Some(key.clone())).build().map_err(built)?;
                writes.push(WriteRequest::builder().delete_request(delete).build());
            }
            self.write_batch(table, writes).await?;
        }
        Ok(())
    }

    async fn write_batch(&self, table: &str, writes: Vec<WriteRequest>) -> Result<(), StoreError> {
        let mut left = Some(HashMap::from([(table.to_owned(), writes)]));
        for _ in 0..BATCH_TRIES {
            let Some(request) = left.take().filter(|request| !request.is_empty()) else { return Ok(()) };
            let written = self.client.batch_write_item().set_request_items(Some(request)).send().await;
            left = written.map_err(|error| error::failed("BatchWriteItem", table, &error))?.unprocessed_items;
        }
        match left.filter(|left| !left.is_empty()) {
            None => Ok(()),
            Some(_) => Err(StoreError::Unavailable(
                "BatchWriteItem leaves items unprocessed: the table is throttled".into(),
            )),
        }
    }
}

/// A request that the SDK's builder refuses is a mistake of ours.
pub(super) fn built(error: aws_sdk_dynamodb::error::BuildError) -> StoreError {
    StoreError::Unavailable(Box::new(error))
}
