//! Reads: queries follow every page, and no table is scanned.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};

use super::{
    DynamoStore,
    batch::Tries,
    error::{self, not_built},
    item::{Item, text},
    keys,
};
use mcp_lambda_core::error::StoreError;

/// Largest number of items of one BatchGetItem.
const BATCH: usize = 100;

/// The consistency of a read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Consistency {
    /// Sees every earlier write.
    Strong,
    /// May miss the latest writes, for half the price.
    Eventual,
}

impl DynamoStore {
    /// Returns an item, with a strongly consistent read.
    pub(super) async fn get(&self, table: &str, pk: &str, sk: &str) -> Result<Option<Item>, StoreError> {
        let found = self
            .client()
            .await?
            .get_item()
            .table_name(table)
            .consistent_read(true)
            .key("pk", text(pk))
            .key("sk", text(sk))
            .send()
            .await
            .map_err(|error| error::failed("GetItem", table, &error))?;
        Ok(found.item.map(Item))
    }

    /// Returns the items with one sort key and any of some partition keys, by partition key.
    pub(super) async fn get_many(
        &self,
        table: &str,
        pks: &[String],
        sk: &str,
        consistency: Consistency,
    ) -> Result<HashMap<String, Item>, StoreError> {
        // A request that names a key twice is refused.
        let pks: BTreeSet<_> = pks.iter().collect();
        let pks: Vec<_> = pks.into_iter().collect();
        let mut found = HashMap::new();
        for page in pks.chunks(BATCH) {
            let mut keys = KeysAndAttributes::builder().consistent_read(consistency == Consistency::Strong);
            for pk in page {
                keys = keys.keys(Item::new(*pk, sk).0);
            }
            let keys = keys.build().map_err(not_built)?;
            let mut wanted = Some(HashMap::from([(table.to_owned(), keys)]));
            let mut tries = Tries::default();
            while let Some(request) = wanted.take().filter(|request| !request.is_empty()) {
                tries.next("BatchGetItem", table).await?;
                let got = self.client().await?.batch_get_item().set_request_items(Some(request)).send().await;
                let got = got.map_err(|error| error::failed("BatchGetItem", table, &error))?;
                for item in got.responses.into_iter().flatten().flat_map(|(_, items)| items).map(Item) {
                    found.insert(item.text("pk")?.to_owned(), item);
                }
                wanted = got.unprocessed_keys;
            }
        }
        Ok(found)
    }

    /// Returns every item of a partition with a sort key that starts with `prefix`.
    pub(super) async fn query(&self, table: &str, pk: &str, prefix: &str) -> Result<Vec<Item>, StoreError> {
        self.pages(table, "pk = :pk AND begins_with(sk, :prefix)", &[(":pk", pk), (":prefix", prefix)]).await
    }

    /// Returns every item of a partition. DynamoDB refuses an empty prefix.
    pub(super) async fn partition(&self, table: &str, pk: &str) -> Result<Vec<Item>, StoreError> {
        self.pages(table, "pk = :pk", &[(":pk", pk)]).await
    }

    /// Returns every item of a partition of the event table from one sort key to another, both included.
    pub(super) async fn query_between(
        &self,
        pk: &str,
        from: &str,
        to: &str,
    ) -> Result<Vec<Item>, StoreError> {
        let values = [(":pk", pk), (":from", from), (":to", to)];
        self.pages(&self.events, "pk = :pk AND sk BETWEEN :from AND :to", &values).await
    }

    /// Runs a strongly consistent query, page by page.
    async fn pages(
        &self,
        table: &str,
        condition: &str,
        values: &[(&str, &str)],
    ) -> Result<Vec<Item>, StoreError> {
        let values: HashMap<_, _> =
            values.iter().map(|(name, value)| ((*name).to_owned(), text(*value))).collect();
        let (mut items, mut start) = (Vec::new(), None);
        loop {
            let page = self
                .client()
                .await?
                .query()
                .table_name(table)
                .consistent_read(true)
                .key_condition_expression(condition)
                .set_expression_attribute_values(Some(values.clone()))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| error::failed("Query", table, &error))?;
            items.extend(page.items.unwrap_or_default().into_iter().map(Item));
            match page.last_evaluated_key {
                Some(key) if !key.is_empty() => start = Some(key),
                _ => return Ok(items),
            }
        }
    }

    /// Returns up to `limit` items of a partition of the event table with sequence numbers as sort keys, the last one
    /// first, with a strongly consistent read of one page.
    pub(super) async fn last_items(&self, pk: &str, limit: i32) -> Result<Vec<Item>, StoreError> {
        Ok(self.last_items_before(pk, limit, None).await?.0)
    }

    /// Returns a page of such items, and the key before which the next page begins.
    pub(super) async fn last_items_before(
        &self,
        pk: &str,
        limit: i32,
        start: Option<HashMap<String, AttributeValue>>,
    ) -> Result<(Vec<Item>, Option<HashMap<String, AttributeValue>>), StoreError> {
        let page = self
            .client()
            .await?
            .query()
            .table_name(&*self.events)
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND sk >= :first")
            .expression_attribute_values(":pk", text(pk))
            .expression_attribute_values(":first", text(keys::seq(0)))
            .scan_index_forward(false)
            .limit(limit)
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(|error| error::failed("Query", &self.events, &error))?;
        let items = page.items.unwrap_or_default().into_iter().map(Item).collect();
        Ok((items, page.last_evaluated_key.filter(|key| !key.is_empty())))
    }
}
