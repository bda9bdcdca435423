//! The shape of the tables. The construct that deploys them asserts the same file (`tests/contract/tables.json`).

use std::error::Error;

use aws_sdk_dynamodb::{
    Client,
    types::{
        AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
        TimeToLiveSpecification,
    },
};

/// A table, as far as the code depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TableShape {
    /// What it holds: `state` or `events`.
    pub role: &'static str,
    /// The string attribute that is the partition key.
    pub partition_key: &'static str,
    /// The string attribute that is the sort key.
    pub sort_key: &'static str,
    /// The number attribute, in epoch seconds, after which DynamoDB may delete an item.
    pub time_to_live: &'static str,
}

/// Both tables.
#[must_use]
pub const fn table_shapes() -> [TableShape; 2] {
    const fn shape(role: &'static str) -> TableShape {
        TableShape { role, partition_key: "pk", sort_key: "sk", time_to_live: "ttl" }
    }
    [shape("state"), shape("events")]
}

/// Creates the tables that are missing: for local use and tests. In AWS the construct or the set-up script does.
///
/// # Errors
///
/// What DynamoDB says.
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
