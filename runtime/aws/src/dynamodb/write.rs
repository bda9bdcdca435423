//! Writing an event: the event, the note that its source's id is known, and its copies, all or nothing.

use aws_sdk_dynamodb::{
    operation::transact_write_items::TransactWriteItemsError,
    types::{Put, TransactWriteItem},
};

use super::{
    DynamoStore, error,
    event_keys::Listed,
    item::{Item, number, text},
    log::log_key,
    transact::built,
};
use mcp_lambda_core::{error::StoreError, events::Scope};

/// What became of an event that was to be written to a place.
pub(super) enum Written {
    /// It is there.
    Here,
    /// An event of the same source id is in the log already.
    Seen,
    /// A reader has closed the place.
    Closed,
    /// Another transaction was at work on an item of this one.
    Collided,
}

/// Where everybody's scope is copied to, and which copy this process reads.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Fanout {
    pub(super) copies: usize,
    pub(super) copy: usize,
}

impl DynamoStore {
    /// Writes an event to its place.
    pub(super) async fn write(
        &self,
        scope: &Scope,
        item: Item,
        note: Option<Item>,
        listed: Option<&Listed>,
    ) -> Result<Written, StoreError> {
        let copies = if *scope == Scope::Global { self.fanout.copies } else { 0 };
        if note.is_none() && listed.is_none() && copies == 0 {
            return self.write_alone(item).await;
        }
        let mut writes = vec![self.event_put_if(item.clone(), "attribute_not_exists(pk)", false)?];
        let noted = note.is_some();
        if let Some(note) = note {
            writes.push(self.event_put_if(note, "attribute_not_exists(pk) OR expires <= :now", true)?);
        }
        for copy in 1..=copies {
            writes.push(self.event_put(item.clone().with("pk", text(log_key(scope, copy))))?);
        }
        if let Some(listed) = listed {
            writes.push(self.event_put(listed.copy(item))?);
            writes.extend(listed.entry.clone().map(|entry| self.event_put(entry)).transpose()?);
        }
        let sent = self.client().await?.transact_write_items().set_transact_items(Some(writes)).send().await;
        let Err(error) = sent else { return Ok(Written::Here) };
        let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error()
        else {
            return Err(error::failed("TransactWriteItems", &self.events, &error));
        };
        let reasons: Vec<_> =
            cancelled.cancellation_reasons().iter().map(|reason| reason.code().unwrap_or("None")).collect();
        let is_refused = |at: usize| reasons.get(at) == Some(&"ConditionalCheckFailed");
        if noted && is_refused(1) {
            Ok(Written::Seen)
        } else if is_refused(0) {
            Ok(Written::Closed)
        } else if reasons.contains(&"TransactionConflict") {
            Ok(Written::Collided)
        } else {
            Err(error::failed("TransactWriteItems", &self.events, &error))
        }
    }

    async fn write_alone(&self, item: Item) -> Result<Written, StoreError> {
        let (pk, sk) = (item.text("pk")?.to_owned(), item.text("sk")?.to_owned());
        let writer = item.text("writer")?.to_owned();
        let put = self
            .client()
            .await?
            .put_item()
            .table_name(&*self.events)
            .set_item(Some(item.0))
            .condition_expression("attribute_not_exists(pk)")
            .send()
            .await;
        let Err(error) = put else { return Ok(Written::Here) };
        if !error.as_service_error().is_some_and(|error| error.is_conditional_check_failed_exception()) {
            return Err(error::failed("PutItem", &self.events, &error));
        }
        // Refused, it may still be ours: an attempt whose answer was lost.
        let there = self.get(&self.events, &pk, &sk).await?;
        let ours = there.is_some_and(|there| there.text("writer").is_ok_and(|found| found == writer));
        Ok(if ours { Written::Here } else { Written::Closed })
    }

    fn event_put(&self, item: Item) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder().table_name(&*self.events).set_item(Some(item.0)).build().map_err(built)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    fn event_put_if(
        &self,
        item: Item,
        condition: &str,
        timed: bool,
    ) -> Result<TransactWriteItem, StoreError> {
        let mut put =
            Put::builder().table_name(&*self.events).set_item(Some(item.0)).condition_expression(condition);
        if timed {
            put = put.expression_attribute_values(":now", number(self.clock.now().0));
        }
        Ok(TransactWriteItem::builder().put(put.build().map_err(built)?).build())
    }
}
