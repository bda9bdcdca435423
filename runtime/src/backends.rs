//! The stores, the topic and the queue that the configuration names.

use std::{path::Path, sync::Arc};

use crate::login::LoginSecrets;
#[cfg(feature = "aws")]
use mcp_lambda_aws::sdk::{AwsSdk, SdkConfig};
use mcp_lambda_core::{
    config::{Config, PostgresUrl, StoreChoice},
    error::{ConfigError, Error},
    events::Publisher,
    keys::KeySource,
    results::ResultStore,
    store::Stores,
    tasks::TaskQueue,
    time::Clock,
};

/// The SDK configuration that a program brings.
#[cfg(feature = "aws")]
pub(crate) type Sdk = Box<SdkConfig>;
/// A binary without AWS has no SDK configuration to bring.
#[cfg(not(feature = "aws"))]
pub(crate) type Sdk = std::convert::Infallible;

/// What the configuration names. `None`: it names nothing.
#[derive(Default)]
pub(crate) struct Backends {
    pub(crate) stores: Option<Stores>,
    pub(crate) publisher: Option<Arc<dyn Publisher>>,
    pub(crate) task_queue: Option<Arc<dyn TaskQueue>>,
    pub(crate) state_keys: Option<KeySource>,
    pub(crate) result_store: Option<Arc<dyn ResultStore>>,
    pub(crate) login: LoginSecrets,
}

/// Opens the backends. Nothing is asked of AWS before the first request that needs it, unless environments are started
/// ahead of requests.
#[cfg(feature = "aws")]
pub(crate) async fn open(config: &Config, clock: &Clock, sdk: Option<Sdk>) -> Result<Backends, Error> {
    let aws = AwsSdk::new(config.tls_roots, sdk.map(|sdk| *sdk));
    let chosen = chosen_stores(&aws, config, clock).await?;
    let backends = Backends {
        stores: chosen.stores,
        publisher: publisher(&aws, config)?,
        task_queue: queue(chosen.queue, || task_queue(&aws, config))?,
        state_keys: state_keys(&aws, config, clock)?.or(chosen.keys),
        result_store: result_store(&aws, config, clock)?,
        login: login_secrets(&aws, config, clock)?,
    };
    if config.eager_init {
        // In a box: the frame of every start would hold room for it, needed or not.
        Box::pin(aws.config()).await?;
    }
    Ok(backends)
}

/// Refuses a configuration that names what this binary was built without.
#[cfg(not(feature = "aws"))]
pub(crate) async fn open(config: &Config, clock: &Clock, _: Option<Sdk>) -> Result<Backends, Error> {
    let chosen = chosen_stores(&(), config, clock).await?;
    Ok(Backends {
        stores: chosen.stores,
        publisher: publisher(&(), config)?,
        task_queue: queue(chosen.queue, || task_queue(&(), config))?,
        state_keys: state_keys(&(), config, clock)?.or(chosen.keys),
        result_store: result_store(&(), config, clock)?,
        login: login_secrets(&(), config, clock)?,
    })
}

/// The SDK of a program that has it.
#[cfg(feature = "aws")]
type Aws = AwsSdk;
#[cfg(not(feature = "aws"))]
type Aws = ();

/// The stores that the configuration names, and what they bring along. The default: it names none, or the memory of the process.
#[derive(Default)]
struct Chosen {
    stores: Option<Stores>,
    /// Keys of `requestState`.
    keys: Option<KeySource>,
    /// A queue of tasks, if the configuration wants it beside the stores.
    queue: Option<Arc<dyn TaskQueue>>,
}

/// The queue of the stores, else the other one.
fn queue(
    of_stores: Option<Arc<dyn TaskQueue>>,
    other: impl FnOnce() -> Result<Option<Arc<dyn TaskQueue>>, ConfigError>,
) -> Result<Option<Arc<dyn TaskQueue>>, ConfigError> {
    of_stores.map_or_else(other, |queue| Ok(Some(queue)))
}

async fn chosen_stores(aws: &Aws, config: &Config, clock: &Clock) -> Result<Chosen, ConfigError> {
    let mut chosen = match &config.store {
        StoreChoice::Memory => Chosen::default(),
        StoreChoice::Sqlite(path) => {
            let (stores, keys) = sqlite(path, config, clock)?;
            Chosen { stores: Some(stores), keys, queue: None }
        }
        StoreChoice::Postgres(url) => {
            // In a box: the frame of every start would hold room for it, needed or not.
            Box::pin(postgres(url, config, clock)).await?
        }
        _ => Chosen { stores: stores(aws, config, clock)?, ..Chosen::default() },
    };
    chosen.keys = chosen.keys.filter(|_| config.state_keys.is_empty());
    Ok(chosen)
}

