//! The write of an event: the event, its deduplication marker, its replicas and its entry of the event key, in one
//! transaction.

use aws_sdk_dynamodb::{
    operation::transact_write_items::TransactWriteItemsError,
    types::{Put, TransactWriteItem},
};

use super::{
    DynamoStore,
    error::{self, not_built},
    event_keys::EventKeyEntry,
    item::{Item, millis, text},
    keys,
    write::{IS_GONE, IS_NEW},
};
use mcp_lambda_core::{error::StoreError, events::Scope};

/// The result of writing an event at a position.
pub(super) enum AppendOutcome {
    /// The event is written.
    Written,
    /// An event of the same source id is in the log.
    Duplicate,
    /// A reader has sealed the position.
    PositionSealed,
    /// Another transaction was running on an item of this one.
    TransactionConflict,
}

impl DynamoStore {
    /// Writes an event at its position.
    pub(super) async fn write_event(
        &self,
        scope: &Scope,
        item: Item,
        dedup_marker: Option<Item>,
        entry: Option<&EventKeyEntry>,
    ) -> Result<AppendOutcome, StoreError> {
        let replicas = if *scope == Scope::Global { self.replicas.additional } else { 0 };
        if dedup_marker.is_none() && entry.is_none() && replicas == 0 {
            return self.write_alone(item).await;
        }
        let mut writes = vec![self.event_put_if(item.clone(), IS_NEW, false)?];
        let has_marker = dedup_marker.is_some();
        if let Some(marker) = dedup_marker {
            writes.push(self.event_put_if(marker, IS_GONE, true)?);
        }
        for replica in 1..=replicas {
            writes.push(self.event_put(item.clone().with("pk", text(keys::log(scope, replica))))?);
        }
        if let Some(entry) = entry {
            writes.push(self.event_put(entry.event_item(item))?);
            writes.extend(entry.listing.clone().map(|listing| self.event_put(listing)).transpose()?);
        }
        let sent = self.client().await?.transact_write_items().set_transact_items(Some(writes)).send().await;
        let Err(error) = sent else { return Ok(AppendOutcome::Written) };
        let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error()
        else {
            return Err(error::failed_transaction(&self.events, &error));
        };
        let reasons: Vec<_> =
            cancelled.cancellation_reasons().iter().map(|reason| reason.code().unwrap_or("None")).collect();
        let is_refused = |index: usize| reasons.get(index) == Some(&"ConditionalCheckFailed");
        if has_marker && is_refused(1) {
            Ok(AppendOutcome::Duplicate)
        } else if is_refused(0) {
            Ok(AppendOutcome::PositionSealed)
        } else if reasons.contains(&"TransactionConflict") {
            Ok(AppendOutcome::TransactionConflict)
        } else {
            Err(error::failed_transaction(&self.events, &error))
        }
    }

    async fn write_alone(&self, item: Item) -> Result<AppendOutcome, StoreError> {
        let (pk, sk) = (item.text("pk")?.to_owned(), item.text("sk")?.to_owned());
        let writer = item.text("writer")?.to_owned();
        let put = self
            .client()
            .await?
            .put_item()
            .table_name(&*self.events)
            .set_item(Some(item.0))
            .condition_expression(IS_NEW)
            .send()
            .await;
        let Err(error) = put else { return Ok(AppendOutcome::Written) };
        if !error::is_condition_failed(&error) {
            return Err(error::failed("PutItem", &self.events, &error));
        }
        // An earlier try of this request may have written the item, and its response was lost.
        let found = self.get(&self.events, &pk, &sk).await?;
        let is_own = found.is_some_and(|found| found.text("writer").is_ok_and(|found| found == writer));
        Ok(if is_own { AppendOutcome::Written } else { AppendOutcome::PositionSealed })
    }

    fn event_put(&self, item: Item) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder().table_name(&*self.events).set_item(Some(item.0));
        Ok(TransactWriteItem::builder().put(put.build().map_err(not_built)?).build())
    }

    fn event_put_if(
        &self,
        item: Item,
        condition: &str,
        uses_now: bool,
    ) -> Result<TransactWriteItem, StoreError> {
        let mut put =
            Put::builder().table_name(&*self.events).set_item(Some(item.0)).condition_expression(condition);
        if uses_now {
            put = put.expression_attribute_values(":now", millis(self.clock.now()));
        }
        Ok(TransactWriteItem::builder().put(put.build().map_err(not_built)?).build())
    }
}
