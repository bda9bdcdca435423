//! The variables of the authorization server.

use std::time::Duration;

use super::{
    Env, LoginKey, ProcessRole, Secret, UpstreamTokenConfig, auth, invalid_value,
    login_values::{HTTPS, instead_of, is_url, keys, parameters, required_url, signing_keys},
    variables::*,
};
use crate::error::ConfigError;

/// An authorization server for MCP clients, in front of a provider that signs users in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoginConfig {
    /// The URL of the authorization server: the `iss` claim of its tokens.
    pub issuer: String,
    /// The URLs of the MCP servers for which it issues tokens. The first is that of a request that names none, if it is alone.
    pub resources: Vec<String>,
    /// An audience of all tokens besides the URL of the MCP server. Default: none.
    pub audience: Option<String>,
    /// The keys of what it signs and seals: the first signs and seals, all verify and open. Default: none, which makes a random key
    /// at start.
    pub keys: Vec<LoginKey>,
    /// The ARN of the secret of Secrets Manager that has the keys instead, and is read while the server runs. Default: none.
    pub keys_secret: Option<String>,
    /// The ARNs of the keys of KMS that sign access tokens in place of [`keys`](Self::keys): the first signs, all verify. Default: none.
    pub signing_keys: Vec<String>,
    /// The ARN of the secret of Secrets Manager that has the secret of this server at the upstream provider. Default: none.
    pub client_secret: Option<String>,
    /// The provider that signs users in.
    pub upstream: LoginUpstream,
    /// The scopes that a client may be granted. Default: none.
    pub scopes: Vec<String>,
    /// The lifetime of an access token. Default: 10 minutes.
    pub access_token_ttl: Duration,
    /// How long a client may refresh its tokens after the user has signed in. Default: 30 days.
    pub refresh_token_ttl: Duration,
    /// The number of clients that may register in a minute, half of them from one address. Default: 300.
    pub registrations_per_minute: usize,
    /// How the tokens of the provider are kept, for tools that act as their caller. Default: they are not kept.
    pub upstream_tokens: Option<Box<UpstreamTokenConfig>>,
}

/// The provider that signs users in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoginUpstream {
    /// An OpenID provider, such as Amazon Cognito.
    #[non_exhaustive]
    Oidc {
        /// Its issuer.
        issuer: String,
        /// The server as a client of it.
        client: LoginClient,
    },
    /// An OAuth 2 provider without OpenID, such as GitHub.
    #[non_exhaustive]
    OAuth2 {
        /// Where users sign in.
        authorize_url: String,
        /// Where codes are redeemed.
        token_url: String,
        /// Where the user of an access token is asked for.
        user_url: String,
        /// The server as a client of it.
        client: LoginClient,
    },
    /// Users of the configuration, for trials on one machine.
    #[non_exhaustive]
    Local {
        /// The users.
        users: Vec<LocalUser>,
    },
}

/// The server as a client of the upstream provider.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoginClient {
    /// The id.
    pub id: String,
    /// The secret. Default: none, for a public client.
    pub secret: Option<Secret>,
    /// The scopes that are asked for.
    pub scopes: Vec<String>,
    /// Names and values that the request at which users sign in has besides. Default: none.
    pub parameters: Vec<(String, String)>,
}

/// A user of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LocalUser {
    /// The name, which is the subject too.
    pub name: String,
    /// The password.
    pub password: Secret,
}

impl LoginUpstream {
    /// Users with these names and passwords.
    #[must_use]
    pub fn local(users: Vec<(String, String)>) -> Self {
        let user = |(name, password)| LocalUser { name, password: Secret::new(password) };
        Self::Local { users: users.into_iter().map(user).collect() }
    }

    /// An OpenID provider, and the server as a client of it.
    #[must_use]
    pub fn oidc(issuer: impl Into<String>, client: LoginClient) -> Self {
        Self::Oidc { issuer: issuer.into(), client }
    }
}

impl LoginClient {
    /// A public client with this id, which asks for these scopes.
    pub fn new(id: impl Into<String>, scopes: &[&str]) -> Self {
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        Self { id: id.into(), secret: None, scopes, parameters: Vec::new() }
    }

    /// Sets the secret of the client.
    #[must_use]
    pub fn with_secret(self, secret: impl Into<String>) -> Self {
        Self { secret: Some(Secret::new(secret)), ..self }
    }
}

/// The longest lifetime of an access token: until then nothing revokes it.
const LONGEST_ACCESS_TOKEN: Duration = Duration::from_secs(24 * 60 * 60);

impl LoginConfig {
    /// An authorization server at this URL, for one MCP server, with the users of one provider. The other settings have their defaults.
    pub fn new(issuer: impl Into<String>, resource: impl Into<String>, upstream: LoginUpstream) -> Self {
        Self {
            issuer: issuer.into(),
            resources: vec![resource.into()],
            audience: None,
            keys: Vec::new(),
            keys_secret: None,
            signing_keys: Vec::new(),
            client_secret: None,
            upstream,
            scopes: Vec::new(),
            access_token_ttl: Duration::from_secs(600),
            refresh_token_ttl: Duration::from_secs(30 * 24 * 60 * 60),
            registrations_per_minute: 300,
            upstream_tokens: None,
        }
    }

