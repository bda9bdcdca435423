//! Lambda functions. `ListFunctions` has neither states nor tags.

use std::collections::BTreeMap;

use futures::{StreamExt, TryStreamExt, stream};
use mcp_lambda_aws::signed::Service;
use serde::Deserialize;

use super::{pages::Page, resource::Resource, tags, wanted::Wanted};
use crate::aws::{Action, Aws, Form, Input};

const SERVICE: Service = Service { id: "Lambda", name: "lambda" };
/// The most functions of a page: <https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctions.html> (read 2026-11-28).
const PER_PAGE: &str = "50";
/// Requests for states that are sent at a time. Lambda takes 15 of this kind in a second.
const AT_A_TIME: usize = 4;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Response {
    #[serde(default)]
    functions: Vec<Function>,
    next_marker: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Function {
    function_name: String,
    function_arn: String,
    last_modified: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Configuration {
    state: Option<String>,
}

pub(super) async fn functions(aws: &Aws, wanted: &Wanted, token: Option<&str>) -> Result<Page, String> {
    let action = action("ListFunctions", "lambda:ListFunctions", "*", wanted);
    let query = Form::default().with_some("Marker", token).with("MaxItems", PER_PAGE).query();
    let response = aws.send(action, Input::Get(format!("/2015-03-31/functions/?{query}"))).await?;
    let Response { functions, next_marker } = parsed(&response)?;
    let arns: BTreeMap<_, _> = functions
        .iter()
        .map(|function| (function.function_name.clone(), function.function_arn.clone()))
        .collect();
    let mut found: Vec<_> = functions.into_iter().map(resource).collect();
    let arn = |resource: &Resource| arns.get(&resource.id).cloned().unwrap_or_default();
    if !found.is_empty() {
        tags::add(aws, wanted, &mut found, arn).await?;
    }
    let mut page = Page::of(found, next_marker.filter(|marker| !marker.is_empty()), wanted);
    let named: Vec<_> = page.resources.iter().map(|one| (one.id.clone(), arn(one))).collect();
    let states = stream::iter(named).map(|(name, arn)| async move { state(aws, wanted, &name, &arn).await });
    let states: Vec<_> = states.buffered(AT_A_TIME).try_collect().await?;
    for (resource, state) in page.resources.iter_mut().zip(states) {
        resource.state = state;
    }
    Ok(page)
}

async fn state(aws: &Aws, wanted: &Wanted, name: &str, arn: &str) -> Result<Option<String>, String> {
    let action = action("GetFunctionConfiguration", "lambda:GetFunctionConfiguration", arn, wanted);
    let response =
        aws.send(action, Input::Get(format!("/2015-03-31/functions/{name}/configuration"))).await?;
    let Configuration { state } = parsed(&response)?;
    Ok(state)
}

fn action<'a>(
    name: &'static str,
    permission: &'static str,
    resource: &'a str,
    wanted: &'a Wanted,
) -> Action<'a> {
    Action { service: SERVICE, name, permission, resource, place: &wanted.place }
}

fn resource(function: Function) -> Resource {
    Resource {
        id: function.function_name,
        state: None,
        tags: BTreeMap::new(),
        // `2026-11-28T10:00:00.000+0000`: RFC 3339 has a colon in the offset.
        last_updated: function.last_modified.map(|time| time.replace("+0000", "Z")),
    }
}

fn parsed<'a, T: Deserialize<'a>>(response: &'a [u8]) -> Result<T, String> {
    serde_json::from_slice(response)
        .map_err(|_| "the response of Lambda is malformed: repeat the call".to_owned())
}
