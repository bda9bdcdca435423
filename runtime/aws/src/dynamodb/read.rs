//! Reads: always consistent, page by page, and never a scan.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::types::KeysAndAttributes;

use super::{
    DynamoStore, error,
    item::{Item, text},
    transact::{self, built},
};
use mcp_lambda_core::error::StoreError;

/// Items that one BatchGetItem may ask for.
const BATCH: usize = 100;

/// What a read may miss.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// Nothing that was written before.
    Consistent,
    /// What was written in the last moments, for half the price.
    Eventual,
}

impl DynamoStore {
    /// One item.
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

    /// The items that are there of those with these partition keys and one sort key, by partition key.
    pub(super) async fn get_many(
        &self,
        table: &str,
        pks: &[String],
        sk: &str,
        reading: Reading,
    ) -> Result<HashMap<String, Item>, StoreError> {
        // One request must not name a key twice.
        let pks: BTreeSet<_> = pks.iter().collect();
        let pks: Vec<_> = pks.into_iter().collect();
        let mut found = HashMap::new();
        for page in pks.chunks(BATCH) {
            let mut keys = KeysAndAttributes::builder().consistent_read(reading == Reading::Consistent);
            for pk in page {
                keys = keys.keys(Item::new(*pk, sk).0);
            }
            let keys = keys.build().map_err(built)?;
            let mut wanted = Some(HashMap::from([(table.to_owned(), keys)]));
            let mut tries = transact::tries();
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

    /// Every item below a key whose sort key starts with `prefix`.
    pub(super) async fn query(&self, table: &str, pk: &str, prefix: &str) -> Result<Vec<Item>, StoreError> {
        self.pages(table, "pk = :pk AND begins_with(sk, :prefix)", &[(":pk", pk), (":prefix", prefix)]).await
    }

    /// Every item below a key. Not a query with an empty prefix: DynamoDB refuses empty strings in keys.
    pub(super) async fn below(&self, table: &str, pk: &str) -> Result<Vec<Item>, StoreError> {
        self.pages(table, "pk = :pk", &[(":pk", pk)]).await
    }

    /// Every item of the event table from one sort key to another.
    pub(super) async fn query_between(
        &self,
        pk: &str,
        from: &str,
        to: &str,
    ) -> Result<Vec<Item>, StoreError> {
        let values = [(":pk", pk), (":from", from), (":to", to)];
        self.pages(&self.events, "pk = :pk AND sk BETWEEN :from AND :to", &values).await
    }

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
}