/// Opens a file of SQLite.
#[cfg(feature = "sqlite")]
fn sqlite(path: &Path, config: &Config, clock: &Clock) -> Result<(Stores, Option<KeySource>), ConfigError> {
    use mcp_lambda_sqlite::{SqliteLimits, SqliteStore};

    let store = SqliteStore::open(path, clock.clone(), SqliteLimits::of(config)).map_err(|error| {
        ConfigError::new("MCP_STORE", format!("sqlite:{}", path.display()), format!("a usable file: {error}"))
    })?;
    let keys = KeySource::given([store.state_key()]);
    Ok((Stores::of(store), Some(keys)))
}

#[cfg(not(feature = "sqlite"))]
fn sqlite(path: &Path, _: &Config, _: &Clock) -> Result<(Stores, Option<KeySource>), ConfigError> {
    Err(missing_feature("MCP_STORE", &format!("sqlite:{}", path.display()), "sqlite"))
}

/// Connects to a database of `PostgreSQL`.
#[cfg(feature = "postgres")]
async fn postgres(url: &PostgresUrl, config: &Config, clock: &Clock) -> Result<Chosen, ConfigError> {
    use mcp_lambda_core::config::TaskConfig;
    use mcp_lambda_postgres::{PostgresLimits, PostgresStore};

    let connected = PostgresStore::connect(url, clock.clone(), PostgresLimits::of(config)).await;
    let store = connected.map_err(|error| unusable_database(url, &error))?;
    // Between two requests an environment of Lambda is frozen, and hears nothing.
    let store = if config.runtime_api.is_some() { store } else { store.listening() };
    let keys = KeySource::given([store.state_key()]);
    let has_queue = config.tasks.queue_url.as_deref() == Some(TaskConfig::DATABASE);
    let queue = has_queue.then(|| Arc::new(store.task_queue()) as _);
    Ok(Chosen { stores: Some(store.stores()), keys: Some(keys), queue })
}

/// An error of a database, about the variable that names it.
#[cfg(feature = "postgres")]
pub(crate) fn unusable_database(url: &PostgresUrl, error: &mcp_lambda_postgres::OpenError) -> ConfigError {
    ConfigError::new("MCP_STORE", url.to_string(), format!("a usable database: {error}"))
}

#[cfg(not(feature = "postgres"))]
async fn postgres(url: &PostgresUrl, _: &Config, _: &Clock) -> Result<Chosen, ConfigError> {
    Err(missing_feature("MCP_STORE", &url.to_string(), "postgres"))
}

/// The file of the server that is used if nothing else was chosen. `None`: the program has no SQLite, or no file can be
/// written.
#[cfg(feature = "sqlite")]
pub(crate) fn default_file(name: &str, config: &Config) -> Option<StoreChoice> {
    let is_free = config.store == StoreChoice::Auto
        && config.tables.is_none()
        && config.runtime_api.is_none()
        && config.role == mcp_lambda_core::config::ProcessRole::Server;
    let path = config.default_store(name).filter(|_| is_free)?;
    match sqlite(&path, config, &Clock::system()) {
        Ok(_) => Some(StoreChoice::Sqlite(path)),
        Err(error) => {
            tracing::warn!(%error, "state is kept in memory, and is gone when the process ends");
            None
        }
    }
}

#[cfg(not(feature = "sqlite"))]
pub(crate) fn default_file(_: &str, _: &Config) -> Option<StoreChoice> {
    None
}

#[cfg(feature = "dynamodb")]
#[expect(clippy::unnecessary_wraps, reason = "a binary without the feature refuses")]
fn stores(aws: &AwsSdk, config: &Config, clock: &Clock) -> Result<Option<Stores>, ConfigError> {
    use mcp_lambda_aws::dynamodb::DynamoStore;

    Ok(config.tables.as_ref().map(|tables| {
        let store = DynamoStore::deferred(aws.clone(), &tables.state, &tables.events, clock.clone());
        Stores::of(store.with_replicas(config.events.replicas))
    }))
}

#[cfg(not(feature = "dynamodb"))]
fn stores<A>(_: &A, config: &Config, _: &Clock) -> Result<Option<Stores>, ConfigError> {
    match &config.tables {
        None => Ok(None),
        Some(tables) => Err(missing_feature("SESSION_TABLE_NAME", &tables.state, "dynamodb")),
    }
}

