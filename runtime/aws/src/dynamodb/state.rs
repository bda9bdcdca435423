//! Values of sessions, of handles and of the deployment.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use super::{
    DynamoStore,
    item::{Item, check_size, number, text},
    keys,
    write::IS_GONE,
};
use mcp_lambda_core::{
    error::StoreError,
    session::{Rev, SessionStore, StateScope, StateStore, Versioned},
    time::Timestamp,
};

/// TTL of the values of a session that expires without being ended. It must exceed the longest session.
const SESSION_VALUE_TTL: Duration = Duration::from_secs(32 * 24 * 60 * 60);

#[async_trait]
impl StateStore for DynamoStore {
    async fn state(&self, scope: &StateScope, key: &str) -> Result<Option<Versioned<Value>>, StoreError> {
        let session = async {
            match scope {
                StateScope::Session(id) => self.load(id).await?.map(drop).ok_or(StoreError::NotFound),
                StateScope::Handle { .. } | StateScope::Server | StateScope::Login(_) => Ok(()),
            }
        };
        let (pk, sk) = (keys::state_scope(scope), keys::state(key));
        let ((), found) = futures::try_join!(session, self.get(&self.state, &pk, &sk))?;
        let Some(item) = found else { return Ok(None) };
        if !item.is_live(self.clock.now())? {
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
        check_size(&value)?;
        let rev = expected + 1;
        let item = Item::new(keys::state_scope(scope), keys::state(key))
            .with("value", text(value))
            .with("rev", number(rev));
        let item = match scope {
            // The value ends with its session. The TTL is for sessions that expire without being ended.
            StateScope::Session(_) => {
                item.with("ttl", number(self.clock.now().plus(SESSION_VALUE_TTL).epoch_seconds()))
            }
            StateScope::Handle { .. } | StateScope::Login(_) => item.expiring(expires_at),
            StateScope::Server => item,
        };
        let put = if expected == 0 { self.put_if(item, IS_GONE)? } else { self.put_at_rev(item, expected)? };
        match scope {
            StateScope::Session(id) => {
                self.transact(&self.state, vec![self.require_session(id)?, put]).await?;
            }
            StateScope::Handle { .. } | StateScope::Server | StateScope::Login(_) => {
                self.transact(&self.state, vec![put]).await?;
            }
        }
        Ok(rev)
    }

    async fn remove_state(&self, scope: &StateScope, key: &str) -> Result<(), StoreError> {
        let key = Item::new(keys::state_scope(scope), keys::state(key)).key();
        self.delete_all(&self.state, vec![key]).await
    }
}
