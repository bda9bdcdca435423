//! Clients of AWS, set up for cold starts: no network before the first request, no certificates from disk.

use std::time::Duration;

use aws_config::{BehaviorVersion, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_smithy_http_client::{
    Builder,
    tls::{self, rustls_provider::CryptoMode},
};

// One type, under the names of whichever SDK is there.
#[cfg(feature = "dynamodb")]
use aws_sdk_dynamodb::config::SharedHttpClient;
#[cfg(not(feature = "dynamodb"))]
use aws_sdk_sns::config::SharedHttpClient;

/// A connection that was idle for longer may have died while the environment was frozen.
const IDLE: Duration = Duration::from_secs(50);

/// The one HTTP client: rustls with ring, connections dropped before they can have gone stale in a freeze.
#[must_use]
pub fn http_client() -> SharedHttpClient {
    Builder::new().pool_idle_timeout(IDLE).tls_provider(tls::Provider::Rustls(CryptoMode::Ring)).build_https()
}

/// SDK configuration from the environment: region, credentials, `AWS_ENDPOINT_URL*`.
pub async fn sdk_config() -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(Duration::from_secs(2))
        .operation_timeout(Duration::from_secs(5))
        .build();
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(http_client())
        .retry_config(RetryConfig::standard().with_max_attempts(3))
        .timeout_config(timeouts)
        .load()
        .await
}
