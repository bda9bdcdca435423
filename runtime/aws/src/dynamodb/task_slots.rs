//! The count of a principal's open tasks: one item for each principal, with a counter and one attribute for each task.
//!
//! A task takes its slot in the transaction that creates it. Its end is one write, of the task alone: slots of tasks that
//! have ended are freed when a creation finds none free.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};

use super::{
    DynamoStore,
    error::{self, not_built},
    item::{millis, number, text},
    keys,
    read::Consistency,
    tasks::task,
};
use mcp_lambda_core::{
    auth::Principal,
    error::StoreError,
    tasks::{Task, TaskId},
};

/// Prefix of the attributes of tasks.
const PREFIX: &str = "task_";

impl DynamoStore {
    /// The write that takes a slot. Its condition is that one is free.
    pub(super) fn take_slot(&self, task: &Task, limit: usize) -> Result<TransactWriteItem, StoreError> {
        let update = Update::builder()
            .table_name(&*self.state)
            .key("pk", text(keys::owner(&task.owner)))
            .key("sk", text(keys::OPEN_TASKS))
            .update_expression("SET #task = :until, #ttl = :ttl ADD held :one")
            .condition_expression("attribute_not_exists(held) OR held < :limit")
            .expression_attribute_names("#task", format!("{PREFIX}{}", task.id))
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":until", millis(task.expires_at))
            // Tasks of one server live equally long: the item is deleted a day after the last one has expired.
            .expression_attribute_values(":ttl", number(task.expires_at.epoch_seconds() + 24 * 60 * 60))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":limit", number(limit as u64));
        Ok(TransactWriteItem::builder().update(update.build().map_err(not_built)?).build())
    }

    /// Frees the slots of tasks that have ended or expired. `false` if there are none. If another process frees them
    /// first, that counts as freed.
    pub(super) async fn free_slots(&self, owner: &Principal) -> Result<bool, StoreError> {
        let pk = keys::owner(owner);
        let Some(item) = self.get(&self.state, &pk, keys::OPEN_TASKS).await? else { return Ok(true) };
        let slots = item.0.keys().filter_map(|name| name.strip_prefix(PREFIX));
        let slots: Vec<_> = slots.filter_map(|id| id.parse::<TaskId>().ok()).collect();
        let pks: Vec<_> = slots.iter().map(keys::task).collect();
        let found = self.get_many(&self.state, &pks, keys::META, Consistency::Strong).await?;
        let now = self.clock.now();
        let mut freed = Vec::new();
        for (id, pk) in slots.iter().zip(&pks) {
            let is_open = match found.get(pk) {
                Some(item) => item.is_live(now)? && !task(id, item)?.value.state.has_ended(),
                None => false,
            };
            if !is_open {
                freed.push(format!("{PREFIX}{id}"));
            }
        }
        if freed.is_empty() {
            return Ok(false);
        }
        let names: HashMap<_, _> =
            freed.into_iter().enumerate().map(|(index, name)| (format!("#t{index}"), name)).collect();
        let removed: Vec<_> = names.keys().map(String::as_str).collect();
        // A slot that another process has freed meanwhile must not be counted again.
        let conditions: Vec<_> = removed.iter().map(|name| format!("attribute_exists({name})")).collect();
        let freed = self
            .client()
            .await?
            .update_item()
            .table_name(&*self.state)
            .key("pk", text(pk))
            .key("sk", text(keys::OPEN_TASKS))
            .update_expression(format!("REMOVE {} ADD held :freed", removed.join(", ")))
            .condition_expression(conditions.join(" AND "))
            .expression_attribute_values(":freed", AttributeValue::N(format!("-{}", names.len())))
            .set_expression_attribute_names(Some(names.clone()))
            .send()
            .await;
        match freed {
            Ok(_) => Ok(true),
            Err(error) if error::is_condition_failed(&error) => Ok(true),
            Err(error) => Err(error::failed("UpdateItem", &self.state, &error)),
        }
    }
}
