//! Requests to the services of AWS, signed with the credentials of the server.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::Request;
use mcp_lambda_aws::{
    sdk::{AwsSdk, timeouts},
    signed::{Place, Service, SignedClient},
};
use mcp_lambda_server::{Clock, Config, config::ToolResourceConfig, http::BoxError, tasks::TaskId};

use super::{
    action::{Action, Input},
    failure::failed,
};

/// Time limit of one try of a request, and of all: a page of a thousand resources takes seconds.
const TRY_TIMEOUT: Duration = Duration::from_secs(10);
const OPERATION_TIMEOUT: Duration = Duration::from_secs(20);

/// The AWS account of the server, as far as the deployment allows.
#[derive(Clone)]
pub(crate) struct Aws {
    sdk: AwsSdk,
    pub(crate) clock: Clock,
    pub(crate) allowed: Arc<ToolResourceConfig>,
    /// The topic of events and the queue of tasks: a message that a tool writes there would pass for the server's own.
    pub(super) topic: Option<String>,
    pub(super) queue: Option<String>,
}

impl Aws {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            sdk: AwsSdk::new(config.tls_roots, None),
            clock: Clock::system(),
            allowed: Arc::new(config.tool_resources.clone()),
            topic: config.events.topic_arn.clone(),
            queue: config.tasks.queue_url.clone(),
        }
    }

    /// Sends a request. A failure is a text for the model: what failed, and what to do about it.
    pub(crate) async fn send(&self, action: Action<'_>, input: Input) -> Result<Bytes, String> {
        self.request(action, input).await.map_err(|error| failed(&action, &error))
    }

    /// An id that the events of one call share.
    pub(crate) fn id() -> String {
        TaskId::random().to_string()
    }

    fn client(&self, service: Service) -> SignedClient {
        let limits = timeouts()
            .to_builder()
            .operation_attempt_timeout(TRY_TIMEOUT)
            .operation_timeout(OPERATION_TIMEOUT)
            .build();
        SignedClient::new(self.sdk.clone(), self.clock.clone(), service).with_timeouts(limits)
    }

    /// The URL of the endpoint of a service.
    pub(super) async fn endpoint(&self, action: &Action<'_>) -> Result<String, String> {
        let endpoint = self.client(action.service).endpoint(action.place).await;
        endpoint.map_err(|error| failed(action, &error))
    }

    async fn request(&self, action: Action<'_>, input: Input) -> Result<Bytes, BoxError> {
        let client = self.client(action.service);
        let url = client.endpoint(action.place).await?;
        let request = match input {
            Input::Json { target, version, body } => Request::post(format!("{url}/"))
                .header("content-type", version)
                .header("x-amz-target", format!("{target}.{}", action.name))
                .body(Bytes::from(body.to_string()))?,
            Input::Form { version, form } => Request::post(format!("{url}/"))
                .header("content-type", "application/x-www-form-urlencoded")
                .body(Bytes::from(form.finish(action.name, version)))?,
            Input::Get(target) => Request::get(format!("{url}{target}")).body(Bytes::new())?,
        };
        client.send(action.name, action.place, request).await
    }

    /// The region of the server: that of the SDK configuration.
    pub(crate) async fn region(&self) -> Result<String, String> {
        let region = self.sdk.config().await.map(|config| config.region().map(ToString::to_string));
        region.ok().flatten().ok_or_else(|| {
            "no AWS region is configured: set AWS_REGION, or the region of the AWS profile".to_owned()
        })
    }

    /// A region in which resources may be listed. Default: that of the server.
    pub(crate) async fn place(&self, wanted: Option<&str>) -> Result<Place, String> {
        let own = match wanted {
            Some(region) if self.allowed.regions.iter().any(|allowed| allowed == region) => {
                return Ok(Place::of_region(region));
            }
            _ => self.region().await?,
        };
        let regions = &self.allowed.regions;
        let region = wanted.unwrap_or(&own);
        if region == own && (regions.is_empty() || regions.contains(&own)) {
            return Ok(Place::of_region(region));
        }
        let allowed = if regions.is_empty() { own.clone() } else { regions.join(", ") };
        Err(format!(
            "region {region:?} is not allowed: this deployment allows {allowed}, as MCP_TOOL_REGIONS sets"
        ))
    }
}
