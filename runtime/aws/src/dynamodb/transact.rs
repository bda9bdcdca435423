//! Writes: conditional where they depend on what was read, whole where they belong together.

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::{
    operation::transact_write_items::TransactWriteItemsError,
    types::{AttributeValue, CancellationReason, ConditionCheck, Delete, DeleteRequest, Put},
    types::{TransactWriteItem, WriteRequest},
};
use futures::future::try_join_all;

use super::{
    DynamoStore, error,
    item::{Item, number, text},
};
use mcp_lambda_core::{
    error::StoreError,
    random,
    session::{Rev, SessionId},
};

/// An item that is there and has not expired.
pub(super) const LIVES: &str = "attribute_exists(pk) AND expires > :now";
/// An item that is not there, or has expired.
pub(super) const GONE: &str = "attribute_not_exists(pk) OR expires <= :now";
/// Items that one BatchWriteItem may write.
const BATCH: usize = 25;
/// How often what DynamoDB hands back unprocessed is sent again, and how long the first pause before that is.
const TRIES: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_millis(20);

impl DynamoStore {
    pub(super) fn put(&self, item: Item) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder().table_name(&*self.state).set_item(Some(item.0)).build().map_err(built)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    pub(super) fn put_if(&self, item: Item, condition: &str) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder()
            .table_name(&*self.state)
            .set_item(Some(item.0))
            .condition_expression(condition)
            .expression_attribute_values(":now", number(self.clock.now().0))
            .build()
            .map_err(built)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    pub(super) fn put_at_rev(&self, item: Item, rev: Rev) -> Result<TransactWriteItem, StoreError> {
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

    pub(super) fn delete(&self, item: &Item) -> Result<TransactWriteItem, StoreError> {
        let delete =
            Delete::builder().table_name(&*self.state).set_key(Some(item.key())).build().map_err(built)?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }

    /// Guards a write that belongs to a session: always the first of its transaction, so that its failure is told apart.
    pub(super) fn session_lives(&self, id: &SessionId) -> Result<TransactWriteItem, StoreError> {
        let check = ConditionCheck::builder()
            .table_name(&*self.state)
            .key("pk", text(format!("SESSION#{id}")))
            .key("sk", text("META"))
            .condition_expression(LIVES)
            .expression_attribute_values(":now", number(self.clock.now().0))
            .build()
            .map_err(built)?;
        Ok(TransactWriteItem::builder().condition_check(check).build())
    }

    /// Writes all or nothing. A failed guard is [`StoreError::NotFound`], a failed condition a conflict.
    pub(super) async fn transact(
        &self,
        table: &str,
        writes: Vec<TransactWriteItem>,
    ) -> Result<(), StoreError> {
        let guarded = writes.first().is_some_and(|first| first.condition_check().is_some());
        let sent = self.client().await?.transact_write_items().set_transact_items(Some(writes)).send().await;
        let Err(error) = sent else { return Ok(()) };
        let reasons = match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                cancelled.cancellation_reasons()
            }
            _ => return Err(error::failed("TransactWriteItems", table, &error)),
        };
        let failed = |reason: Option<&CancellationReason>| {
            reason.and_then(CancellationReason::code) == Some("ConditionalCheckFailed")
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
            Err(error::failed("TransactWriteItems", table, &error))
        }
    }

    /// Deletes items by their keys, batches at the same time.
    pub(super) async fn delete_all(
        &self,
        table: &str,
        keys: Vec<HashMap<String, AttributeValue>>,
    ) -> Result<(), StoreError> {
        let mut batches = Vec::new();
        for page in keys.chunks(BATCH) {
            let mut writes = Vec::with_capacity(page.len());
            for key in page {
                let delete = DeleteRequest::builder().set_key(Some(key.clone())).build().map_err(built)?;
                writes.push(WriteRequest::builder().delete_request(delete).build());
            }
            batches.push(self.write_batch(table, writes));
        }
        try_join_all(batches).await.map(drop)
    }

    async fn write_batch(&self, table: &str, writes: Vec<WriteRequest>) -> Result<(), StoreError> {
        let mut left = Some(HashMap::from([(table.to_owned(), writes)]));
        let mut tries = tries();
        while let Some(request) = left.take().filter(|request| !request.is_empty()) {
            tries.next("BatchWriteItem", table).await?;
            let written =
                self.client().await?.batch_write_item().set_request_items(Some(request)).send().await;
            left = written.map_err(|error| error::failed("BatchWriteItem", table, &error))?.unprocessed_items;
        }
        Ok(())
    }
}

/// Counts the tries of a batch: what DynamoDB hands back unprocessed was throttled, so each try waits longer.
pub(super) struct Tries {
    done: u32,
}

pub(super) fn tries() -> Tries {
    Tries { done: 0 }
}

impl Tries {
    /// Returns when the next try may start; fails when there have been enough.
    pub(super) async fn next(&mut self, action: &'static str, table: &str) -> Result<(), StoreError> {
        if self.done == TRIES {
            return Err(error::unprocessed(action, table));
        }
        if self.done > 0 {
            tokio::time::sleep(random::jitter(FIRST_PAUSE * 2_u32.pow(self.done - 1))).await;
        }
        self.done += 1;
        Ok(())
    }
}

/// A request that the SDK's builder refuses is a mistake of ours.
pub(super) fn built(error: aws_sdk_dynamodb::error::BuildError) -> StoreError {
    StoreError::Unavailable(Box::new(error))
}
