//! Signed requests to a service that no SDK client is linked for, with the retries, time limits and connections of the SDK clients.

// A client of an SDK compiles all operations of its service: for the few that the server needs, the request is written here, and
// the SDK's own orchestrator sends it.

use aws_config::{SdkConfig, timeout::TimeoutConfig};
use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime::client::{
    orchestrator::operation::Operation,
    retries::classifiers::{
        HttpStatusCodeClassifier, ModeledAsRetryableClassifier, TransientErrorClassifier,
    },
};
use aws_smithy_runtime_api::{
    client::{
        orchestrator::{HttpRequest, OrchestratorError},
        result::SdkError,
    },
    http::Response as HttpResponse,
};
use aws_smithy_types::{
    body::SdkBody,
    error::display::DisplayErrorContext,
    retry::{ErrorKind, ProvideErrorKind},
};
use aws_types::service_config::ServiceConfigKey;
use bytes::Bytes;
use http::{Request, StatusCode, Uri};
use mcp_lambda_core::{
    http::BoxError,
    time::{Clock, Timestamp},
};
use serde::Deserialize;

use crate::{
    TraceHeader,
    sdk::{AwsSdk, retries, timeouts},
    sigv4,
};

/// Error codes of a service that takes no more requests at the moment.
const THROTTLING: &[&str] = &[
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "Throttled",
    "RequestThrottled",
    "ProvisionedThroughputExceededException",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "SlowDown",
];
/// The longest text of an error that is kept, in bytes.
const LONGEST_MESSAGE: usize = 1024;

/// A service of AWS.
#[derive(Debug, Clone, Copy)]
pub struct Service {
    /// The name in configuration: `AWS_ENDPOINT_URL_<ID>`.
    pub id: &'static str,
    /// The name in host names and signatures.
    pub name: &'static str,
}

/// The partition and the region of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The partition, such as `aws`.
    pub partition: String,
    /// The region, such as `us-east-1`.
    pub region: String,
}

impl Place {
    /// A region, and its partition by its name.
    #[must_use]
    pub fn of_region(region: &str) -> Self {
        let partitions = [
            ("cn-", "aws-cn"),
            ("us-gov-", "aws-us-gov"),
            ("eusc-", "aws-eusc"),
            ("us-isob-", "aws-iso-b"),
            ("us-isof-", "aws-iso-f"),
            ("us-iso-", "aws-iso"),
            ("eu-isoe-", "aws-iso-e"),
        ];
        let found = partitions.iter().find(|(prefix, _)| region.starts_with(prefix));
        let partition = found.map_or("aws", |(_, partition)| partition);
        Self { partition: partition.to_owned(), region: region.to_owned() }
    }

    /// The domain of the partition's endpoints. `None`: a partition that is not known here.
    fn domain(&self) -> Option<&'static str> {
        Some(match self.partition.as_str() {
            "aws" | "aws-us-gov" => "amazonaws.com",
            "aws-cn" => "amazonaws.com.cn",
            "aws-eusc" => "amazonaws.eu",
            "aws-iso" => "c2s.ic.gov",
            "aws-iso-b" => "sc2s.sgov.gov",
            "aws-iso-e" => "cloud.adc-e.uk",
            "aws-iso-f" => "csp.hci.ic.gov",
            _ => return None,
        })
    }
}

/// Sends signed requests to a service.
#[derive(Debug)]
pub struct SignedClient {
    aws: AwsSdk,
    clock: Clock,
    service: Service,
    timeouts: Option<TimeoutConfig>,
}

/// Why a request failed, of a response of the service.
#[derive(Debug, thiserror::Error)]
#[error("{} {}{}", .status, .code, if .message.is_empty() { String::new() } else { format!(": {}", .message) })]
pub struct ServiceError {
    /// The status of the response.
    pub status: StatusCode,
    /// The code of the error, such as `AccessDeniedException`.
    pub code: String,
    /// The text of the error, up to 1,024 bytes of it.
    pub message: String,
}

/// Why a request has no response that can be used.
pub type SendError = SdkError<ServiceError, HttpResponse>;

impl SignedClient {
    /// A client of a service. It sends nothing by itself.
    #[must_use]
    pub fn new(aws: AwsSdk, clock: Clock, service: Service) -> Self {
        Self { aws, clock, service, timeouts: None }
    }

    /// Sets time limits of its own, instead of those of the configuration.
    #[must_use]
    pub fn with_timeouts(self, timeouts: TimeoutConfig) -> Self {
        Self { timeouts: Some(timeouts), ..self }
    }

    /// The time of signatures.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The SDK configuration.
    ///
    /// # Errors
    ///
    /// If it cannot be loaded.
    pub async fn config(&self) -> Result<&SdkConfig, BoxError> {
        Ok(self.aws.config().await?)
    }

    /// The URL of the service's endpoint, without a slash at its end: the one that is configured, as for SDK clients, else that
    /// of the region.
    ///
    /// # Errors
    ///
    /// If the configuration cannot be loaded, or the partition is not known.
    pub async fn endpoint(&self, place: &Place) -> Result<String, BoxError> {
        let config = self.config().await?;
        let Service { id, name } = self.service;
        let key = ServiceConfigKey::builder().service_id(id).env("AWS_ENDPOINT_URL").profile("endpoint_url");
        let key = key.build()?;
        let own = config.service_config().and_then(|configured| configured.load_config(key));
        if let Some(url) = own.or_else(|| config.endpoint_url().map(str::to_owned)) {
            return Ok(url.trim_end_matches('/').to_owned());
        }
        let Place { partition, region } = place;
        let domain = place.domain().ok_or_else(|| {
            let variable = id.replace(' ', "_").to_ascii_uppercase();
            format!("the endpoints of partition {partition} are not known: set AWS_ENDPOINT_URL_{variable}")
        })?;
        let fips = if config.use_fips() == Some(true) { "-fips" } else { "" };
        Ok(format!("https://{name}{fips}.{region}.{domain}"))
    }

