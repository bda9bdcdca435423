//! Sessions and their resource subscriptions.

// SEP-2577 deprecates logging; clients of the session era use it until it is gone.
#![allow(deprecated)]

use async_trait::async_trait;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use rmcp::model::LoggingLevel;
use serde_json::Value;

use super::{
    DynamoStore, error,
    item::{Item, millis, number, text},
    keys,
    read::Consistency,
    write::{IS_GONE, IS_LIVE},
};
use mcp_lambda_core::{
    auth::Principal,
    error::StoreError,
    protocol::SessionVersion,
    session::{SessionClient, SessionId, SessionRecord, SessionStore},
    stream::{LogCursor, StreamId},
    time::Timestamp,
};

/// Sessions that a list reads in one request.
const PAGE: usize = 25;

fn level_text(level: LoggingLevel) -> String {
    serde_json::to_value(level).ok().and_then(|level| level.as_str().map(str::to_owned)).unwrap_or_default()
}

/// Returns the item of a session.
fn meta(record: &SessionRecord) -> Item {
    let mut item = Item::new(keys::session(&record.id), keys::META)
        .with("owner", text(record.owner.key()))
        .with("version", text(record.version.as_str()))
        .with("initialize", text(record.client.to_json()))
        .with("created", millis(record.created_at))
        .expiring(record.expires_at);
    if let Some(level) = record.log_level {
        item = item.with("level", text(level_text(level)));
    }
    item
}

/// Parses the item of a session.
fn record(id: &SessionId, item: &Item) -> Result<SessionRecord, StoreError> {
    let log_level = match item.0.get("level") {
        Some(_) => serde_json::from_value(Value::String(item.text("level")?.to_owned())).ok(),
        None => None,
    };
    let listener = match item.0.get("listener") {
        Some(_) => item.text("listener")?.parse().ok(),
        None => None,
    };
    let mut record = SessionRecord::new(
        id.clone(),
        Principal::from_key(item.text("owner")?),
        SessionVersion::parse(item.text("version")?)
            .ok_or_else(|| item.corrupt("version", "a protocol version"))?,
        SessionClient::from_json(item.text("initialize")?).unwrap_or_default(),
        item.time("created")?,
        item.time("expires")?,
    );
    record.log_level = log_level;
    record.listener = listener;
    record.heard_from = match item.0.get("heard_from") {
        Some(_) => {
            let text = item.text("heard_from")?;
            Some(text.parse().map_err(|_| item.corrupt("heard_from", "a position"))?)
        }
        None => None,
    };
    Ok(record)
}

#[async_trait]
impl SessionStore for DynamoStore {
    async fn create(&self, session: &SessionRecord) -> Result<(), StoreError> {
        let listing = Item::new(keys::owner(&session.owner), keys::listing(session))
            .with("session", text(session.id.as_str()))
            .expiring(session.expires_at);
        // Both items or none, in one round trip.
        self.transact(&self.state, vec![self.put_if(meta(session), IS_GONE)?, self.put(listing)?]).await
    }

