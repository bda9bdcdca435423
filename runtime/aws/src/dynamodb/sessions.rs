//! Sessions, their state and their subscriptions.

// SEP-2577 deprecates logging; clients of the session era use it until it is gone.
#![allow(deprecated)]

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use rmcp::model::LoggingLevel;
use serde_json::{Value, value::RawValue};

use super::{
    DynamoStore, error,
    item::{Item, fits, key_text, number, text},
    read::Reading,
    transact::{GONE, LIVES},
};
use mcp_lambda_core::{
    auth::Principal,
    error::StoreError,
    protocol::SessionVersion,
    session::{Rev, SessionId, SessionRecord, SessionStore, StateScope, Versioned},
    stream::StreamId,
    time::Timestamp,
};

/// How long the state of a session stays that expired: longer than any session lives.
const LEFT_BEHIND: Duration = Duration::from_secs(32 * 24 * 60 * 60);
/// Sessions looked up at a time for a list.
const PAGE: usize = 25;

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
        StateScope::Server => "SERVER".into(),
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
        Some(_) => item.text("listener")?.parse().ok(),
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
        self.transact(&self.state, vec![self.put_if(meta(session), GONE)?, self.put(listing)?]).await
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

    async fn claim(
        &self,
        id: &SessionId,
        owner: &Principal,
        listener: &StreamId,
    ) -> Result<Option<SessionRecord>, StoreError> {
        let claimed = self
            .client()
            .await?
            .update_item()
            .table_name(&*self.state)
            .key("pk", text(session_key(id)))
            .key("sk", text("META"))
            .update_expression("SET listener = :listener")
            .condition_expression(format!("{LIVES} AND #owner = :owner"))
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":listener", text(listener.as_str()))
            .expression_attribute_values(":owner", text(owner.key()))
            .expression_attribute_values(":now", number(self.clock.now().0))
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        match claimed {
            Ok(claimed) => claimed.attributes.map(|meta| record(id, &Item(meta))).transpose(),
            Err(error)
                if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) =>
            {
                Ok(None)
            }
            Err(error) => Err(error::failed("UpdateItem", &self.state, &error)),
        }
    }

    async fn touch(&self, id: &SessionId, expires_at: Timestamp) -> Result<(), StoreError> {
        let values = [(":expires", number(expires_at.0)), (":ttl", number(expires_at.epoch_seconds() + 1))];
        self.update_meta(id, "SET expires = :expires, #ttl = :ttl", &[("#ttl", "ttl")], &values).await
    }

    /// The session is over with the first write; the rest only tidies up, and can be done again.
    async fn end(&self, id: &SessionId) -> Result<(), StoreError> {
        let pk = session_key(id);
        let gone = self
            .client()
            .await?
            .delete_item()
            .table_name(&*self.state)
            .key("pk", text(&pk))
            .key("sk", text("META"))
            .return_values(ReturnValue::AllOld)
            .send()
            .await
            .map_err(|error| error::failed("DeleteItem", &self.state, &error))?;
        let listing = async {
            let Some(meta) = gone.attributes.map(Item) else { return Ok(()) };
            let record = record(id, &meta)?;
            let listing = Item::new(owner_key(&record.owner), listing_key(&record));
            self.delete_all(&self.state, vec![listing.key()]).await
        };
        let replies = super::streams::session_key(id);
        let (own, replies) = (self.empty(&self.state, &pk), self.empty(&self.events, &replies));
        futures::try_join!(listing, own, replies).map(drop)
    }

    async fn list(&self, owner: &Principal, limit: usize) -> Result<Vec<SessionRecord>, StoreError> {
        let mut listed = self.query(&self.state, &owner_key(owner), "SESSION#").await?;
        listed.reverse();
        let mut records = Vec::new();
        for page in listed.chunks(PAGE) {
            let ids = page.iter().map(|item| Ok(item.text("session")?.to_owned()));
            let ids = ids.collect::<Result<Vec<_>, StoreError>>()?;
            let pks: Vec<_> = ids.iter().map(|id| format!("SESSION#{id}")).collect();
            let mut found = self.get_many(&self.state, &pks, "META", Reading::Consistent).await?;
            for (id, pk) in ids.iter().zip(pks) {
                let Some((id, item)) = id.parse::<SessionId>().ok().zip(found.remove(&pk)) else { continue };
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
        self.transact(&self.state, vec![self.session_lives(id)?, self.put(item)?]).await
    }

    async fn unsubscribe(&self, id: &SessionId, uri: &str) -> Result<(), StoreError> {
        let subscription = Item::new(session_key(id), subscription_key(uri));
        self.transact(&self.state, vec![self.session_lives(id)?, self.delete(&subscription)?]).await
    }

    async fn subscriptions(&self, id: &SessionId) -> Result<Vec<String>, StoreError> {
        if self.load(id).await?.is_none() {
            return Err(StoreError::NotFound);
        }
        let items = self.query(&self.state, &session_key(id), "SUB#").await?;
        items.iter().map(|item| Ok(item.text("uri")?.to_owned())).collect()
    }

    async fn state(&self, scope: &StateScope, key: &str) -> Result<Option<Versioned<Value>>, StoreError> {
        let session = async {
            match scope {
                StateScope::Session(id) => self.load(id).await?.map(drop).ok_or(StoreError::NotFound),
                StateScope::Handle { .. } | StateScope::Server => Ok(()),
            }
        };
        let (pk, sk) = (scope_key(scope), state_key(key));
        let ((), found) = futures::try_join!(session, self.get(&self.state, &pk, &sk))?;
        let Some(item) = found else { return Ok(None) };
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
            StateScope::Server => item,
        };
        let put = if expected == 0 { self.put_if(item, GONE)? } else { self.put_at_rev(item, expected)? };
        match scope {
            StateScope::Session(id) => self.transact(&self.state, vec![self.session_lives(id)?, put]).await?,
            StateScope::Handle { .. } | StateScope::Server => self.transact(&self.state, vec![put]).await?,
        }
        Ok(rev)
    }

    async fn remove_state(&self, scope: &StateScope, key: &str) -> Result<(), StoreError> {
        let key = Item::new(scope_key(scope), state_key(key)).key();
        self.delete_all(&self.state, vec![key]).await
    }
}

impl DynamoStore {
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

    /// Deletes everything below a key.
    async fn empty(&self, table: &str, pk: &str) -> Result<(), StoreError> {
        let items = self.below(table, pk).await?;
        self.delete_all(table, items.iter().map(Item::key).collect()).await
    }
}
