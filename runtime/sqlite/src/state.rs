//! Values of sessions, of handles, of the deployment and of the authorization server.

use std::sync::Arc;

use async_trait::async_trait;
use mcp_lambda_core::{
    error::StoreError,
    session::{Rev, StateScope, StateStore, Versioned},
    time::Timestamp,
};
use rusqlite::{OptionalExtension, Transaction, params};
use serde_json::Value;

use crate::{
    columns::{json, millis, number, parsed, state_scope},
    sessions::check_live,
    store::{SqliteStore, check_size},
};

/// The number of values of one session or handle.
const MOST_VALUES: usize = 1_000;

#[async_trait]
impl StateStore for SqliteStore {
    async fn state(&self, scope: &StateScope, key: &str) -> Result<Option<Versioned<Value>>, StoreError> {
        let (scope, key): (_, Arc<str>) = (scope.clone(), key.into());
        let read = move |transaction: &Transaction<'_>, now| {
            if let StateScope::Session(id) = &scope {
                check_live(transaction, id.as_str(), now)?;
            }
            let value = transaction
                .prepare_cached(
                    "SELECT value, rev FROM state
                     WHERE scope = ? AND name = ? AND (expires IS NULL OR expires > ?)",
                )?
                .query_row(params![state_scope(&scope), key, millis(now)], |row| {
                    let value = parsed(row, "value", |text| serde_json::from_str(text).ok())?;
                    Ok(Versioned { value, rev: row.get("rev")? })
                })
                .optional()?;
            Ok(value)
        };
        self.database.read(read).await
    }

    async fn put_state(
        &self,
        scope: &StateScope,
        key: &str,
        value: &Value,
        expected: Rev,
        expires_at: Timestamp,
    ) -> Result<Rev, StoreError> {
        let value = json(value)?;
        check_size(&value)?;
        let (scope, key): (_, Arc<str>) = (scope.clone(), key.into());
        let write = move |transaction: &Transaction<'_>, now| {
            let expires = match &scope {
                StateScope::Session(id) => check_live(transaction, id.as_str(), now).map(|()| None)?,
                StateScope::Handle { .. } | StateScope::Login(_) => Some(millis(expires_at)),
                StateScope::Server => None,
            };
            let name = state_scope(&scope);
            let found = transaction
                .prepare_cached(
                    "SELECT rev FROM state WHERE scope = ? AND name = ? AND (expires IS NULL OR expires > ?)",
                )?
                .query_row(params![name, key, millis(now)], |row| row.get::<_, Rev>("rev"))
                .optional()?
                .unwrap_or(0);
            if found != expected {
                return Err(StoreError::Conflict.into());
            }
            if found == 0 && scope != StateScope::Server {
                let values = transaction
                    .prepare_cached("SELECT count(*) FROM state WHERE scope = ?")?
                    .query_row([&name], |row| row.get::<_, usize>(0))?;
                if values >= MOST_VALUES {
                    let what = "values of one session or handle";
                    return Err(StoreError::Full { what, limit: MOST_VALUES }.into());
                }
            }
            let rev = expected + 1;
            transaction
                .prepare_cached(
                    "INSERT OR REPLACE INTO state (scope, name, value, rev, expires) VALUES (?, ?, ?, ?, ?)",
                )?
                .execute(params![name, key, value, number(rev), expires])?;
            Ok(rev)
        };
        self.database.write(write).await
    }

    async fn remove_state(&self, scope: &StateScope, key: &str) -> Result<(), StoreError> {
        let (scope, key): (_, Arc<str>) = (state_scope(scope), key.into());
        let write = move |transaction: &Transaction<'_>, _| {
            transaction
                .prepare_cached("DELETE FROM state WHERE scope = ? AND name = ?")?
                .execute(params![scope, key])?;
            Ok(())
        };
        self.database.write(write).await
    }
}