    async fn load(&self, id: &SessionId) -> Result<Option<SessionRecord>, StoreError> {
        match self.get(&self.state, &keys::session(id), keys::META).await? {
            Some(item) if item.is_live(self.clock.now())? => record(id, &item).map(Some),
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

    async fn claim(
        &self,
        id: &SessionId,
        owner: &Principal,
        listener: &StreamId,
        heard_from: Option<&LogCursor>,
    ) -> Result<Option<SessionRecord>, StoreError> {
        let mut update = "SET listener = :listener".to_owned();
        if heard_from.is_some() {
            update += ", heard_from = if_not_exists(heard_from, :heard_from)";
        }
        let mut request = self
            .client()
            .await?
            .update_item()
            .table_name(&*self.state)
            .key("pk", text(keys::session(id)))
            .key("sk", text(keys::META))
            .update_expression(update)
            .condition_expression(format!("{IS_LIVE} AND #owner = :owner"))
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":listener", text(listener.as_str()))
            .expression_attribute_values(":owner", text(owner.key()))
            .expression_attribute_values(":now", millis(self.clock.now()))
            .return_values(ReturnValue::AllNew);
        if let Some(heard_from) = heard_from {
            request = request.expression_attribute_values(":heard_from", text(heard_from.to_string()));
        }
        match request.send().await {
            Ok(claimed) => claimed.attributes.map(|meta| record(id, &Item(meta))).transpose(),
            Err(error) if error::is_condition_failed(&error) => Ok(None),
            Err(error) => Err(error::failed("UpdateItem", &self.state, &error)),
        }
    }

    async fn pass_on(
        &self,
        id: &SessionId,
        expected: Option<&StreamId>,
        next: Option<&StreamId>,
    ) -> Result<bool, StoreError> {
        let condition = match expected {
            Some(_) => format!("{IS_LIVE} AND listener = :expected"),
            None => format!("{IS_LIVE} AND attribute_not_exists(listener)"),
        };
        let update = if next.is_some() { "SET listener = :next" } else { "REMOVE listener" };
        let mut request = self
            .client()
            .await?
            .update_item()
            .table_name(&*self.state)
            .key("pk", text(keys::session(id)))
            .key("sk", text(keys::META))
            .update_expression(update)
            .condition_expression(condition)
            .expression_attribute_values(":now", millis(self.clock.now()));
        for (name, stream) in [(":expected", expected), (":next", next)] {
            if let Some(stream) = stream {
                request = request.expression_attribute_values(name, text(stream.as_str()));
            }
        }
        match request.send().await {
            Ok(_) => Ok(true),
            Err(error) if error::is_condition_failed(&error) => Ok(false),
            Err(error) => Err(error::failed("UpdateItem", &self.state, &error)),
        }
    }

    async fn touch(&self, id: &SessionId, expires_at: Timestamp) -> Result<(), StoreError> {
        let values = [(":expires", millis(expires_at)), (":ttl", number(expires_at.epoch_seconds() + 1))];
        self.update_meta(id, "SET expires = :expires, #ttl = :ttl", &[("#ttl", "ttl")], &values).await
    }

    /// The first write ends the session. The others remove what belongs to it, and can be repeated.
    async fn end(&self, id: &SessionId) -> Result<(), StoreError> {
        let pk = keys::session(id);
        let deleted = self
            .client()
            .await?
            .delete_item()
            .table_name(&*self.state)
            .key("pk", text(&pk))
            .key("sk", text(keys::META))
            .return_values(ReturnValue::AllOld)
            .send()
            .await
            .map_err(|error| error::failed("DeleteItem", &self.state, &error))?;
        let listing = async {
            let Some(meta) = deleted.attributes.map(Item) else { return Ok(()) };
            let record = record(id, &meta)?;
            let listing = Item::new(keys::owner(&record.owner), keys::listing(&record));
            self.delete_all(&self.state, vec![listing.key()]).await
        };
        let streams = keys::streams(id);
        let (own, streams) =
            (self.delete_partition(&self.state, &pk), self.delete_partition(&self.events, &streams));
        futures::try_join!(listing, own, streams).map(drop)
    }

    async fn list(&self, owner: &Principal, limit: usize) -> Result<Vec<SessionRecord>, StoreError> {
        let mut listed = self.query(&self.state, &keys::owner(owner), keys::SESSIONS).await?;
        listed.reverse();
        let mut records = Vec::new();
        for page in listed.chunks(PAGE) {
            let ids = page.iter().map(|item| Ok(item.text("session")?.to_owned()));
            let ids = ids.collect::<Result<Vec<_>, StoreError>>()?;
            let pks: Vec<_> = ids.iter().map(|id| keys::session_named(id)).collect();
            let mut found = self.get_many(&self.state, &pks, keys::META, Consistency::Strong).await?;
            for (id, pk) in ids.iter().zip(pks) {
                let Some((id, item)) = id.parse::<SessionId>().ok().zip(found.remove(&pk)) else { continue };
                if records.len() == limit {
                    return Ok(records);
                }
                if item.is_live(self.clock.now())? {
                    records.push(record(&id, &item)?);
                }
            }
        }
        Ok(records)
    }

    async fn subscribe(&self, id: &SessionId, uri: &str, limit: usize) -> Result<(), StoreError> {
        self.add_subscription(id, uri, limit).await
    }

    async fn unsubscribe(&self, id: &SessionId, uri: &str) -> Result<(), StoreError> {
        self.remove_subscription(id, uri).await
    }

    async fn subscriptions(&self, id: &SessionId) -> Result<Vec<String>, StoreError> {
        if self.load(id).await?.is_none() {
            return Err(StoreError::NotFound);
        }
        let items = self.query(&self.state, &keys::session(id), keys::SUBSCRIPTIONS).await?;
        items.iter().map(|item| Ok(item.text("uri")?.to_owned())).collect()
    }
}

impl DynamoStore {
    /// Updates the item of a live session.
    async fn update_meta(
        &self,
        id: &SessionId,
        update: &str,
        names: &[(&str, &str)],
        values: &[(&str, AttributeValue)],
    ) -> Result<(), StoreError> {
        let mut request = self
            .client()
            .await?
            .update_item()
            .table_name(&*self.state)
            .key("pk", text(keys::session(id)))
            .key("sk", text(keys::META))
            .update_expression(update)
            .condition_expression(IS_LIVE)
            .expression_attribute_values(":now", millis(self.clock.now()));
        for (name, field) in names {
            request = request.expression_attribute_names(*name, *field);
        }
        for (name, value) in values {
            request = request.expression_attribute_values(*name, value.clone());
        }
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if error::is_condition_failed(&error) => Err(StoreError::NotFound),
            Err(error) => Err(error::failed("UpdateItem", &self.state, &error)),
        }
    }

    /// Deletes every item of a partition.
    async fn delete_partition(&self, table: &str, pk: &str) -> Result<(), StoreError> {
        let items = self.partition(table, pk).await?;
        self.delete_all(table, items.iter().map(Item::key).collect()).await
    }
}
