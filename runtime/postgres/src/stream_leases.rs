//! Counts of open streams.

use async_trait::async_trait;
use mcp_lambda_core::{
    auth::Principal,
    error::StoreError,
    stream::{StreamLease, StreamLeaseStore},
};

use crate::{
    columns::{Text, key, millis, params, rows},
    database::Statements,
    room::count_up,
    store::PostgresStore,
};

#[async_trait]
impl StreamLeaseStore for PostgresStore {
    async fn acquire(&self, request: &StreamLease) -> Result<bool, StoreError> {
        self.database
            .write(|| async {
                let now = self.database.now();
                let owner = key(request.owner.key());
                let mut connection = self.database.connection().await?;
                let transaction = connection.begin().await?;
                count_up(&transaction, &format!("leases:{owner}"), now).await?;
                // A lease that is held is renewed, whatever the limit is now.
                let statement = "
                    INSERT INTO mcp_stream_leases (owner, id, expires)
                    SELECT $1, $2, $3
                    WHERE (SELECT count(*) FROM mcp_stream_leases WHERE owner = $1 AND id <> $2 AND expires > $4) < $5
                        OR EXISTS (SELECT 1 FROM mcp_stream_leases WHERE owner = $1 AND id = $2 AND expires > $4)
                    ON CONFLICT (owner, id) DO UPDATE SET expires = excluded.expires";
                let values = params![
                    Text(&owner),
                    Text(&request.id),
                    millis(request.expires_at),
                    millis(now),
                    rows(request.limit),
                ];
                let fits = transaction.changed(statement, values).await? == 1;
                transaction.commit().await?;
                Ok(fits)
            })
            .await
    }

    async fn release(&self, owner: &Principal, id: &str) -> Result<(), StoreError> {
        self.database
            .write(|| async {
                let connection = self.database.connection().await?;
                let statement = "DELETE FROM mcp_stream_leases WHERE owner = $1 AND id = $2";
                connection.changed(statement, params![Text(&key(owner.key())), Text(id)]).await.map(drop)
            })
            .await
    }
}
