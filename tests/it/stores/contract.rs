//! The schema of the tables is a contract with the CDK construct: `tests/contract/tables.json`.

use mcp_lambda_server::dynamodb::table_shapes;
use serde_json::Value;

#[test]
fn the_tables_have_the_schema_of_the_contract() {
    let contract: Value = serde_json::from_str(include_str!("../../contract/tables.json")).expect("JSON");
    assert_eq!(serde_json::to_value(table_shapes()).expect("JSON"), contract);
}