#[cfg(feature = "sns")]
#[expect(clippy::unnecessary_wraps, reason = "a binary without the feature refuses")]
fn publisher(aws: &AwsSdk, config: &Config) -> Result<Option<Arc<dyn Publisher>>, ConfigError> {
    use mcp_lambda_aws::sns::SnsPublisher;

    let topic = config.events.topic_arn.as_ref();
    Ok(topic.map(|arn| Arc::new(SnsPublisher::deferred(aws.clone(), arn)) as _))
}

#[cfg(not(feature = "sns"))]
fn publisher<A>(_: &A, config: &Config) -> Result<Option<Arc<dyn Publisher>>, ConfigError> {
    match &config.events.topic_arn {
        None => Ok(None),
        Some(arn) => Err(missing_feature("SNS_TOPIC_ARN", arn, "sns")),
    }
}

#[cfg(feature = "sqs")]
#[expect(clippy::unnecessary_wraps, reason = "a binary without the feature refuses")]
fn task_queue(aws: &AwsSdk, config: &Config) -> Result<Option<Arc<dyn TaskQueue>>, ConfigError> {
    use mcp_lambda_aws::sqs::SqsQueue;

    let queue = config.tasks.queue_url.as_ref();
    Ok(queue.map(|url| Arc::new(SqsQueue::deferred(aws.clone(), url)) as _))
}

#[cfg(not(feature = "sqs"))]
fn task_queue<A>(_: &A, config: &Config) -> Result<Option<Arc<dyn TaskQueue>>, ConfigError> {
    match &config.tasks.queue_url {
        None => Ok(None),
        Some(url) => Err(missing_feature("TASK_QUEUE_URL", url, "sqs")),
    }
}

#[cfg(feature = "secrets")]
fn state_keys(aws: &AwsSdk, config: &Config, clock: &Clock) -> Result<Option<KeySource>, ConfigError> {
    let Some(arn) = &config.state_keys_secret else { return Ok(None) };
    let secret = secret(aws, "MCP_STATE_KEYS_SECRET", arn, clock)?;
    Ok(Some(KeySource::of_secret(secret, clock.clone())))
}

/// A secret that is read while the server runs.
#[cfg(feature = "secrets")]
fn secret(
    aws: &AwsSdk,
    variable: &'static str,
    arn: &str,
    clock: &Clock,
) -> Result<Arc<dyn mcp_lambda_core::keys::Secret>, ConfigError> {
    let secret = mcp_lambda_aws::secrets::ManagedSecret::deferred(aws.clone(), arn, clock.clone());
    Ok(Arc::new(secret.map_err(|error| ConfigError::new(variable, arn, error.to_string()))?))
}

#[cfg(all(feature = "login", feature = "secrets"))]
fn login_secrets(aws: &AwsSdk, config: &Config, clock: &Clock) -> Result<LoginSecrets, ConfigError> {
    let mut secrets = LoginSecrets::default();
    if let Some(arn) = config.upstream_tokens.as_ref().and_then(|tokens| tokens.keys_secret.as_ref()) {
        let secret = secret(aws, LOGIN_UPSTREAM_KEYS_SECRET, arn, clock)?;
        secrets.upstream = Some(KeySource::of_secret(secret, clock.clone()));
    }
    let Some(login) = config.login.as_deref() else { return Ok(secrets) };
    if let Some(arn) = &login.keys_secret {
        let secret = secret(aws, LOGIN_KEYS_SECRET, arn, clock)?;
        secrets.keys = Some(KeySource::of_secret(secret, clock.clone()));
    }
    if let Some(arn) = &login.client_secret {
        secrets.client = Some(secret(aws, LOGIN_CLIENT_SECRET, arn, clock)?);
    }
    for arn in &login.signing_keys {
        let key = mcp_lambda_aws::kms::KmsKey::deferred(aws.clone(), arn, clock.clone());
        let key = key.map_err(|error| ConfigError::new(LOGIN_SIGNING_KEYS, arn, error.to_string()))?;
        secrets.signing.push(Arc::new(key));
    }
    Ok(secrets)
}

#[cfg(all(feature = "login", not(feature = "secrets")))]
fn login_secrets<A>(_: &A, config: &Config, _: &Clock) -> Result<LoginSecrets, ConfigError> {
    let of_login = config.login.as_deref();
    let given = [
        (LOGIN_KEYS_SECRET, of_login.and_then(|login| login.keys_secret.as_ref())),
        (LOGIN_CLIENT_SECRET, of_login.and_then(|login| login.client_secret.as_ref())),
        (LOGIN_SIGNING_KEYS, of_login.and_then(|login| login.signing_keys.first())),
        (
            LOGIN_UPSTREAM_KEYS_SECRET,
            config.upstream_tokens.as_ref().and_then(|tokens| tokens.keys_secret.as_ref()),
        ),
    ];
    match given.into_iter().find_map(|(variable, arn)| Some((variable, arn?))) {
        None => Ok(LoginSecrets::default()),
        Some((variable, arn)) => Err(missing_feature(variable, arn, "secrets")),
    }
}

