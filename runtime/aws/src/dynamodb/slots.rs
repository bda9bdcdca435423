//! Stream counts: one item a caller, a counter and one attribute a held slot.
//!
//! Taking a slot is one conditional write. Only when it is refused are expired slots looked for and pruned.

use std::collections::HashMap;

use async_trait::async_trait;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};

use super::{
    DynamoStore, error,
    item::{Item, number, text},
};
use mcp_lambda_core::{
    auth::Principal,
    error::StoreError,
    stream::{StreamLease, StreamLeaseStore},
};

/// Names the attributes of slots apart from the others.
const PREFIX: &str = "slot_";
/// Tries when other streams of the same caller come and go at the same moment.
const TRIES: u32 = 16;

fn owner_key(owner: &Principal) -> String {
    format!("OWNER#{}", owner.key())
}

enum Taken {
    Yes,
    /// Refused; this is what was there.
    Full(Item),
}

#[async_trait]
impl StreamLeaseStore for DynamoStore {
    async fn acquire(&self, request: &StreamLease) -> Result<bool, StoreError> {
        for _ in 0..TRIES {
            match self.take(request).await? {
                Taken::Yes => return Ok(true),
                Taken::Full(item) => {
                    if item.0.contains_key(&format!("{PREFIX}{}", request.slot)) {
                        self.renew(request).await?;
                        return Ok(true);
                    }
                    if !self.prune(&request.owner, &item).await? {
                        return Ok(false);
                    }
                }
            }
        }
        Err(StoreError::Conflict)
    }

    async fn release(&self, owner: &Principal, slot: &str) -> Result<(), StoreError> {
        let released = self
            .client()
            .await?
            .update_item()
            .table_name(&*self.state)
            .key("pk", text(owner_key(owner)))
            .key("sk", text("SLOTS"))
            .update_expression("REMOVE #slot ADD held :minus")
            .condition_expression("attribute_exists(#slot)")
            .expression_attribute_names("#slot", format!("{PREFIX}{slot}"))
            .expression_attribute_values(":minus", AttributeValue::N("-1".into()))
            .send()
            .await;
        match released {
            Ok(_) => Ok(()),
            // Released before, or pruned.
            Err(error)
                if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) =>
            {
                Ok(())
            }
            Err(error) => Err(error::failed("UpdateItem", &self.state, &error)),
        }
    }
}

impl DynamoStore {
    async fn take(&self, request: &StreamLease) -> Result<Taken, StoreError> {
        let taken = self
            .client()
            .await?
            .update_item()
            .table_name(&*self.state)
            .key("pk", text(owner_key(&request.owner)))
            .key("sk", text("SLOTS"))
            .update_expression("SET #slot = :until, #ttl = :ttl ADD held :one")
            .condition_expression(
                "attribute_not_exists(#slot) AND (attribute_not_exists(held) OR held < :limit)",
            )
            .expression_attribute_names("#slot", format!("{PREFIX}{}", request.slot))
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":until", number(request.expires_at.0))
            // Kept for a day after its last use: pruning is then never needed for a caller who is gone.
            .expression_attribute_values(":ttl", number(request.expires_at.epoch_seconds() + 24 * 60 * 60))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":limit", number(request.limit as u64))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(error) = taken else { return Ok(Taken::Yes) };
        match error.as_service_error() {
            Some(
                aws_sdk_dynamodb::operation::update_item::UpdateItemError::ConditionalCheckFailedException(
                    failed,
                ),
            ) => match failed.item() {
                Some(item) => Ok(Taken::Full(Item(item.clone()))),
                None => self.slots(&request.owner).await.map(Taken::Full),
            },
            _ => Err(error::failed("UpdateItem", &self.state, &error)),
        }
    }

    /// What is there, for stores that do not show it in their refusal.
    async fn slots(&self, owner: &Principal) -> Result<Item, StoreError> {
        let found = self.get(&self.state, &owner_key(owner), "SLOTS").await?;
        Ok(found.unwrap_or_else(|| Item(HashMap::new())))
    }

    async fn renew(&self, request: &StreamLease) -> Result<(), StoreError> {
        let renewed = self
            .client()
            .await?
            .update_item()
            .table_name(&*self.state)
            .key("pk", text(owner_key(&request.owner)))
            .key("sk", text("SLOTS"))
            .update_expression("SET #slot = :until")
            .condition_expression("attribute_exists(#slot)")
            .expression_attribute_names("#slot", format!("{PREFIX}{}", request.slot))
            .expression_attribute_values(":until", number(request.expires_at.0))
            .send()
            .await;
        renewed.map(drop).map_err(|error| error::failed("UpdateItem", &self.state, &error))
    }

    /// Removes expired slots from what was seen. `false` when there were none; a lost race counts as done.
    async fn prune(&self, owner: &Principal, seen: &Item) -> Result<bool, StoreError> {
        let now = self.clock.now().0;
        let mut expired = Vec::new();
        for name in seen.0.keys().filter(|name| name.starts_with(PREFIX)) {
            if seen.number(name)? <= now {
                expired.push(name.clone());
            }
        }
        if expired.is_empty() {
            return Ok(false);
        }
        let mut update = self
            .client()
            .await?
            .update_item()
            .table_name(&*self.state)
            .key("pk", text(owner_key(owner)))
            .key("sk", text("SLOTS"))
            .expression_attribute_values(":gone", AttributeValue::N(format!("-{}", expired.len())))
            .expression_attribute_values(":now", number(now));
        let (mut removed, mut still) = (Vec::new(), Vec::new());
        for (at, name) in expired.into_iter().enumerate() {
            removed.push(format!("#e{at}"));
            // Renewed or released meanwhile: then this is not ours to count.
            still.push(format!("#e{at} <= :now"));
            update = update.expression_attribute_names(format!("#e{at}"), name);
        }
        let pruned = update
            .update_expression(format!("REMOVE {} ADD held :gone", removed.join(", ")))
            .condition_expression(still.join(" AND "))
            .send()
            .await;
        match pruned {
            Ok(_) => Ok(true),
            Err(error)
                if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) =>
            {
                Ok(true)
            }
            Err(error) => Err(error::failed("UpdateItem", &self.state, &error)),
        }
    }
}
