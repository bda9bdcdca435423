//! ECS services: those of a few clusters a page.

use mcp_lambda_aws::signed::Service;
use mcp_lambda_server::time::Timestamp;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{pages::Page, resource::Resource, tags, wanted::Wanted};
use crate::aws::{Action, Aws, Input};

const SERVICE: Service = Service { id: "ECS", name: "ecs" };
/// The clusters of a page, and the services of a request:
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServices.html> (read 2026-11-28).
const CLUSTERS: usize = 5;
const PER_REQUEST: usize = 10;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Clusters {
    #[serde(default)]
    cluster_arns: Vec<String>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Names {
    #[serde(default)]
    service_arns: Vec<String>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
struct Described {
    #[serde(default)]
    services: Vec<Found>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    service_name: String,
    status: Option<String>,
    #[serde(default)]
    tags: Vec<tags::Tag>,
    #[serde(default)]
    deployments: Vec<Deployment>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Deployment {
    updated_at: Option<f64>,
}

/// The services of a page of clusters.
pub(super) async fn services(aws: &Aws, wanted: &Wanted, token: Option<&str>) -> Result<Page, String> {
    let body = with_token(json!({ "maxResults": CLUSTERS }), token);
    let Clusters { cluster_arns, next_token } =
        call(aws, wanted, ("ListClusters", "ecs:ListClusters"), "*", body).await?;
    let mut found = Vec::new();
    for cluster in &cluster_arns {
        services_of(aws, wanted, cluster, &mut found).await?;
    }
    Ok(Page::of(found, some(next_token), wanted))
}

/// All services of a cluster.
async fn services_of(
    aws: &Aws,
    wanted: &Wanted,
    cluster: &str,
    found: &mut Vec<Resource>,
) -> Result<(), String> {
    let mut token: Option<String> = None;
    loop {
        let body = with_token(json!({ "cluster": cluster, "maxResults": PER_REQUEST }), token.as_deref());
        let Names { service_arns, next_token } =
            call(aws, wanted, ("ListServices", "ecs:ListServices"), cluster, body).await?;
        if !service_arns.is_empty() {
            let body = json!({ "cluster": cluster, "services": service_arns, "include": ["TAGS"] });
            let Described { services } =
                call(aws, wanted, ("DescribeServices", "ecs:DescribeServices"), cluster, body).await?;
            let name = cluster.rsplit('/').next().unwrap_or(cluster);
            found.extend(services.into_iter().map(|service| resource(name, service)));
        }
        token = some(next_token);
        if token.is_none() {
            return Ok(());
        }
    }
}

/// An empty token is none.
fn some(token: Option<String>) -> Option<String> {
    token.filter(|token| !token.is_empty())
}

fn with_token(mut body: Value, token: Option<&str>) -> Value {
    if let Some(token) = token {
        body["nextToken"] = json!(token);
    }
    body
}

async fn call<T: DeserializeOwned>(
    aws: &Aws,
    wanted: &Wanted,
    (name, permission): (&'static str, &'static str),
    resource: &str,
    body: Value,
) -> Result<T, String> {
    let action = Action { service: SERVICE, name, permission, resource, place: &wanted.place };
    let input = Input::Json {
        target: "AmazonEC2ContainerServiceV20141113",
        version: "application/x-amz-json-1.1",
        body,
    };
    let response = aws.send(action, input).await?;
    serde_json::from_slice(&response)
        .map_err(|_| "the response of ECS is malformed: repeat the call".to_owned())
}

fn resource(cluster: &str, service: Found) -> Resource {
    // Seconds, with a part of a second after the point.
    let newest = service.deployments.iter().filter_map(|deployment| deployment.updated_at).reduce(f64::max);
    Resource {
        id: format!("{cluster}/{}", service.service_name),
        state: service.status,
        tags: tags::map(service.tags),
        last_updated: newest.map(|seconds| Timestamp::from_millis((seconds * 1000.0) as u64).to_rfc3339()),
    }
}
