//! Configuration of AWS SDK clients for short cold starts: nothing is loaded before the first request that needs AWS, and
//! no certificate is read from disk.

use std::{fmt, pin::Pin, sync::Arc, time::Duration};

/// Configuration of the AWS SDK clients.
pub use aws_config::SdkConfig;
use aws_config::{BehaviorVersion, retry::RetryConfig, timeout::TimeoutConfig};
use aws_smithy_http_client::{
    Builder,
    tls::{self, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use tokio::sync::OnceCell;

use mcp_lambda_core::{
    config::TlsRoots,
    error::{ConfigError, StoreError},
};

/// The root certificates of AWS endpoints: all five, as <https://www.amazontrust.com/repository/> (read 2026-11-20)
/// recommends. A system's trust store holds some 150, and reading them costs milliseconds of every cold start.
const AMAZON_ROOTS: &str = include_str!("amazon-roots.pem");

/// Idle time after which a connection is closed: an older one may have died while the environment was frozen.
const IDLE_TIMEOUT: Duration = Duration::from_secs(50);
/// Time limit of a connect to an endpoint in the same region.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Time limit of one try. DynamoDB responds in milliseconds: a try that takes seconds uses a connection that died in a
/// freeze.
const TRY_TIMEOUT: Duration = Duration::from_secs(2);
/// Time limit of all tries of a request, after which the client receives an error.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(5);
/// Tries of a request. Throttling is short, and an environment that waits is billed.
const TRIES: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Creates the HTTP client of the SDK clients: rustls with ring, and idle connections are closed after 50 s, because a
/// freeze of the environment breaks them. This opens no connection.
///
/// # Errors
///
/// [`ConfigError`] if TLS cannot be configured with these root certificates.
pub fn http_client(roots: TlsRoots) -> Result<SharedHttpClient, ConfigError> {
    let trusted = match roots {
        TlsRoots::Amazon => TrustStore::empty(),
        TlsRoots::Native => TrustStore::empty().with_native_roots(true),
    };
    let trusted = trusted.with_pem_certificate(AMAZON_ROOTS);
    let context = TlsContext::builder().with_trust_store(trusted).build().map_err(|error| {
        let expected = "root certificates that TLS can be configured with";
        ConfigError::new("MCP_TLS_ROOTS", format!("{roots:?}: {error}"), expected)
    })?;
    Ok(Builder::new()
        .pool_idle_timeout(IDLE_TIMEOUT)
        .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
        .tls_context(context)
        .build_https())
}

/// Loads the SDK configuration from the environment (region, credentials, `AWS_ENDPOINT_URL` and
/// `AWS_ENDPOINT_URL_<SERVICE>`), with [`http_client`], [`retries`] and [`timeouts`]. Clients of one configuration share
/// connections.
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

/// Returns the retries of a request: 5 tries, with pauses from 50 ms to 1 s.
#[must_use]
pub fn retries() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(TRIES)
        .with_initial_backoff(FIRST_PAUSE)
        .with_max_backoff(LONGEST_PAUSE)
}

/// Returns the time limits of a request: 1 s to connect, 2 s for one try, 5 s for all.
#[must_use]
pub fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(TRY_TIMEOUT)
        .operation_timeout(OPERATION_TIMEOUT)
        .build()
}

/// An SDK configuration that is loaded when it is first needed. Clones share it.
///
/// The configuration, the root certificates and the first client of each service take a third of a cold start, and most
/// 2026-07-28 requests need none of them.
#[derive(Clone)]
pub struct AwsSdk {
    roots: TlsRoots,
    config: Arc<OnceCell<SdkConfig>>,
}

impl AwsSdk {
    /// Uses a given configuration, or loads one from the environment with these root certificates.
    #[must_use]
    pub fn new(roots: TlsRoots, given: Option<SdkConfig>) -> Self {
        Self { roots, config: Arc::new(OnceCell::new_with(given)) }
    }

    /// Returns the configuration. Concurrent first callers wait for one load.
    ///
    /// # Errors
    ///
    /// As [`http_client`].
    pub async fn config(&self) -> Result<&SdkConfig, ConfigError> {
        self.config.get_or_try_init(|| load(self.roots)).await
    }

    /// Whether the configuration has been loaded.
    #[must_use]
    pub fn is_loaded(&self) -> bool {
        self.config.initialized()
    }
}

/// [`sdk_config`] behind a pointer: otherwise each crate that polls it compiles its own copy, of 80 KB.
#[inline(never)]
fn load(roots: TlsRoots) -> Pin<Box<dyn Future<Output = Result<SdkConfig, ConfigError>> + Send>> {
    Box::pin(sdk_config(roots))
}

impl fmt::Debug for AwsSdk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsSdk").field("roots", &self.roots).field("is_loaded", &self.is_loaded()).finish()
    }
}

/// The client of one service, which may be created on first use.
pub enum LazyClient<C> {
    /// A given client.
    Given(C),
    /// A client that is created on first use.
    Deferred {
        /// SDK configuration of the client.
        aws: AwsSdk,
        /// Constructor of the client.
        make: fn(&SdkConfig) -> C,
        /// The client, once it is created.
        made: OnceCell<C>,
    },
}

impl<C> fmt::Debug for LazyClient<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Given(_) => "Given",
            Self::Deferred { .. } => "Deferred",
        })
    }
}

impl<C> LazyClient<C> {
    /// Defers the creation of the client to its first use.
    pub fn deferred(aws: AwsSdk, make: fn(&SdkConfig) -> C) -> Self {
        Self::Deferred { aws, make, made: OnceCell::new() }
    }

    /// Returns the client, and creates it on first use.
    ///
    /// # Errors
    ///
    /// [`StoreError::Refused`] if the SDK configuration cannot be loaded.
    pub async fn get(&self) -> Result<&C, StoreError> {
        match self {
            Self::Given(client) => Ok(client),
            Self::Deferred { aws, make, made } => {
                let config = async { aws.config().await.map(make) };
                made.get_or_try_init(|| config).await.map_err(|error| StoreError::Refused(error.into()))
            }
        }
    }
}