    /// Sends a request, with its complete URL, and returns the body of its response.
    ///
    /// # Errors
    ///
    /// [`ServiceError`] if the service refuses it (see [`service_error`]), or the reason why there is no response.
    pub async fn send(
        &self,
        operation: &'static str,
        place: &Place,
        request: Request<Bytes>,
    ) -> Result<Bytes, BoxError> {
        let config = self.config().await?;
        let request = sigv4::signed(config, request, self.service.name, &place.region, self.now());
        let request = request.await?;
        let http_client = config.http_client().ok_or("the SDK configuration has no HTTP client")?;
        let origin = origin(request.uri()).ok_or("the URL of an endpoint has a scheme and a host")?;
        let limits = self.timeouts.as_ref().or(config.timeout_config());
        let limits = limits.cloned().unwrap_or_else(timeouts);
        let mut sending = Operation::builder()
            .service_name(self.service.id)
            .operation_name(operation)
            .http_client(http_client)
            .endpoint_url(&origin)
            .no_auth()
            .standard_retry(config.retry_config().unwrap_or(&retries()))
            .timeout_config(limits)
            .retry_classifier(HttpStatusCodeClassifier::default())
            .retry_classifier(TransientErrorClassifier::<ServiceError>::new())
            .retry_classifier(ModeledAsRetryableClassifier::<ServiceError>::new())
            .with_connection_poisoning()
            .interceptor(TraceHeader::new());
        if let Some(sleep) = config.sleep_impl() {
            sending = sending.sleep_impl(sleep);
        }
        if let Some(time) = config.time_source() {
            sending = sending.time_source(time);
        }
        let sending = sending.serializer(serialize).deserializer(deserialize).build();
        sending.invoke(request).await.map_err(BoxError::from)
    }
}

/// The error of the service, if a request failed with one.
#[must_use]
pub fn service_error(error: &BoxError) -> Option<&ServiceError> {
    error.downcast_ref::<SendError>().and_then(SdkError::as_service_error)
}

/// Whether a request failed because there are no credentials.
#[must_use]
pub fn has_no_credentials(error: &BoxError) -> bool {
    error.is::<CredentialsError>() || error.is::<sigv4::NoCredentials>()
}

/// Whether a request failed because no response came in time.
#[must_use]
pub fn has_timed_out(error: &BoxError) -> bool {
    error.downcast_ref::<SendError>().is_some_and(|error| matches!(error, SdkError::TimeoutError(_)))
}

/// The error with its causes, for the log.
#[must_use]
pub fn text(error: &BoxError) -> String {
    DisplayErrorContext(&**error).to_string()
}

/// Scheme, host and port of a URL.
fn origin(uri: &Uri) -> Option<String> {
    Some(format!("{}://{}", uri.scheme_str()?, uri.authority()?))
}

fn serialize(request: Request<Bytes>) -> Result<HttpRequest, BoxError> {
    Ok(request.map(SdkBody::from).try_into()?)
}

fn deserialize(response: &HttpResponse) -> Result<Bytes, OrchestratorError<ServiceError>> {
    let body = response.body().bytes().unwrap_or_default();
    if response.status().is_success() {
        return Ok(Bytes::copy_from_slice(body));
    }
    let named = response.headers().get("x-amzn-errortype");
    Err(OrchestratorError::operation(ServiceError::of(response.status().as_u16(), named, body)))
}

/// The body of an error in the JSON protocols.
#[derive(Debug, Default, Deserialize)]
struct ErrorBody {
    #[serde(rename = "__type", alias = "code", default)]
    code: String,
    #[serde(rename = "message", alias = "Message", default)]
    message: String,
}

impl ErrorBody {
    /// The error of S3: `<Error><Code>NoSuchBucket</Code><Message>...`.
    fn of_xml(body: &[u8]) -> Self {
        let body = String::from_utf8_lossy(body);
        let element = |name: &str| {
            let (_, rest) = body.split_once(&format!("<{name}>"))?;
            Some(rest.split_once('<')?.0.to_owned())
        };
        Self { code: element("Code").unwrap_or_default(), message: element("Message").unwrap_or_default() }
    }
}

impl ServiceError {
    /// Whether the service takes no more requests at the moment.
    #[must_use]
    pub fn is_throttling(&self) -> bool {
        THROTTLING.contains(&self.code.as_str())
    }

    /// REST APIs name the error in a header, with a colon and a URL after it.
    fn of(status: u16, named: Option<&str>, body: &[u8]) -> Self {
        let body: ErrorBody = serde_json::from_slice(body).unwrap_or_else(|_| ErrorBody::of_xml(body));
        let code = named.and_then(|named| named.split(':').next()).unwrap_or(&body.code);
        // The code may have a namespace before it.
        let code = code.rsplit('#').next().unwrap_or_default();
        let mut message = body.message;
        message.truncate(message.floor_char_boundary(LONGEST_MESSAGE));
        Self {
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            code: code.to_owned(),
            message,
        }
    }
}

impl ProvideErrorKind for ServiceError {
    fn retryable_error_kind(&self) -> Option<ErrorKind> {
        self.is_throttling().then_some(ErrorKind::ThrottlingError)
    }

    fn code(&self) -> Option<&str> {
        Some(&self.code)
    }
}