    /// Reads the settings, if the process is an authorization server.
    pub(super) fn read(env: &Env<'_>) -> Result<Option<Box<Self>>, ConfigError> {
        if env.role()? != ProcessRole::Login {
            return Ok(None);
        }
        let issuer = required_url(env, &LOGIN_ISSUER)?;
        if issuer.ends_with('/') {
            return Err(invalid_value(&LOGIN_ISSUER, &issuer, "a URL without a final slash"));
        }
        let is_local = issuer.starts_with("http://") && env.get(&RUNTIME_API).is_none();
        let resources = auth::words(env, &LOGIN_RESOURCES);
        if resources.is_empty() {
            return Err(invalid_value(
                &LOGIN_RESOURCES,
                "",
                "the URL of an MCP server, as its clients have it",
            ));
        }
        if let Some(wrong) = resources.iter().find(|url| !is_url(url)) {
            return Err(invalid_value(&LOGIN_RESOURCES, wrong, HTTPS));
        }
        let default = Self::new("", "", LoginUpstream::Local { users: Vec::new() });
        let access_token_ttl = env.seconds(&LOGIN_ACCESS_TOKEN_SECONDS, default.access_token_ttl, 60)?;
        if access_token_ttl > LONGEST_ACCESS_TOKEN {
            let found = access_token_ttl.as_secs().to_string();
            let expected = "86400 at most: an access token is not revoked before it expires";
            return Err(invalid_value(&LOGIN_ACCESS_TOKEN_SECONDS, &found, expected));
        }
        Ok(Some(Box::new(Self {
            resources,
            audience: env.get(&LOGIN_AUDIENCE),
            keys: keys(env, &LOGIN_KEYS, is_local || env.get(&LOGIN_KEYS_SECRET).is_some())?,
            keys_secret: instead_of(env, &LOGIN_KEYS_SECRET, &LOGIN_KEYS)?,
            signing_keys: signing_keys(env)?,
            client_secret: instead_of(env, &LOGIN_UPSTREAM_CLIENT_SECRET_ARN, &LOGIN_UPSTREAM_CLIENT_SECRET)?,
            upstream: upstream(env, is_local)?,
            scopes: auth::scopes(env, &LOGIN_SCOPES)?,
            access_token_ttl,
            refresh_token_ttl: env.seconds(&LOGIN_REFRESH_TOKEN_SECONDS, default.refresh_token_ttl, 60)?,
            registrations_per_minute: env.count(&LOGIN_REGISTRATIONS, default.registrations_per_minute)?,
            upstream_tokens: UpstreamTokenConfig::read(env)?,
            issuer,
        })))
    }
}

fn upstream(env: &Env<'_>, is_local: bool) -> Result<LoginUpstream, ConfigError> {
    match env.get(&LOGIN_UPSTREAM).as_deref() {
        Some("oidc") => Ok(LoginUpstream::Oidc {
            issuer: required_url(env, &LOGIN_UPSTREAM_ISSUER)?,
            client: client(env)?,
        }),
        Some("oauth2") => Ok(LoginUpstream::OAuth2 {
            authorize_url: required_url(env, &LOGIN_UPSTREAM_AUTHORIZE_URL)?,
            token_url: required_url(env, &LOGIN_UPSTREAM_TOKEN_URL)?,
            user_url: required_url(env, &LOGIN_UPSTREAM_USER_URL)?,
            client: client(env)?,
        }),
        Some("local") if is_local => Ok(LoginUpstream::Local { users: users(env)? }),
        Some("local") => {
            let expected = "oidc or oauth2: local is for an issuer at a loopback address, and not on Lambda";
            Err(invalid_value(&LOGIN_UPSTREAM, "local", expected))
        }
        found => Err(invalid_value(&LOGIN_UPSTREAM, found.unwrap_or_default(), "oidc, oauth2 or local")),
    }
}

fn client(env: &Env<'_>) -> Result<LoginClient, ConfigError> {
    let id = env.get(&LOGIN_UPSTREAM_CLIENT_ID).ok_or_else(|| {
        invalid_value(
            &LOGIN_UPSTREAM_CLIENT_ID,
            "",
            "the id by which the upstream provider knows this server",
        )
    })?;
    let secret = env.get(&LOGIN_UPSTREAM_CLIENT_SECRET).map(Secret::new);
    let mut scopes = auth::scopes(env, &LOGIN_UPSTREAM_SCOPES)?;
    if scopes.is_empty() && env.get(&LOGIN_UPSTREAM).as_deref() == Some("oidc") {
        scopes = vec!["openid".to_owned()];
    }
    Ok(LoginClient { id, secret, scopes, parameters: parameters(env)? })
}

/// The users of the configuration. Errors do not quote them, because they hold passwords.
fn users(env: &Env<'_>) -> Result<Vec<LocalUser>, ConfigError> {
    let expected = "name:password, and more of them after commas";
    let text = env.get(&LOGIN_LOCAL_USERS).ok_or_else(|| invalid_value(&LOGIN_LOCAL_USERS, "", expected))?;
    let user = |(index, item): (usize, &str)| match item.trim().split_once(':') {
        Some((name, password)) if !name.is_empty() && !password.is_empty() => {
            Ok(LocalUser { name: name.to_owned(), password: Secret::new(password) })
        }
        _ => Err(invalid_value(&LOGIN_LOCAL_USERS, &format!("(entry {})", index + 1), expected)),
    };
    text.split(',').enumerate().map(user).collect()
}
