//! The tables of sessions and events.

use serde_json::{Value, json};

use super::links::{KEYS, RECOVERY, TABLES, TTL};
use crate::{
    aws::Service,
    check::{
        finding::{Checked, ensure, failed, warning},
        probe::Probe,
        row::{Check, check},
    },
};

pub(crate) const CHECKS: &[Check] = &[
    check!(
        "infrastructure.tables",
        Infrastructure,
        Once,
        "The tables exist",
        "The tables that the variables of the server name exist and are active.",
        TABLES,
        tables
    ),
    check!(
        "infrastructure.table-keys",
        Infrastructure,
        Once,
        "Keys of the tables",
        "The partition key of both tables is the string pk, and their sort key the string sk.",
        KEYS,
        keys
    ),
    check!(
        "infrastructure.table-ttl",
        Infrastructure,
        Once,
        "Expired items",
        "DynamoDB deletes the expired items of both tables: time to live is enabled on the attribute ttl.",
        TTL,
        time_to_live
    ),
    check!(
        "infrastructure.table-recovery",
        Infrastructure,
        Once,
        "Recovery of the state",
        "The table of sessions should have point-in-time recovery.",
        RECOVERY,
        recovery
    ),
];

async fn tables(probe: &Probe<'_>) -> Checked {
    let stack = probe.stack()?;
    for (what, table) in stack.tables().await? {
        let input = json!({ "TableName": table });
        let Some(answer) = stack.find(Service::DynamoDb, "DescribeTable", input).await? else {
            failed!("the table of {what}, {table}, does not exist");
        };
        let status = answer["Table"]["TableStatus"].as_str().unwrap_or_default();
        ensure!(["ACTIVE", "UPDATING"].contains(&status), "the table of {what}, {table}, is {status}");
    }
    Ok(())
}

async fn keys(probe: &Probe<'_>) -> Checked {
    let stack = probe.stack()?;
    for (what, table) in stack.tables().await? {
        let input = json!({ "TableName": table });
        let answer = stack.read(Service::DynamoDb, "DescribeTable", input).await?;
        let found = keys_of(&answer["Table"]);
        ensure!(
            found == "pk (HASH, S), sk (RANGE, S)",
            "the table of {what}, {table}, has the keys {found}; expected pk (HASH, S), sk (RANGE, S)"
        );
    }
    Ok(())
}

/// The keys in words: name, kind and type.
fn keys_of(table: &Value) -> String {
    let list = |name: &str| table[name].as_array().cloned().unwrap_or_default();
    let attributes = list("AttributeDefinitions");
    let kind_of = |name: &Value| {
        let found = attributes.iter().find(|one| one["AttributeName"] == *name);
        found.and_then(|one| one["AttributeType"].as_str()).unwrap_or("?").to_owned()
    };
    let mut keys: Vec<Value> = list("KeySchema");
    keys.sort_by_key(|key| key["KeyType"].as_str().unwrap_or_default().to_owned());
    let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    let words = keys.iter().map(|key| {
        let name = &key["AttributeName"];
        format!("{} ({}, {})", text(name), text(&key["KeyType"]), kind_of(name))
    });
    words.collect::<Vec<_>>().join(", ")
}

async fn time_to_live(probe: &Probe<'_>) -> Checked {
    let stack = probe.stack()?;
    for (what, table) in stack.tables().await? {
        let input = json!({ "TableName": table });
        let answer = stack.read(Service::DynamoDb, "DescribeTimeToLive", input).await?;
        let described = &answer["TimeToLiveDescription"];
        let status = described["TimeToLiveStatus"].as_str().unwrap_or("DISABLED");
        ensure!(
            ["ENABLED", "ENABLING"].contains(&status),
            "time to live of the table of {what}, {table}, is {status}: its items are never deleted"
        );
        let attribute = described["AttributeName"].as_str().unwrap_or_default();
        ensure!(
            attribute == "ttl",
            "time to live of the table of {what}, {table}, is on {attribute:?}, and not on \"ttl\""
        );
    }
    Ok(())
}

async fn recovery(probe: &Probe<'_>) -> Checked {
    let stack = probe.stack()?;
    let [(_, table), _] = stack.tables().await?;
    let input = json!({ "TableName": table });
    let answer = stack.read(Service::DynamoDb, "DescribeContinuousBackups", input).await?;
    let recovery = &answer["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"];
    let status = recovery["PointInTimeRecoveryStatus"].as_str().unwrap_or("DISABLED");
    if status != "ENABLED" {
        warning!("point-in-time recovery of the table of state, {table}, is {status}");
    }
    Ok(())
}
