//! The execution roles of the functions.

use std::collections::BTreeSet;

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::links::LEAST_PRIVILEGE;
use crate::{
    aws::Service,
    check::{
        finding::{Checked, ensure},
        probe::Probe,
        row::{Check, check},
        stack::{View, name_of},
    },
};

pub(crate) const CHECKS: &[Check] = &[
    check!(
        "infrastructure.role-actions",
        Infrastructure,
        Once,
        "Roles name their actions",
        "No role of the functions allows all actions, or all actions of a service.",
        LEAST_PRIVILEGE,
        actions
    ),
    check!(
        "infrastructure.role-resources",
        Infrastructure,
        Once,
        "Roles name their resources",
        "No role of the functions allows actions on all tables, topics, queues, functions, keys, secrets or buckets.",
        LEAST_PRIVILEGE,
        resources
    ),
];

/// Services with actions on resources.
const WITH_RESOURCES: [&str; 7] = ["dynamodb", "kms", "lambda", "s3", "secretsmanager", "sns", "sqs"];

/// The statements that allow something, each with the name of its role.
async fn statements(stack: &View<'_>) -> Checked<Vec<(String, Value)>> {
    let functions = stack.functions().await?;
    let roles: BTreeSet<String> = functions
        .iter()
        .filter_map(|function| function.0["Role"].as_str())
        .map(|arn| name_of(arn).to_owned())
        .collect();
    let mut statements = Vec::new();
    for role in roles {
        for document in documents(stack, &role).await? {
            let listed = match &document["Statement"] {
                Value::Array(statements) => statements.clone(),
                one => vec![one.clone()],
            };
            let allowed = listed.into_iter().filter(|one| one["Effect"] == "Allow");
            statements.extend(allowed.map(|one| (role.clone(), one)));
        }
    }
    Ok(statements)
}

/// The policies of a role: its own, and those that are attached to it.
async fn documents(stack: &View<'_>, role: &str) -> Checked<Vec<Value>> {
    let of_role = json!({ "RoleName": role });
    let names = stack.read(Service::Iam, "ListRolePolicies", of_role.clone()).await?;
    let mut documents = Vec::new();
    for name in names["PolicyNames"].as_array().into_iter().flatten() {
        let input = json!({ "RoleName": role, "PolicyName": name });
        let answer = stack.read(Service::Iam, "GetRolePolicy", input).await?;
        documents.push(document(&answer["PolicyDocument"]));
    }
    let attached = stack.read(Service::Iam, "ListAttachedRolePolicies", of_role).await?;
    for policy in attached["AttachedPolicies"].as_array().into_iter().flatten() {
        let arn = &policy["PolicyArn"];
        let answer = stack.read(Service::Iam, "GetPolicy", json!({ "PolicyArn": arn })).await?;
        let version = &answer["Policy"]["DefaultVersionId"];
        let input = json!({ "PolicyArn": arn, "VersionId": version });
        let answer = stack.read(Service::Iam, "GetPolicyVersion", input).await?;
        documents.push(document(&answer["PolicyVersion"]["Document"]));
    }
    Ok(documents)
}

/// A policy: IAM writes its JSON as part of a URL.
fn document(encoded: &Value) -> Value {
    let text = percent_decode_str(encoded.as_str().unwrap_or_default()).decode_utf8_lossy();
    serde_json::from_str(&text).unwrap_or_default()
}

fn words(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(members) => members.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    }
}

async fn actions(probe: &Probe<'_>) -> Checked {
    for (role, statement) in statements(&probe.stack()?).await? {
        let wide = words(&statement["Action"]).into_iter().find(|one| *one == "*" || one.ends_with(":*"));
        ensure!(wide.is_none(), "the role {role} allows {}: {statement}", wide.unwrap_or_default());
        ensure!(
            statement.get("NotAction").is_none(),
            "the role {role} allows all but some actions: {statement}"
        );
    }
    Ok(())
}

async fn resources(probe: &Probe<'_>) -> Checked {
    for (role, statement) in statements(&probe.stack()?).await? {
        if !words(&statement["Resource"]).contains(&"*") {
            continue;
        }
        let service = |action: &&str| action.split(':').next().unwrap_or_default().to_ascii_lowercase();
        let wide = words(&statement["Action"])
            .into_iter()
            .find(|one| WITH_RESOURCES.contains(&service(one).as_str()));
        ensure!(wide.is_none(), "the role {role} allows {} on all resources", wide.unwrap_or_default());
    }
    Ok(())
}
