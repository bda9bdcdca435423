//! Resource subscriptions: an item each, counted in the item of their session, so that their number has a limit.

use std::time::Duration;

use aws_sdk_dynamodb::{
    operation::transact_write_items::TransactWriteItemsError,
    types::{
        AttributeValue, CancellationReason, Delete, Put, ReturnValuesOnConditionCheckFailure,
        TransactWriteItem, Update,
    },
};

use super::{
    DynamoStore,
    error::{self, not_built},
    item::{Item, millis, number, text},
    keys,
    write::{IS_LIVE, IS_NEW},
};
use mcp_lambda_core::{
    error::StoreError,
    random,
    session::{SessionId, SessionStore},
};

/// Tries of a transaction that concurrent ones of the same session cancel.
const TRIES: u32 = 6;
/// Pause before the second try. It doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// The result of a change of the subscriptions.
enum Outcome {
    Changed,
    /// The condition on the session was not met. Its item, if the database has returned it, and whether the subscription
    /// was as wanted already.
    SessionRefused {
        session: Option<Item>,
        is_done: bool,
    },
    /// The subscription was as wanted already.
    Unchanged,
    /// Another transaction was running on an item of this one.
    TransactionConflict,
}

impl DynamoStore {
    pub(super) async fn add_subscription(
        &self,
        id: &SessionId,
        uri: &str,
        limit: usize,
    ) -> Result<(), StoreError> {
        let item = Item::new(keys::session(id), keys::subscription(uri)).with("uri", text(uri));
        let count = self
            .count_subscriptions(id, "1")
            .condition_expression(format!(
                "{IS_LIVE} AND (attribute_not_exists(subscriptions) OR subscriptions < :limit)"
            ))
            .expression_attribute_values(":limit", number(limit as u64));
        let put = Put::builder().table_name(&*self.state).set_item(Some(item.0)).condition_expression(IS_NEW);
        let put = TransactWriteItem::builder().put(put.build().map_err(not_built)?).build();
        let count = TransactWriteItem::builder().update(count.build().map_err(not_built)?).build();
        match self.change_subscriptions(vec![count, put]).await? {
            Outcome::Changed | Outcome::Unchanged => Ok(()),
            Outcome::TransactionConflict => Err(StoreError::Conflict),
            Outcome::SessionRefused { session, is_done } => {
                let is_live = match session {
                    Some(session) => session.is_live(self.clock.now())?,
                    None => self.load(id).await?.is_some(),
                };
                match (is_live, is_done) {
                    (false, _) => Err(StoreError::NotFound),
                    (true, true) => Ok(()),
                    (true, false) => Err(StoreError::Full { what: "subscriptions of a session", limit }),
                }
            }
        }
    }

    pub(super) async fn remove_subscription(&self, id: &SessionId, uri: &str) -> Result<(), StoreError> {
        let key = Item::new(keys::session(id), keys::subscription(uri)).key();
        let count = self.count_subscriptions(id, "-1").condition_expression(IS_LIVE);
        let delete = Delete::builder()
            .table_name(&*self.state)
            .set_key(Some(key))
            .condition_expression("attribute_exists(pk)");
        let delete = TransactWriteItem::builder().delete(delete.build().map_err(not_built)?).build();
        let count = TransactWriteItem::builder().update(count.build().map_err(not_built)?).build();
        match self.change_subscriptions(vec![count, delete]).await? {
            Outcome::Changed | Outcome::Unchanged => Ok(()),
            Outcome::TransactionConflict => Err(StoreError::Conflict),
            Outcome::SessionRefused { .. } => Err(StoreError::NotFound),
        }
    }

    /// The update of the number of subscriptions in the item of a session.
    fn count_subscriptions(
        &self,
        id: &SessionId,
        change: &str,
    ) -> aws_sdk_dynamodb::types::builders::UpdateBuilder {
        Update::builder()
            .table_name(&*self.state)
            .key("pk", text(keys::session(id)))
            .key("sk", text(keys::META))
            .update_expression("ADD subscriptions :change")
            .expression_attribute_values(":change", AttributeValue::N(change.to_owned()))
            .expression_attribute_values(":now", millis(self.clock.now()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }

    /// Writes both items or none: the count first, then the subscription.
    async fn change_subscriptions(&self, writes: Vec<TransactWriteItem>) -> Result<Outcome, StoreError> {
        let mut pause = FIRST_PAUSE;
        for _ in 1..TRIES {
            match self.try_change(writes.clone()).await? {
                Outcome::TransactionConflict => tokio::time::sleep(random::jitter(pause)).await,
                outcome => return Ok(outcome),
            }
            pause *= 2;
        }
        self.try_change(writes).await
    }

    async fn try_change(&self, writes: Vec<TransactWriteItem>) -> Result<Outcome, StoreError> {
        let sent = self.client().await?.transact_write_items().set_transact_items(Some(writes)).send().await;
        let Err(error) = sent else { return Ok(Outcome::Changed) };
        let reasons = match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                cancelled.cancellation_reasons()
            }
            _ => return Err(error::failed_transaction(&self.state, &error)),
        };
        let code = |at: usize| reasons.get(at).and_then(CancellationReason::code);
        let is_failed = |at: usize| code(at) == Some("ConditionalCheckFailed");
        if is_failed(0) {
            let session = reasons[0].item().cloned().map(Item);
            return Ok(Outcome::SessionRefused { session, is_done: is_failed(1) });
        }
        if is_failed(1) {
            return Ok(Outcome::Unchanged);
        }
        if (0..2).any(|at| code(at) == Some("TransactionConflict")) {
            return Ok(Outcome::TransactionConflict);
        }
        Err(error::failed_transaction(&self.state, &error))
    }
}
