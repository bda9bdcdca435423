//! Counts of open streams.

use async_trait::async_trait;
use mcp_lambda_core::{
    auth::Principal,
    error::StoreError,
    stream::{StreamLease, StreamLeaseStore},
};
use rusqlite::{Transaction, params};

use crate::{columns::millis, store::SqliteStore};

#[async_trait]
impl StreamLeaseStore for SqliteStore {
    async fn acquire(&self, request: &StreamLease) -> Result<bool, StoreError> {
        let request = request.clone();
        let write = move |transaction: &Transaction<'_>, now| {
            let others = transaction
                .prepare_cached(
                    "SELECT count(*) FROM stream_leases WHERE owner = ? AND id <> ? AND expires > ?",
                )?
                .query_row(params![request.owner.key(), request.id, millis(now)], |row| {
                    row.get::<_, usize>(0)
                })?;
            // A lease that is held is renewed, whatever the limit is now.
            let is_held = transaction
                .prepare_cached("SELECT 1 FROM stream_leases WHERE owner = ? AND id = ? AND expires > ?")?
                .exists(params![request.owner.key(), request.id, millis(now)])?;
            let fits = is_held || others < request.limit;
            if fits {
                transaction
                    .prepare_cached(
                        "INSERT OR REPLACE INTO stream_leases (owner, id, expires) VALUES (?, ?, ?)",
                    )?
                    .execute(params![request.owner.key(), request.id, millis(request.expires_at)])?;
            }
            Ok(fits)
        };
        self.database.write(write).await
    }

    async fn release(&self, owner: &Principal, id: &str) -> Result<(), StoreError> {
        let (owner, id) = (owner.clone(), id.to_owned());
        let write = move |transaction: &Transaction<'_>, _| {
            transaction
                .prepare_cached("DELETE FROM stream_leases WHERE owner = ? AND id = ?")?
                .execute(params![owner.key(), id])?;
            Ok(())
        };
        self.database.write(write).await
    }
}
