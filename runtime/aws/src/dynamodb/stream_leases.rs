//! Counts of open streams: one item for each principal, with a counter and one attribute for each lease.
//!
//! Acquiring a lease is one conditional write. Expired leases are removed only if that write is refused.

use std::collections::HashMap;

use async_trait::async_trait;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};

use super::{
    DynamoStore, error,
    item::{Item, millis, number, text},
    keys,
};
use mcp_lambda_core::{
    auth::Principal,
    error::StoreError,
    stream::{StreamLease, StreamLeaseStore},
};

/// Prefix of the attributes of leases.
const PREFIX: &str = "lease_";
/// Tries while other streams of the same principal open and end.
const TRIES: u32 = 16;

/// The result of an acquisition.
enum Acquired {
    /// The lease is held.
    Held,
    /// The owner holds as many leases as allowed, or this one. The item as it is.
    Refused(Item),
}

fn attribute(id: &str) -> String {
    format!("{PREFIX}{id}")
}

#[async_trait]
impl StreamLeaseStore for DynamoStore {
    async fn acquire(&self, request: &StreamLease) -> Result<bool, StoreError> {
        for _ in 0..TRIES {
            match self.try_acquire(request).await? {
                Acquired::Held => return Ok(true),
                Acquired::Refused(item) => {
                    if item.has(&attribute(&request.id)) {
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

    async fn release(&self, owner: &Principal, id: &str) -> Result<(), StoreError> {
        let released = self
            .client()
            .await?
            .update_item()
            .table_name(&*self.state)
            .key("pk", text(keys::owner(owner)))
            .key("sk", text(keys::STREAMS))
            .update_expression("REMOVE #lease ADD held :minus")
            .condition_expression("attribute_exists(#lease)")
            .expression_attribute_names("#lease", attribute(id))
            .expression_attribute_values(":minus", AttributeValue::N("-1".into()))
            .send()
            .await;
        match released {
            Ok(_) => Ok(()),
            // The lease was released before, or removed after it had expired.
            Err(error) if error::is_condition_failed(&error) => Ok(()),
            Err(error) => Err(error::failed("UpdateItem", &self.state, &error)),
        }
    }
}

impl DynamoStore {
    async fn try_acquire(&self, request: &StreamLease) -> Result<Acquired, StoreError> {
        let taken = self
            .client()
            .await?
            .update_item()
            .table_name(&*self.state)
            .key("pk", text(keys::owner(&request.owner)))
            .key("sk", text(keys::STREAMS))
            .update_expression("SET #lease = :until, #ttl = :ttl ADD held :one")
            .condition_expression(
                "attribute_not_exists(#lease) AND (attribute_not_exists(held) OR held < :limit)",
            )
            .expression_attribute_names("#lease", attribute(&request.id))
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":until", millis(request.expires_at))
            // The item is deleted a day after the last lease has expired.
            .expression_attribute_values(":ttl", number(request.expires_at.epoch_seconds() + 24 * 60 * 60))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":limit", number(request.limit as u64))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(error) = taken else { return Ok(Acquired::Held) };
        match error.as_service_error() {
            Some(
                aws_sdk_dynamodb::operation::update_item::UpdateItemError::ConditionalCheckFailedException(
                    failed,
                ),
            ) => match failed.item() {
                Some(item) => Ok(Acquired::Refused(Item(item.clone()))),
                None => self.leases(&request.owner).await.map(Acquired::Refused),
            },
            _ => Err(error::failed("UpdateItem", &self.state, &error)),
        }
    }

    /// Reads the item, for databases that do not return it with the refusal.
    async fn leases(&self, owner: &Principal) -> Result<Item, StoreError> {
        let found = self.get(&self.state, &keys::owner(owner), keys::STREAMS).await?;
        Ok(found.unwrap_or_else(|| Item(HashMap::new())))
    }

    async fn renew(&self, request: &StreamLease) -> Result<(), StoreError> {
        let renewed = self
            .client()
            .await?
            .update_item()
            .table_name(&*self.state)
            .key("pk", text(keys::owner(&request.owner)))
            .key("sk", text(keys::STREAMS))
            .update_expression("SET #lease = :until")
            .condition_expression("attribute_exists(#lease)")
            .expression_attribute_names("#lease", attribute(&request.id))
            .expression_attribute_values(":until", millis(request.expires_at))
            .send()
            .await;
        renewed.map(drop).map_err(|error| error::failed("UpdateItem", &self.state, &error))
    }

    /// Removes the expired leases of an item. `false` if there are none. If another process changes them first, that counts
    /// as removed.
    async fn prune(&self, owner: &Principal, item: &Item) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let mut expired = Vec::new();
        for name in item.0.keys().filter(|name| name.starts_with(PREFIX)) {
            if item.time(name)? <= now {
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
            .key("pk", text(keys::owner(owner)))
            .key("sk", text(keys::STREAMS))
            .expression_attribute_values(":expired", AttributeValue::N(format!("-{}", expired.len())))
            .expression_attribute_values(":now", millis(now));
        let (mut removed, mut conditions) = (Vec::new(), Vec::new());
        for (index, name) in expired.into_iter().enumerate() {
            removed.push(format!("#e{index}"));
            // A lease that was renewed or released meanwhile must not be counted again.
            conditions.push(format!("#e{index} <= :now"));
            update = update.expression_attribute_names(format!("#e{index}"), name);
        }
        let pruned = update
            .update_expression(format!("REMOVE {} ADD held :expired", removed.join(", ")))
            .condition_expression(conditions.join(" AND "))
            .send()
            .await;
        match pruned {
            Ok(_) => Ok(true),
            Err(error) if error::is_condition_failed(&error) => Ok(true),
            Err(error) => Err(error::failed("UpdateItem", &self.state, &error)),
        }
    }
}
