//! Tags of resources for which their own service returns none.

use std::collections::BTreeMap;

use mcp_lambda_aws::signed::Service;
use serde::Deserialize;
use serde_json::json;

use super::{resource::Resource, wanted::Wanted};
use crate::aws::{Action, Aws, Input};

const SERVICE: Service = Service { id: "Resource Groups Tagging API", name: "tagging" };
/// The most ARNs of a request:
/// <https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html> (read 2026-11-28).
const PER_REQUEST: usize = 100;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Response {
    #[serde(default)]
    resource_tag_mapping_list: Vec<Tagged>,
}

#[derive(Deserialize)]
struct Tagged {
    #[serde(rename = "ResourceARN")]
    arn: String,
    #[serde(rename = "Tags", default)]
    tags: Vec<Tag>,
}

/// A tag, as most JSON APIs write it.
#[derive(Deserialize)]
pub(super) struct Tag {
    #[serde(alias = "Key")]
    key: String,
    #[serde(alias = "Value", default)]
    value: String,
}

/// Tags by name.
pub(super) fn map(tags: Vec<Tag>) -> BTreeMap<String, String> {
    tags.into_iter().map(|Tag { key, value }| (key, value)).collect()
}

/// Adds their tags to resources. One without tags is not in the response.
pub(super) async fn add(
    aws: &Aws,
    wanted: &Wanted,
    resources: &mut [Resource],
    arn: impl Fn(&Resource) -> String,
) -> Result<(), String> {
    let action = Action {
        service: SERVICE,
        name: "GetResources",
        permission: "tag:GetResources",
        resource: "*",
        place: &wanted.place,
    };
    for chunk in resources.chunks_mut(PER_REQUEST) {
        let arns: Vec<_> = chunk.iter().map(&arn).collect();
        let body = json!({ "ResourceARNList": arns });
        let input = Input::Json {
            target: "ResourceGroupsTaggingAPI_20170126",
            version: "application/x-amz-json-1.1",
            body,
        };
        let response = aws.send(action, input).await?;
        let response: Response = serde_json::from_slice(&response)
            .map_err(|_| "the response of the tagging API is malformed: repeat the call".to_owned())?;
        let mut found: BTreeMap<_, _> =
            response.resource_tag_mapping_list.into_iter().map(|one| (one.arn, map(one.tags))).collect();
        for (resource, arn) in chunk.iter_mut().zip(&arns) {
            resource.tags = found.remove(arn).unwrap_or_default();
        }
    }
    Ok(())
}
