//! Signatures of requests that no SDK client makes (SigV4).

use std::time::{Duration, UNIX_EPOCH};

use aws_config::SdkConfig;
use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::{
    http_request::{
        PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation,
        SigningSettings, UriPathNormalizationMode, sign,
    },
    sign::v4::SigningParams,
};
use bytes::Bytes;
use http::Request;
use mcp_lambda_core::{http::BoxError, time::Timestamp};

/// The configuration has no provider of credentials.
#[derive(Debug)]
pub(crate) struct NoCredentials;

impl std::fmt::Display for NoCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("there is no provider of AWS credentials")
    }
}

impl std::error::Error for NoCredentials {}

/// Signs a request for a service in a region, with the credentials of the configuration.
///
/// # Errors
///
/// If there are no credentials, or the request cannot be signed.
pub async fn signed(
    config: &SdkConfig,
    mut request: Request<Bytes>,
    service: &str,
    region: &str,
    now: Timestamp,
) -> Result<Request<Bytes>, BoxError> {
    let provider = config.credentials_provider().ok_or(NoCredentials)?;
    let identity = provider.provide_credentials().await?.into();
    let params = SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(UNIX_EPOCH + Duration::from_millis(now.as_millis()))
        .settings(settings(service))
        .build()?
        .into();
    let headers =
        request.headers().iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let uri = request.uri().to_string();
    let signable =
        SignableRequest::new(request.method().as_str(), &uri, headers, SignableBody::Bytes(request.body()))?;
    let (instructions, _) = sign(signable, &params)?.into_parts();
    instructions.apply_to_request_http1x(&mut request);
    Ok(request)
}

/// Signs the URL of an object, so that it can be read for a time without other credentials.
///
/// # Errors
///
/// As [`signed`].
pub async fn presigned(
    config: &SdkConfig,
    url: &str,
    service: &str,
    region: &str,
    lifetime: Duration,
    now: Timestamp,
) -> Result<String, BoxError> {
    let provider = config.credentials_provider().ok_or(NoCredentials)?;
    let identity = provider.provide_credentials().await?.into();
    let mut settings = settings(service);
    settings.signature_location = SignatureLocation::QueryParams;
    settings.payload_checksum_kind = PayloadChecksumKind::NoHeader;
    settings.expires_in = Some(lifetime);
    let params = SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(UNIX_EPOCH + Duration::from_millis(now.as_millis()))
        .settings(settings)
        .build()?
        .into();
    let mut request = Request::get(url).body(())?;
    let signable = SignableRequest::new("GET", url, std::iter::empty(), SignableBody::UnsignedPayload)?;
    let (instructions, _) = sign(signable, &params)?.into_parts();
    instructions.apply_to_request_http1x(&mut request);
    Ok(request.uri().to_string())
}

/// S3 signs a path as it is, and the digest of the body as a header:
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html> (read 2026-11-28).
fn settings(service: &str) -> SigningSettings {
    let mut settings = SigningSettings::default();
    if service == "s3" {
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    settings
}

#[cfg(test)]
mod tests {
    use aws_config::{BehaviorVersion, Region};
    use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};

    use super::*;

    const NOW: u64 = 1_795_737_600_000;

    async fn headers_with(token: Option<&str>) -> http::HeaderMap {
        let credentials = Credentials::new("AKIDEXAMPLE", "secret", token.map(str::to_owned), None, "given");
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build();
        let request = Request::post("https://xray.eu-north-1.amazonaws.com/v1/traces")
            .header("content-type", "application/x-protobuf")
            .body(Bytes::from_static(b"spans"))
            .expect("a request");
        let signed = signed(&config, request, "xray", "eu-north-1", Timestamp::from_millis(NOW)).await;
        let signed = signed.expect("signed");
        assert_eq!(signed.body(), "spans");
        signed.headers().clone()
    }

    #[tokio::test]
    async fn a_request_has_the_signature_of_its_service_and_region() {
        let headers = headers_with(None).await;
        let authorization = headers["authorization"].to_str().expect("text");
        let begin =
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261127/eu-north-1/xray/aws4_request, SignedHeaders=";
        assert!(authorization.starts_with(begin), "{authorization}");
        assert!(authorization.contains("content-type;host;x-amz-date, Signature="), "{authorization}");
        assert_eq!(headers["x-amz-date"], "20261127T000000Z");
        assert!(!headers.contains_key("x-amz-security-token"));
    }

    /// The credentials of a function's role have a token.
    #[tokio::test]
    async fn a_session_token_is_sent_with_the_signature() {
        let headers = headers_with(Some("a-token")).await;
        assert_eq!(headers["x-amz-security-token"], "a-token");
        assert!(headers["authorization"].to_str().expect("text").contains("x-amz-security-token"));
    }

    #[tokio::test]
    async fn without_credentials_there_is_no_signature() {
        let config = SdkConfig::builder().behavior_version(BehaviorVersion::latest()).build();
        let request = Request::new(Bytes::new());
        let error = signed(&config, request, "xray", "eu-north-1", Timestamp::from_millis(NOW)).await;
        assert!(error.expect_err("refused").to_string().contains("credentials"));
    }

    /// The example of AWS: <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html> (read 2026-11-28).
    #[tokio::test]
    async fn a_presigned_url_is_that_of_the_documentation() {
        let credentials = Credentials::new(
            "AKIAIOSFODNN7EXAMPLE",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            None,
            None,
            "given",
        );
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build();
        let time = Timestamp::parse_rfc3339("2013-05-24T00:00:00Z").expect("a time");
        let url = "https://examplebucket.s3.amazonaws.com/test.txt";
        let signed = presigned(&config, url, "s3", "us-east-1", Duration::from_secs(86_400), time).await;
        let signed = signed.expect("signed");
        assert!(signed.starts_with(url), "{signed}");
        let signature = "X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
        assert!(signed.contains(signature) && signed.contains("X-Amz-Expires=86400"), "{signed}");
    }
}
