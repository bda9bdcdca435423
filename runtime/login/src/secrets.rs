//! What the authorization server reads from secrets while it runs: its keys, and its own secret at the upstream provider. Keys that
//! sign elsewhere are no secrets, and stand beside them.
//!
//! Both secrets are read when the first request comes, and looked at again every five minutes, so that a rotated secret arrives in each
//! environment without a deployment. The keys of the previous version are read as well: tokens that they signed stay valid.

use std::{fmt, sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures::FutureExt;
use http::{Request, Response};
use mcp_lambda_core::{
    Ingress,
    config::{LoginConfig, LoginKey, LoginUpstream, Secret as Text},
    error::ConfigError,
    http::{Application, Body, BoxError},
    keys::{KeySource, KeysError, NamedKey, Secret, SecretStage, SigningKey},
    session::StateStore,
    time::{Clock, Timestamp},
};
use tokio::sync::Mutex;

use crate::{
    error::OAuthError,
    reply,
    server::{Login, Outside},
    service,
    signing::ManagedKeys,
};

/// How long the secret of the client is used before it is read again.
const FRESH: Duration = Duration::from_secs(300);

/// The secrets that are read while the server runs. Without one, the configuration has the value.
#[derive(Clone, Debug, Default)]
pub struct LoginSecrets {
    /// The keys of what is signed and sealed.
    pub keys: Option<KeySource>,
    /// The secret of the server as a client of the upstream provider.
    pub client: Option<Arc<dyn Secret>>,
    /// The keys with which the tokens of the upstream provider are sealed.
    pub upstream: Option<KeySource>,
    /// The keys that sign access tokens in place of those of the server: the first signs, and all verify.
    pub signing: Vec<Arc<dyn SigningKey>>,
}

/// Why no request can be answered, for the log.
#[derive(Debug, thiserror::Error)]
enum SecretsError {
    #[error(transparent)]
    Keys(#[from] KeysError),
    #[error("the secret {name}, with which the upstream provider knows this server, cannot be read: {cause}")]
    Client { name: String, cause: BoxError },
    #[error(transparent)]
    Config(#[from] ConfigError),
}

/// The server as it was built from the secrets.
struct Built {
    login: Arc<Login>,
    keys: Option<Arc<[NamedKey]>>,
    client: Option<String>,
    read: Timestamp,
}

struct Parts {
    config: LoginConfig,
    secrets: LoginSecrets,
    signing: Option<Arc<ManagedKeys>>,
    store: Arc<dyn StateStore>,
    clock: Clock,
    /// Locked while secrets are read, so that all requests wait for one read.
    built: Mutex<Option<Built>>,
}

/// Builds the authorization server with secrets that it reads while it runs.
///
/// # Errors
///
/// When the configuration cannot be used.
pub fn application_with(
    config: &LoginConfig,
    secrets: LoginSecrets,
    store: Arc<dyn StateStore>,
    clock: Clock,
) -> Result<Application, ConfigError> {
    let LoginSecrets { keys, client, upstream, signing } = &secrets;
    if keys.is_none() && client.is_none() && upstream.is_none() && signing.is_empty() {
        return service::application(config, store, clock);
    }
    // What is wrong with the rest of the configuration is found at start.
    let mut probe = config.clone();
    probe.keys = vec![LoginKey::new("start", "0".repeat(64))];
    Login::new(&probe, Arc::clone(&store), clock.clone(), Outside::default())?;
    let signing = ManagedKeys::of(signing, &clock);
    let config = config.clone();
    let parts = Arc::new(Parts { config, secrets, signing, store, clock, built: Mutex::default() });
    Ok(Arc::new(move |request, ingress| {
        let parts = Arc::clone(&parts);
        async move { parts.answer(request, ingress).await }.boxed()
    }))
}

impl Parts {
    async fn answer(&self, request: Request<Body>, ingress: Ingress) -> Response<Body> {
        let read = tokio::time::timeout_at(ingress.deadline.instant(), self.login()).await;
        match read {
            Ok(Ok(login)) => login.answer(request, ingress).await,
            Ok(Err(error)) => {
                tracing::error!("{error}");
                unavailable()
            }
            Err(_) => {
                tracing::error!("the secrets of the login were not read before the deadline of a request");
                unavailable()
            }
        }
    }

    /// The server with the secrets as they are now.
    async fn login(&self) -> Result<Arc<Login>, SecretsError> {
        let mut built = self.built.lock().await;
        let keys = match (&self.secrets.keys, &*built) {
            (None, _) => None,
            // The first look reads the previous version too.
            (Some(source), None) => Some(source.look_again().await?),
            (Some(source), Some(_)) => Some(source.keys().await?),
        };
        let now = self.clock.now();
        let (client, read) = match &*built {
            Some(known) if now.since(known.read) < FRESH => (known.client.clone(), known.read),
            known => (self.client(known.as_ref()).await?, now),
        };
        if let Some(known) = &mut *built
            && known.client == client
            && same(known.keys.as_deref(), keys.as_deref())
        {
            known.read = read;
            return Ok(Arc::clone(&known.login));
        }
        let config = self.with(keys.as_deref(), client.as_deref());
        let (store, clock) = (Arc::clone(&self.store), self.clock.clone());
        let outside = Outside { upstream: self.secrets.upstream.clone(), signing: self.signing.clone() };
        let login = Arc::new(Login::new(&config, store, clock, outside)?);
        *built = Some(Built { login: Arc::clone(&login), keys, client, read });
        Ok(login)
    }

    /// Reads the secret of the client. If that fails, the one of the last read is used.
    async fn client(&self, known: Option<&Built>) -> Result<Option<String>, SecretsError> {
        let Some(secret) = &self.secrets.client else { return Ok(None) };
        let failed = |cause| SecretsError::Client { name: secret.name().to_owned(), cause };
        let read = match secret.read(SecretStage::Current).await {
            Ok(Some(value)) => return Ok(Some(value.text.trim().to_owned())),
            Ok(None) => failed("it has no current version".into()),
            Err(cause) => failed(cause),
        };
        let Some(Built { client: Some(client), .. }) = known else { return Err(read) };
        tracing::warn!("{read}; the one of the last read is used");
        Ok(Some(client.clone()))
    }

    fn with(&self, keys: Option<&[NamedKey]>, client: Option<&str>) -> LoginConfig {
        let mut config = self.config.clone();
        if let Some(keys) = keys {
            let key = |key: &NamedKey| LoginKey::new(&*key.id, URL_SAFE_NO_PAD.encode(&key.secret));
            config.keys = keys.iter().map(key).collect();
        }
        if let Some(client) = client {
            match &mut config.upstream {
                LoginUpstream::Oidc { client: of, .. } | LoginUpstream::OAuth2 { client: of, .. } => {
                    of.secret = Some(Text::new(client));
                }
                _ => {}
            }
        }
        config
    }
}

fn unavailable() -> Response<Body> {
    reply::error(&OAuthError::temporarily_unavailable("the server cannot answer at the moment: try again"))
}

fn same(one: Option<&[NamedKey]>, other: Option<&[NamedKey]>) -> bool {
    one == other
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").field("secrets", &self.secrets).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex as StdMutex;

    use async_trait::async_trait;
    use http_body_util::BodyExt;
    use mcp_lambda_core::{
        config::{Config, LoginClient},
        http::full,
        keys::SecretValue,
        store::Stores,
        time::Deadline,
    };
    use serde_json::Value;

    use super::*;
    use crate::metadata;

    /// A secret with its versions, the newest of which is current. Without one it cannot be read.
    #[derive(Debug, Default)]
    struct Versions(StdMutex<Vec<String>>);

    impl Versions {
        fn add(&self, text: impl Into<String>) {
            self.0.lock().expect("versions").push(text.into());
        }
    }

    #[async_trait]
    impl Secret for Versions {
        fn name(&self) -> &str {
            "arn:aws:secretsmanager:eu-north-1:123456789012:secret:login"
        }

        async fn read(&self, stage: SecretStage) -> Result<Option<SecretValue>, BoxError> {
            let versions = self.0.lock().expect("versions");
            if versions.is_empty() {
                return Err("the role may not read it".into());
            }
            let back = if stage == SecretStage::Current { 1 } else { 2 };
            let index = versions.len().checked_sub(back);
            Ok(index.map(|index| SecretValue { version: format!("v{index}"), text: versions[index].clone() }))
        }
    }

    struct Server {
        keys: Arc<Versions>,
        client: Arc<Versions>,
        clock: Clock,
        parts: Parts,
    }

    fn server() -> Server {
        let (keys, client) = (Arc::<Versions>::default(), Arc::<Versions>::default());
        let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
        let of = |secret: &Arc<Versions>| Arc::clone(secret) as Arc<dyn Secret>;
        let upstream = LoginUpstream::oidc("https://provider.example", LoginClient::new("mcp", &["openid"]));
        let parts = Parts {
            config: LoginConfig::new("https://login.example", "https://mcp.example/mcp", upstream),
            secrets: LoginSecrets {
                keys: Some(KeySource::of_secret(of(&keys), clock.clone())),
                client: Some(of(&client)),
                upstream: None,
                signing: Vec::new(),
            },
            signing: None,
            store: Stores::in_memory(&Config::default(), clock.clone()).state,
            clock: clock.clone(),
            built: Mutex::default(),
        };
        Server { keys, client, clock, parts }
    }

    impl Server {
        async fn get(&self, path: &str) -> (u16, Value) {
            let request =
                Request::get(path).header("host", "login.example").body(full("")).expect("a request");
            let ingress = Ingress::local(Deadline::after(Duration::from_secs(60)));
            let response = self.parts.answer(request, ingress).await;
            let status = response.status().as_u16();
            let body = response.into_body().collect().await.expect("a body").to_bytes();
            (status, serde_json::from_slice(&body).expect("JSON"))
        }

        /// The names of the keys with which tokens are checked, the one that signs first.
        async fn key_ids(&self) -> Vec<String> {
            let (status, set) = self.get(metadata::JWKS).await;
            assert_eq!(status, 200, "{set}");
            let keys = set["keys"].as_array().expect("keys");
            keys.iter().map(|key| key["kid"].as_str().expect("a kid").to_owned()).collect()
        }

        async fn client_secret(&self) -> String {
            let login = self.parts.login().await.expect("a server");
            let (LoginUpstream::Oidc { client, .. } | LoginUpstream::OAuth2 { client, .. }) =
                &login.config.upstream
            else {
                panic!("a provider")
            };
            client.secret.as_ref().expect("a secret").expose().to_owned()
        }
    }

    #[tokio::test]
    async fn a_rotated_key_signs_within_minutes_and_its_previous_version_is_still_known() {
        let server = server();
        server.client.add("of-the-client");
        server.keys.add("a".repeat(64));
        assert_eq!(server.key_ids().await, ["v0"]);
        server.keys.add("b".repeat(64));
        assert_eq!(server.key_ids().await, ["v0"]);
        server.clock.advance(FRESH);
        assert_eq!(server.key_ids().await, ["v1", "v0"]);
    }

    /// An environment that starts after a rotation has tokens of the version before.
    #[tokio::test]
    async fn an_environment_reads_the_previous_version_with_its_first_request() {
        let server = server();
        server.client.add("of-the-client");
        server.keys.add("a".repeat(64));
        server.keys.add("b".repeat(64));
        assert_eq!(server.key_ids().await, ["v1", "v0"]);
    }

    #[tokio::test]
    async fn the_secret_of_the_client_is_read_again_and_kept_while_it_cannot_be_read() {
        let server = server();
        server.keys.add("a".repeat(64));
        server.client.add(" first\n");
        assert_eq!(server.client_secret().await, "first");
        server.client.add("second");
        assert_eq!(server.client_secret().await, "first");
        server.clock.advance(FRESH);
        assert_eq!(server.client_secret().await, "second");
        server.client.0.lock().expect("versions").clear();
        server.clock.advance(FRESH);
        assert_eq!(server.client_secret().await, "second");
    }

    #[tokio::test]
    async fn a_secret_that_cannot_be_read_is_a_503_until_it_can() {
        let server = server();
        let (status, answer) = server.get(metadata::JWKS).await;
        assert_eq!((status, &answer["error"]), (503, &Value::from("temporarily_unavailable")));
        server.keys.add("a".repeat(64));
        server.clock.advance(Duration::from_secs(60));
        assert_eq!(server.get(metadata::JWKS).await.0, 503);
        server.client.add("of-the-client");
        assert_eq!(server.key_ids().await, ["v0"]);
    }
}
