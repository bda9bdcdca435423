//! EC2, RDS, CloudFormation and S3: one request a page.

use std::collections::BTreeMap;

use mcp_lambda_aws::signed::Service;
use roxmltree::Node;

use super::{pages::Page, resource::Resource, tags, wanted::Wanted};
use crate::aws::{Action, Aws, Form, Input, xml};

const EC2: Service = Service { id: "EC2", name: "ec2" };
const RDS: Service = Service { id: "RDS", name: "rds" };
const CLOUD_FORMATION: Service = Service { id: "CloudFormation", name: "cloudformation" };
const S3: Service = Service { id: "S3", name: "s3" };
/// The number of resources of a page, where the service lets it be chosen.
const PER_PAGE: &str = "100";

fn action<'a>(
    service: Service,
    name: &'static str,
    permission: &'static str,
    wanted: &'a Wanted,
) -> Action<'a> {
    Action { service, name, permission, resource: "*", place: &wanted.place }
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html> (read 2026-11-28).
pub(super) async fn instances(aws: &Aws, wanted: &Wanted, token: Option<&str>) -> Result<Page, String> {
    let action = action(EC2, "DescribeInstances", "ec2:DescribeInstances", wanted);
    let form = Form::default().with("MaxResults", PER_PAGE).with_some("NextToken", token);
    let response = aws.send(action, Input::Form { version: "2016-11-15", form }).await?;
    xml::read(&response, |root| {
        let reservations = xml::items(root, "reservationSet", "item").into_iter();
        let found = reservations.flat_map(|reservation| xml::items(reservation, "instancesSet", "item"));
        let instance = |node: Node<'_, '_>| Resource {
            id: xml::text(node, "instanceId").unwrap_or_default(),
            state: xml::text(node, "instanceState/name"),
            tags: pairs(&xml::items(node, "tagSet", "item"), "key", "value"),
            last_updated: xml::text(node, "launchTime"),
        };
        Page::of(found.map(instance).collect(), xml::text(root, "nextToken"), wanted)
    })
}

/// <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBInstances.html> (read 2026-11-28).
pub(super) async fn databases(aws: &Aws, wanted: &Wanted, token: Option<&str>) -> Result<Page, String> {
    let action = action(RDS, "DescribeDBInstances", "rds:DescribeDBInstances", wanted);
    let form = Form::default().with("MaxRecords", PER_PAGE).with_some("Marker", token);
    let response = aws.send(action, Input::Form { version: "2014-10-31", form }).await?;
    xml::read(&response, |root| {
        let database = |node: Node<'_, '_>| Resource {
            id: xml::text(node, "DBInstanceIdentifier").unwrap_or_default(),
            state: xml::text(node, "DBInstanceStatus"),
            tags: pairs(&xml::items(node, "TagList", "Tag"), "Key", "Value"),
            last_updated: xml::text(node, "InstanceCreateTime"),
        };
        let found = xml::items(root, "DescribeDBInstancesResult/DBInstances", "DBInstance").into_iter();
        let next = xml::text(root, "DescribeDBInstancesResult/Marker");
        Page::of(found.map(database).collect(), next, wanted)
    })
}

/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html> (read 2026-11-28).
pub(super) async fn stacks(aws: &Aws, wanted: &Wanted, token: Option<&str>) -> Result<Page, String> {
    let action = action(CLOUD_FORMATION, "DescribeStacks", "cloudformation:DescribeStacks", wanted);
    let form = Form::default().with_some("NextToken", token);
    let response = aws.send(action, Input::Form { version: "2010-05-15", form }).await?;
    xml::read(&response, |root| {
        let stack = |node: Node<'_, '_>| Resource {
            id: xml::text(node, "StackName").unwrap_or_default(),
            state: xml::text(node, "StackStatus"),
            tags: pairs(&xml::items(node, "Tags", "member"), "Key", "Value"),
            last_updated: xml::text(node, "LastUpdatedTime").or_else(|| xml::text(node, "CreationTime")),
        };
        let found = xml::items(root, "DescribeStacksResult/Stacks", "member").into_iter();
        let next = xml::text(root, "DescribeStacksResult/NextToken");
        Page::of(found.map(stack).collect(), next, wanted)
    })
}

/// The buckets of the region: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html> (read 2026-11-28). Their tags are
/// those of the tagging API.
pub(super) async fn buckets(aws: &Aws, wanted: &Wanted, token: Option<&str>) -> Result<Page, String> {
    let action = action(S3, "ListBuckets", "s3:ListAllMyBuckets", wanted);
    let query = Form::default()
        .with("bucket-region", &wanted.place.region)
        .with_some("continuation-token", token)
        .with("max-buckets", PER_PAGE);
    let response = aws.send(action, Input::Get(format!("/?{}", query.query()))).await?;
    let (mut found, next) = xml::read(&response, |root| {
        let bucket = |node: Node<'_, '_>| Resource {
            id: xml::text(node, "Name").unwrap_or_default(),
            state: None,
            tags: BTreeMap::new(),
            last_updated: xml::text(node, "CreationDate"),
        };
        let found: Vec<_> = xml::items(root, "Buckets", "Bucket").into_iter().map(bucket).collect();
        (found, xml::text(root, "ContinuationToken"))
    })?;
    let arn = |resource: &Resource| format!("arn:{}:s3:::{}", wanted.place.partition, resource.id);
    tags::add(aws, wanted, &mut found, arn).await?;
    Ok(Page::of(found, next, wanted))
}

/// Elements with a name and a value.
fn pairs(nodes: &[Node<'_, '_>], name: &str, value: &str) -> BTreeMap<String, String> {
    let pair =
        |node: &Node<'_, '_>| Some((xml::text(*node, name)?, xml::text(*node, value).unwrap_or_default()));
    nodes.iter().filter_map(pair).collect()
}
