//! Values of sessions, of handles, of the deployment and of the authorization server.

use async_trait::async_trait;
use mcp_lambda_core::{
    error::StoreError,
    session::{Rev, StateScope, StateStore, Versioned},
    time::Timestamp,
};
use serde_json::Value;

use crate::{
    columns::{Text, count, json, key, millis, number, params, parsed, rows, state_scope},
    database::{Statements, Transaction},
    error::Failure,
    room::count_up,
    sessions::{check_live, lock_live},
    store::{PostgresStore, check_size},
};

/// The number of values of one session or handle.
const MOST_VALUES: usize = 1_000;

/// A value that is to be written.
struct Written<'a> {
    scope: &'a StateScope,
    key: &'a str,
    json: &'a str,
    expected: Rev,
    expires_at: Timestamp,
}

impl PostgresStore {
    async fn put(&self, transaction: &Transaction<'_>, value: &Written<'_>) -> Result<Rev, Failure> {
        let now = self.database.now();
        let (scope, name) = (state_scope(value.scope), key(value.key));
        let expires = match value.scope {
            StateScope::Session(id) => {
                lock_live(transaction, id.as_str(), now).await?;
                None
            }
            StateScope::Handle { .. } | StateScope::Login(_) => Some(millis(value.expires_at)),
            StateScope::Server => None,
        };
        let rev = value.expected + 1;
        if value.expected > 0 {
            let statement = "
                UPDATE mcp_state SET value = $1, rev = $2, expires = $3
                WHERE scope = $4 AND name = $5 AND rev = $6 AND (expires IS NULL OR expires > $7)";
            let values = params![
                Text(value.json),
                number(rev),
                expires,
                Text(&scope),
                Text(&name),
                number(value.expected),
                millis(now),
            ];
            let changed = transaction.changed(statement, values).await?;
            return if changed == 1 { Ok(rev) } else { Err(StoreError::Conflict.into()) };
        }
        // The values of a session are counted while it is locked, those of another scope while its counter is.
        if !matches!(value.scope, StateScope::Session(_) | StateScope::Server) {
            count_up(transaction, &format!("values:{scope}"), now).await?;
        }
        let statement = "
            INSERT INTO mcp_state (scope, name, value, rev, expires)
            SELECT $1, $2, $3, $4, $5
            WHERE $6 OR (SELECT count(*) FROM mcp_state WHERE scope = $1) < $7
                OR EXISTS (SELECT 1 FROM mcp_state WHERE scope = $1 AND name = $2)
            ON CONFLICT (scope, name) DO UPDATE
                SET value = excluded.value, rev = excluded.rev, expires = excluded.expires
                WHERE mcp_state.expires <= $8";
        let values = params![
            Text(&scope),
            Text(&name),
            Text(value.json),
            number(rev),
            expires,
            *value.scope == StateScope::Server,
            rows(MOST_VALUES),
            millis(now),
        ];
        if transaction.changed(statement, values).await? == 1 {
            return Ok(rev);
        }
        let statement = "SELECT 1 FROM mcp_state WHERE scope = $1 AND name = $2";
        match transaction.row(statement, params![Text(&scope), Text(&name)]).await? {
            Some(_) => Err(StoreError::Conflict.into()),
            None => {
                Err(StoreError::Full { what: "values of one session or handle", limit: MOST_VALUES }.into())
            }
        }
    }
}

#[async_trait]
impl StateStore for PostgresStore {
    async fn state(&self, scope: &StateScope, name: &str) -> Result<Option<Versioned<Value>>, StoreError> {
        self.database
            .read(|| async {
                let now = self.database.now();
                let connection = self.database.connection().await?;
                let statement = "
                    SELECT value, rev FROM mcp_state
                    WHERE scope = $1 AND name = $2 AND (expires IS NULL OR expires > $3)";
                let values = params![Text(&state_scope(scope)), Text(&key(name)), millis(now)];
                let found = connection.row(statement, values).await?;
                if let StateScope::Session(id) = scope {
                    check_live(&connection, id.as_str(), now).await?;
                }
                let read = |row| {
                    let value = parsed(&row, "value", |text| serde_json::from_str(text).ok())?;
                    Ok(Versioned { value, rev: count(&row, "rev")? })
                };
                found.map(read).transpose()
            })
            .await
    }

    async fn put_state(
        &self,
        scope: &StateScope,
        key: &str,
        value: &Value,
        expected: Rev,
        expires_at: Timestamp,
    ) -> Result<Rev, StoreError> {
        let json = json(value)?;
        check_size(&json)?;
        let value = Written { scope, key, json: &json, expected, expires_at };
        self.database
            .write(|| async {
                let mut connection = self.database.connection().await?;
                let transaction = connection.begin().await?;
                let rev = self.put(&transaction, &value).await?;
                transaction.commit().await?;
                Ok(rev)
            })
            .await
    }

    async fn remove_state(&self, scope: &StateScope, name: &str) -> Result<(), StoreError> {
        self.database
            .write(|| async {
                let connection = self.database.connection().await?;
                let statement = "DELETE FROM mcp_state WHERE scope = $1 AND name = $2";
                let values = params![Text(&state_scope(scope)), Text(&key(name))];
                connection.changed(statement, values).await.map(drop)
            })
            .await
    }
}
