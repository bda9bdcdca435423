//! A bucket of S3 for parts of large results.
//!
//! `PutObject` is a signed request, and the URL of a part is presigned: no client of S3 is linked.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use aws_config::timeout::TimeoutConfig;
use http::{HeaderValue, Request};
use mcp_lambda_core::{
    http::BoxError,
    results::{ResultPart, ResultStore},
    time::Clock,
};

use crate::{
    sdk::AwsSdk,
    signed::{Place, Service, SignedClient, service_error, text},
    sigv4,
};

const SERVICE: Service = Service { id: "S3", name: "s3" };
/// Time limit of one try to write a part.
const TRY_TIMEOUT: Duration = Duration::from_secs(60);
/// Time limit of all tries.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(120);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Keeps parts of large results as objects below a prefix of a bucket.
pub struct ResultBucket {
    client: SignedClient,
    bucket: String,
    prefix: String,
    lifetime: Duration,
}

impl ResultBucket {
    /// Objects below `prefix` of a bucket, whose URLs are valid for `lifetime`. Nothing is sent before the first part.
    #[must_use]
    pub fn deferred(aws: AwsSdk, bucket: &str, prefix: &str, lifetime: Duration, clock: Clock) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(TRY_TIMEOUT)
            .operation_timeout(OPERATION_TIMEOUT)
            .build();
        let client = SignedClient::new(aws, clock, SERVICE).with_timeouts(timeouts);
        Self { client, bucket: bucket.to_owned(), prefix: prefix.to_owned(), lifetime }
    }

    /// The region of the bucket, which is that of the configuration, and the URL of an object.
    async fn url(&self, part: &ResultPart) -> Result<(Place, String), BoxError> {
        let config = self.client.config().await?;
        let region = config.region().ok_or("there is no AWS region: set AWS_REGION")?;
        let place = Place::of_region(region.as_ref());
        let endpoint = self.client.endpoint(&place).await?;
        let Self { bucket, prefix, .. } = self;
        let ResultPart { folder, name, .. } = part;
        let key = format!("{prefix}{folder}/{name}");
        // The name of a bucket with a dot fits no certificate, and an endpoint of one's own may have no names for buckets.
        let host = endpoint.strip_prefix("https://s3").filter(|_| !bucket.contains('.'));
        let url = match host {
            Some(rest) => format!("https://{bucket}.s3{rest}/{key}"),
            None => format!("{endpoint}/{bucket}/{key}"),
        };
        Ok((place, url))
    }

    async fn write(&self, part: ResultPart) -> Result<String, BoxError> {
        let (place, url) = self.url(&part).await?;
        let media_type = HeaderValue::from_str(&part.media_type)
            .unwrap_or(HeaderValue::from_static("application/octet-stream"));
        let request = Request::put(&url)
            .header("content-type", media_type)
            // A browser shows nothing that a tool has written as a page of the bucket.
            .header("content-disposition", "attachment")
            .body(part.content)?;
        self.client.send("PutObject", &place, request).await?;
        let config = self.client.config().await?;
        let now = self.client.now();
        sigv4::presigned(config, &url, SERVICE.name, &place.region, self.lifetime, now).await
    }
}

impl fmt::Debug for ResultBucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResultBucket")
            .field("bucket", &self.bucket)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl ResultStore for ResultBucket {
    async fn put(&self, part: ResultPart) -> Result<String, BoxError> {
        self.write(part).await.map_err(|error| {
            let hint = match service_error(&error).map(|error| error.code.as_str()) {
                Some("AccessDenied") => {
                    " (the IAM role may not do this: grant it s3:PutObject on the prefix)"
                }
                Some("NoSuchBucket") => {
                    " (there is no such bucket: check MCP_LARGE_RESULTS_BUCKET and the region)"
                }
                _ => "",
            };
            format!("s3:PutObject to {} failed{hint}: {}", self.bucket, text(&error)).into()
        })
    }

    fn lifetime(&self) -> Duration {
        self.lifetime
    }
}
