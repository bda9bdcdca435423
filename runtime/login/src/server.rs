//! What the authorization server is made of.

use std::{fmt, sync::Arc};

use http::Uri;
use mcp_lambda_core::{
    config::{LoginClient, LoginConfig, LoginUpstream},
    error::ConfigError,
    keys::KeySource,
    session::StateStore,
    time::Clock,
};
use oauth2::ClientSecret;

use crate::{
    client::{Clients, document::ClientDocuments, registration::RegistrationLimit},
    cookies::BrowserCookie,
    keys::Keys,
    metadata,
    signing::{ManagedKeys, Signer},
    upstream::{
        Upstream,
        local::{Local, LocalConfig},
        oauth2::{OAuth2, OAuth2Config},
        oidc::{Oidc, OidcConfig},
    },
    upstream_tokens::UpstreamKeys,
};

/// Keys that the configuration does not have itself.
#[derive(Default)]
pub(crate) struct Outside {
    /// Those of the provider's tokens.
    pub(crate) upstream: Option<KeySource>,
    /// Those that sign access tokens.
    pub(crate) signing: Option<Arc<ManagedKeys>>,
}

/// The authorization server.
pub(crate) struct Login {
    pub(crate) config: LoginConfig,
    pub(crate) keys: Arc<Keys>,
    pub(crate) signer: Signer,
    pub(crate) store: Arc<dyn StateStore>,
    pub(crate) clock: Clock,
    pub(crate) clients: Clients,
    pub(crate) upstream: Upstream,
    pub(crate) cookie: BrowserCookie,
    pub(crate) callback_url: String,
    /// The origin of the pages, as browsers write it.
    pub(crate) origin: String,
    /// The path of the issuer, without a final slash.
    pub(crate) path: String,
    pub(crate) registrations: RegistrationLimit,
    /// The keys with which the tokens of the provider are sealed, if they are kept.
    pub(crate) upstream_keys: Option<UpstreamKeys>,
}

impl Login {
    pub(crate) fn new(
        config: &LoginConfig,
        store: Arc<dyn StateStore>,
        clock: Clock,
        outside: Outside,
    ) -> Result<Self, ConfigError> {
        let issuer = &config.issuer;
        let uri: Uri = issuer.parse().map_err(|_| ConfigError::new("MCP_LOGIN_ISSUER", issuer, "a URL"))?;
        let keys = Arc::new(Keys::new(config)?);
        let host = uri.authority().map_or("", |host| host.as_str()).to_ascii_lowercase();
        Ok(Self {
            clients: Clients::new(Arc::clone(&keys), ClientDocuments::new(clock.clone())),
            signer: outside.signing.map_or_else(|| Signer::Derived(Arc::clone(&keys)), Signer::Managed),
            keys,
            store,
            upstream: upstream(config, &clock)?,
            cookie: BrowserCookie::new(issuer),
            callback_url: format!("{issuer}{}", metadata::CALLBACK),
            origin: format!("{}://{host}", uri.scheme_str().unwrap_or("https")),
            path: uri.path().trim_end_matches('/').to_owned(),
            registrations: RegistrationLimit::new(config.registrations_per_minute),
            upstream_keys: config
                .upstream_tokens
                .as_ref()
                .map(|kept| UpstreamKeys::of(kept, outside.upstream)),
            config: config.clone(),
            clock,
        })
    }

    /// The path of an endpoint, from the root of the host.
    pub(crate) fn path_of(&self, endpoint: &str) -> String {
        format!("{}{endpoint}", self.path)
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("issuer", &self.config.issuer).finish_non_exhaustive()
    }
}

fn upstream(config: &LoginConfig, clock: &Clock) -> Result<Upstream, ConfigError> {
    let secret = |client: &LoginClient| {
        client.secret.as_ref().map(|secret| ClientSecret::new(secret.expose().to_owned()))
    };
    Ok(match &config.upstream {
        LoginUpstream::Oidc { issuer, client, .. } => {
            let config = OidcConfig {
                issuer: issuer.clone(),
                client_id: client.id.clone(),
                client_secret: secret(client),
            };
            Upstream::Oidc(Oidc::new(config, clock.clone())?)
        }
        LoginUpstream::OAuth2 { authorize_url, token_url, user_url, client, .. } => {
            let config = OAuth2Config {
                authorize_url: authorize_url.clone(),
                token_url: token_url.clone(),
                user_url: user_url.clone(),
                client_id: client.id.clone(),
                client_secret: secret(client),
            };
            let upstream = OAuth2::new(&config, clock.clone());
            Upstream::OAuth2(upstream.map_err(|error| {
                ConfigError::new("MCP_LOGIN_UPSTREAM_AUTHORIZE_URL", authorize_url, error.to_string())
            })?)
        }
        LoginUpstream::Local { users, .. } => {
            let url = |endpoint: &str| {
                let text = format!("{}{endpoint}", config.issuer);
                text.parse().map_err(|_| ConfigError::new("MCP_LOGIN_ISSUER", &config.issuer, "a URL"))
            };
            let users = users.iter().map(|user| (user.name.clone(), user.password.expose().to_owned()));
            let (sign_in_url, callback_url) = (url(metadata::SIGN_IN)?, url(metadata::CALLBACK)?);
            let config = LocalConfig { users: users.collect(), sign_in_url, callback_url };
            Upstream::Local(Local::new(config, clock.clone()))
        }
        _ => {
            let expected = "oidc, oauth2 or local";
            return Err(ConfigError::new("MCP_LOGIN_UPSTREAM", "(unknown)", expected));
        }
    })
}
