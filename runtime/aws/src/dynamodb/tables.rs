//! The schema of the tables. The tests of the CDK construct and of this crate compare theirs with the same file,
//! `tests/contract/tables.json`.

use std::error::Error;

use aws_sdk_dynamodb::{
    Client,
    types::{
        AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
        TimeToLiveSpecification,
    },
};

/// The schema of a table, as far as the store depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TableShape {
    /// Content of the table: `state` or `events`.
    pub role: &'static str,
    /// Name of the partition key, a string attribute.
    pub partition_key: &'static str,
    /// Name of the sort key, a string attribute.
    pub sort_key: &'static str,
    /// Name of the TTL attribute: epoch seconds after which DynamoDB may delete an item.
    pub time_to_live: &'static str,
}

/// Returns the schemas of the state table and of the event table.
#[must_use]
pub const fn table_shapes() -> [TableShape; 2] {
    const fn shape(role: &'static str) -> TableShape {
        TableShape { role, partition_key: "pk", sort_key: "sk", time_to_live: "ttl" }
    }
    [shape("state"), shape("events")]
}

/// Creates the tables that do not exist, with on-demand capacity and TTL, for local use and tests. In AWS the CDK construct
/// or the set-up script creates them.
///
/// # Errors
///
/// The error of the SDK if a table cannot be created or its TTL cannot be set.
pub async fn create_tables(
    client: &Client,
    state: &str,
    events: &str,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    for (name, shape) in [state, events].into_iter().zip(table_shapes()) {
        let key = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build();
        let attribute = |name: &str| {
            AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build()
        };
        let created = client
            .create_table()
            .table_name(name)
            .billing_mode(BillingMode::PayPerRequest)
            .key_schema(key(shape.partition_key, KeyType::Hash)?)
            .key_schema(key(shape.sort_key, KeyType::Range)?)
            .attribute_definitions(attribute(shape.partition_key)?)
            .attribute_definitions(attribute(shape.sort_key)?)
            .send()
            .await;
        match created.map_err(aws_sdk_dynamodb::error::SdkError::into_service_error) {
            Ok(_) => {}
            Err(error) if error.is_resource_in_use_exception() => continue,
            Err(error) => return Err(error.into()),
        }
        let ttl =
            TimeToLiveSpecification::builder().attribute_name(shape.time_to_live).enabled(true).build()?;
        client.update_time_to_live().table_name(name).time_to_live_specification(ttl).send().await?;
    }
    Ok(())
}
