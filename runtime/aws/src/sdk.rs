//! Clients of AWS, set up for cold starts: nothing at all before the first request that needs AWS, no certificates from
//! disk.

use std::{sync::Arc, time::Duration};

pub use aws_config::SdkConfig;
use aws_config::{BehaviorVersion, retry::RetryConfig, timeout::TimeoutConfig};
use aws_smithy_http_client::{
    Builder,
    tls::{self, TlsContext, TrustStore, rustls_provider::CryptoMode},
};

// One type, under the names of whichever SDK is there.
#[cfg(feature = "dynamodb")]
use aws_sdk_dynamodb::config::SharedHttpClient;
#[cfg(not(feature = "dynamodb"))]
use aws_sdk_sns::config::SharedHttpClient;

use tokio::sync::OnceCell;

use mcp_lambda_core::{
    config::TlsRoots,
    error::{ConfigError, StoreError},
};

/// What AWS's endpoints are certified by. All five, as <https://www.amazontrust.com/repository/> (read 2026-11-20)
/// recommends. The system's own store holds some 150, and reading them costs every cold start milliseconds.
const AMAZON_ROOTS: &str = include_str!("amazon-roots.pem");

/// A connection that was idle for longer may have died while the environment was frozen.
const IDLE: Duration = Duration::from_secs(50);
/// To a neighbour in the same region.
const CONNECT: Duration = Duration::from_secs(1);
/// One try. DynamoDB answers in milliseconds: what takes a second is a connection that died in a freeze.
const TRY: Duration = Duration::from_secs(2);
/// All tries together: a client that waits longer than that for its state is better told.
const OPERATION: Duration = Duration::from_secs(5);
/// Throttling passes in moments, and an environment that waits is billed.
const TRIES: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The one HTTP client: rustls with ring, connections dropped before they can have gone stale in a freeze. Making it
/// opens none.
///
/// # Errors
///
/// When no TLS can be set up with these roots.
pub fn http_client(roots: TlsRoots) -> Result<SharedHttpClient, ConfigError> {
    let trusted = match roots {
        TlsRoots::Amazon => TrustStore::empty(),
        TlsRoots::Native => TrustStore::empty().with_native_roots(true),
    };
    let trusted = trusted.with_pem_certificate(AMAZON_ROOTS);
    let context = TlsContext::builder().with_trust_store(trusted).build().map_err(|error| ConfigError {
        variable: "MCP_TLS_ROOTS",
        found: format!("{roots:?}: {error}"),
        expected: "roots that TLS can be set up with".into(),
    })?;
    Ok(Builder::new()
        .pool_idle_timeout(IDLE)
        .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
        .tls_context(context)
        .build_https())
}

/// SDK configuration from the environment: region, credentials, `AWS_ENDPOINT_URL` and `AWS_ENDPOINT_URL_<SERVICE>`,
/// with our HTTP client, times and tries. One for every AWS client of the process, so that they share connections.
///
/// # Errors
///
/// As [`http_client`].
pub async fn sdk_config(roots: TlsRoots) -> Result<SdkConfig, ConfigError> {
    Ok(aws_config::defaults(BehaviorVersion::latest())
        .http_client(http_client(roots)?)
        .retry_config(retries())
        .timeout_config(timeouts())
        .load()
        .await)
}

/// How often a request is tried, and how long in between.
#[must_use]
pub fn retries() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(TRIES)
        .with_initial_backoff(FIRST_PAUSE)
        .with_max_backoff(LONGEST_PAUSE)
}

/// How long a request may take.
#[must_use]
pub fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(TRY)
        .operation_timeout(OPERATION)
        .build()
}

/// The way to AWS. It is found when it is first needed: the configuration, the roots and the first client of each service
/// take a third of a cold start, and what a request of 2026-07-28 needs is mostly none of them.
#[derive(Clone)]
pub struct AwsSdk {
    roots: TlsRoots,
    config: Arc<OnceCell<SdkConfig>>,
}

impl AwsSdk {
    /// By a configuration that somebody brings, or by one that is to be made from the environment.
    pub fn new(roots: TlsRoots, given: Option<SdkConfig>) -> Self {
        Self { roots, config: Arc::new(OnceCell::new_with(given)) }
    }

    /// The one configuration. Callers that come while it is being made wait for it and make no second.
    pub async fn config(&self) -> Result<&SdkConfig, ConfigError> {
        self.config.get_or_try_init(|| sdk_config(self.roots)).await
    }

    /// Whether the configuration has been loaded.
    #[must_use]
    pub fn is_loaded(&self) -> bool {
        self.config.initialized()
    }
}

/// A client of one service.
pub enum LazyClient<C> {
    /// Somebody brought it.
    Given(C),
    /// It is made when it is first asked for.
    Deferred {
        /// Out of this.
        aws: AwsSdk,
        /// By this.
        make: fn(&SdkConfig) -> C,
        /// Once.
        made: OnceCell<C>,
    },
}

impl<C> LazyClient<C> {
    pub fn deferred(aws: AwsSdk, make: fn(&SdkConfig) -> C) -> Self {
        Self::Deferred { aws, make, made: OnceCell::new() }
    }

    pub async fn get(&self) -> Result<&C, StoreError> {
        match self {
            Self::Given(client) => Ok(client),
            Self::Deferred { aws, make, made } => {
                let config = async { aws.config().await.map(make) };
                made.get_or_try_init(|| config).await.map_err(|error| StoreError::Unavailable(error.into()))
            }
        }
    }
}