#[cfg(not(feature = "login"))]
fn login_secrets<A>(_: &A, _: &Config, _: &Clock) -> Result<LoginSecrets, ConfigError> {
    Ok(LoginSecrets::default())
}

#[cfg(feature = "login")]
const LOGIN_KEYS_SECRET: &str = "MCP_LOGIN_KEYS_SECRET";
#[cfg(feature = "login")]
const LOGIN_SIGNING_KEYS: &str = "MCP_LOGIN_SIGNING_KEYS";
#[cfg(feature = "login")]
const LOGIN_UPSTREAM_KEYS_SECRET: &str = "MCP_LOGIN_UPSTREAM_KEYS_SECRET";
#[cfg(feature = "login")]
const LOGIN_CLIENT_SECRET: &str = "MCP_LOGIN_UPSTREAM_CLIENT_SECRET_ARN";

#[cfg(not(feature = "secrets"))]
fn state_keys<A>(_: &A, config: &Config, _: &Clock) -> Result<Option<KeySource>, ConfigError> {
    match &config.state_keys_secret {
        None => Ok(None),
        Some(arn) => Err(missing_feature("MCP_STATE_KEYS_SECRET", arn, "secrets")),
    }
}

#[cfg(feature = "s3")]
#[expect(clippy::unnecessary_wraps, reason = "a binary without the feature refuses")]
fn result_store(
    aws: &AwsSdk,
    config: &Config,
    clock: &Clock,
) -> Result<Option<Arc<dyn ResultStore>>, ConfigError> {
    use mcp_lambda_aws::s3::ResultBucket;

    let large = &config.large_results;
    Ok(large.bucket.as_ref().map(|bucket| {
        let (aws, clock) = (aws.clone(), clock.clone());
        Arc::new(ResultBucket::deferred(aws, bucket, &large.prefix, large.link_lifetime, clock)) as _
    }))
}

#[cfg(not(feature = "s3"))]
fn result_store<A>(_: &A, config: &Config, _: &Clock) -> Result<Option<Arc<dyn ResultStore>>, ConfigError> {
    match &config.large_results.bucket {
        None => Ok(None),
        Some(bucket) => Err(missing_feature("MCP_LARGE_RESULTS_BUCKET", bucket, "s3")),
    }
}

#[cfg(not(all(
    feature = "dynamodb",
    feature = "postgres",
    feature = "s3",
    feature = "secrets",
    feature = "sns",
    feature = "sqlite",
    feature = "sqs"
)))]
fn missing_feature(variable: &'static str, found: &str, feature: &str) -> ConfigError {
    let expected = format!("to be unset: this binary was built without the `{feature}` feature");
    ConfigError::new(variable, found, expected)
}

#[cfg(all(
    test,
    feature = "dynamodb",
    feature = "s3",
    feature = "secrets",
    feature = "sns",
    feature = "sqs"
))]
mod tests {
    use mcp_lambda_core::config::Tables;

    use super::*;

    #[tokio::test]
    async fn the_sdk_configuration_is_not_loaded_until_it_is_needed() {
        let mut config = Config::default();
        config.tables = Some(Tables::new("state", "events"));
        config.events.topic_arn = Some("arn:aws:sns:eu-north-1:123456789012:topic".into());
        config.tasks.queue_url = Some("https://sqs.eu-north-1.amazonaws.com/123456789012/tasks".into());
        config.state_keys_secret =
            Some("arn:aws:secretsmanager:eu-north-1:123456789012:secret:keys-AbCdEf".into());
        config.large_results.bucket = Some("results".into());
        let (aws, clock) = (AwsSdk::new(config.tls_roots, None), Clock::system());
        assert!(stores(&aws, &config, &clock).is_ok_and(|stores| stores.is_some()));
        assert!(publisher(&aws, &config).is_ok_and(|publisher| publisher.is_some()));
        assert!(task_queue(&aws, &config).is_ok_and(|queue| queue.is_some()));
        assert!(state_keys(&aws, &config, &clock).is_ok_and(|keys| keys.is_some()));
        assert!(result_store(&aws, &config, &clock).is_ok_and(|store| store.is_some()));
        assert!(!aws.is_loaded());
        aws.config().await.expect("roots that TLS can be set up with");
        assert!(aws.is_loaded());
    }
}
