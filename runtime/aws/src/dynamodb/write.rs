//! Writes: conditional if they depend on a read, in one transaction if they belong together.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    operation::transact_write_items::TransactWriteItemsError,
    types::{AttributeValue, CancellationReason, ConditionCheck, DeleteRequest, Put},
    types::{TransactWriteItem, WriteRequest},
};
use futures::future::try_join_all;

use super::{
    DynamoStore,
    batch::Tries,
    error::{self, not_built},
    item::{Item, millis, number, text},
    keys,
};
use mcp_lambda_core::{
    error::StoreError,
    session::{Rev, SessionId},
};

/// Condition: the item exists and has not expired.
pub(super) const IS_LIVE: &str = "attribute_exists(pk) AND expires > :now";
/// Condition: the item does not exist or has expired.
pub(super) const IS_GONE: &str = "attribute_not_exists(pk) OR expires <= :now";
/// Condition: the item does not exist.
pub(super) const IS_NEW: &str = "attribute_not_exists(pk)";
/// Largest number of items of one BatchWriteItem.
const BATCH: usize = 25;

impl DynamoStore {
    /// A write of the state table without a condition.
    pub(super) fn put(&self, item: Item) -> Result<TransactWriteItem, StoreError> {
        let put =
            Put::builder().table_name(&*self.state).set_item(Some(item.0)).build().map_err(not_built)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// A write of the state table with a condition that may use `:now`.
    pub(super) fn put_if(&self, item: Item, condition: &str) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder()
            .table_name(&*self.state)
            .set_item(Some(item.0))
            .condition_expression(condition)
            .expression_attribute_values(":now", millis(self.clock.now()))
            .build()
            .map_err(not_built)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// A write of the state table if the item has a revision and has not expired.
    pub(super) fn put_at_rev(&self, item: Item, rev: Rev) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder()
            .table_name(&*self.state)
            .set_item(Some(item.0))
            .condition_expression("rev = :rev AND (attribute_not_exists(expires) OR expires > :now)")
            .expression_attribute_values(":rev", number(rev))
            .expression_attribute_values(":now", millis(self.clock.now()))
            .build()
            .map_err(not_built)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// A check that a session is live. It comes first in its transaction, which tells its failure from that of another
    /// condition.
    pub(super) fn require_session(&self, id: &SessionId) -> Result<TransactWriteItem, StoreError> {
        let check = ConditionCheck::builder()
            .table_name(&*self.state)
            .key("pk", text(keys::session(id)))
            .key("sk", text(keys::META))
            .condition_expression(IS_LIVE)
            .expression_attribute_values(":now", millis(self.clock.now()))
            .build()
            .map_err(not_built)?;
        Ok(TransactWriteItem::builder().condition_check(check).build())
    }

    /// Writes all items or none. [`StoreError::NotFound`] if the session that is required first is not live,
    /// [`StoreError::Conflict`] if another condition is not met.
    pub(super) async fn transact(
        &self,
        table: &str,
        writes: Vec<TransactWriteItem>,
    ) -> Result<(), StoreError> {
        let requires_session = writes.first().is_some_and(|first| first.condition_check().is_some());
        let sent = self.client().await?.transact_write_items().set_transact_items(Some(writes)).send().await;
        let Err(error) = sent else { return Ok(()) };
        let reasons = match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                cancelled.cancellation_reasons()
            }
            _ => return Err(error::failed_transaction(table, &error)),
        };
        let is_failed = |reason: Option<&CancellationReason>| {
            reason.and_then(CancellationReason::code) == Some("ConditionalCheckFailed")
        };
        if requires_session && is_failed(reasons.first()) {
            return Err(StoreError::NotFound);
        }
        // A transaction on an item of another running transaction is cancelled: the other one wins.
        let conflict = reasons
            .iter()
            .any(|reason| is_failed(Some(reason)) || reason.code() == Some("TransactionConflict"));
        if conflict { Err(StoreError::Conflict) } else { Err(error::failed_transaction(table, &error)) }
    }

    /// Writes an item unless an item with its key exists.
    pub(super) async fn put_once(&self, table: &str, item: Item) -> Result<(), StoreError> {
        let put = self
            .client()
            .await?
            .put_item()
            .table_name(table)
            .set_item(Some(item.0))
            .condition_expression(IS_NEW)
            .send()
            .await;
        match put {
            Err(error) if !error::is_condition_failed(&error) => Err(error::failed("PutItem", table, &error)),
            _ => Ok(()),
        }
    }

    /// Deletes items by their keys, in concurrent batches.
    pub(super) async fn delete_all(
        &self,
        table: &str,
        keys: Vec<HashMap<String, AttributeValue>>,
    ) -> Result<(), StoreError> {
        let mut batches = Vec::new();
        for page in keys.chunks(BATCH) {
            let mut writes = Vec::with_capacity(page.len());
            for key in page {
                let delete =
                    DeleteRequest::builder().set_key(Some(key.clone())).build().map_err(not_built)?;
                writes.push(WriteRequest::builder().delete_request(delete).build());
            }
            batches.push(self.write_batch(table, writes));
        }
        try_join_all(batches).await.map(drop)
    }

    async fn write_batch(&self, table: &str, writes: Vec<WriteRequest>) -> Result<(), StoreError> {
        let mut left = Some(HashMap::from([(table.to_owned(), writes)]));
        let mut tries = Tries::default();
        while let Some(request) = left.take().filter(|request| !request.is_empty()) {
            tries.next("BatchWriteItem", table).await?;
            let written =
                self.client().await?.batch_write_item().set_request_items(Some(request)).send().await;
            left = written.map_err(|error| error::failed("BatchWriteItem", table, &error))?.unprocessed_items;
        }
        Ok(())
    }
}
