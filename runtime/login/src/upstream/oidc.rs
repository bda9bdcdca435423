//! An OpenID provider: <https://openid.net/specs/openid-connect-core-1_0.html#CodeFlowAuth>.
//!
//! Nothing is asked of it that Cognito does not know: no `resource`, no registration. Access tokens of the provider are not
//! looked into (those of Cognito have no audience); the ID token names the user.

use std::{fmt, sync::Arc, time::Duration};

use http::Uri;
use mcp_lambda_core::{
    auth::{IdTokens, metadata},
    error::{Causes, ConfigError},
    fetch::Fetcher,
    time::{Clock, Deadline, Timestamp},
};
use oauth2::{AuthType, ClientSecret};
use serde::Deserialize;
use tokio::sync::Mutex;
use url::Url;

use super::{
    Identity, UpstreamError, UpstreamRedemption, UpstreamRequest, UpstreamTokens,
    messages::{authorization_url, name_in, safe},
    token_endpoint::{Credentials, TokenEndpoint},
};

/// The metadata is fetched again after this time, and used beyond it while the provider fails.
const FRESH: Duration = Duration::from_secs(60 * 60);
/// The pause after a request for the metadata that failed.
const FAILURE_PAUSE: Duration = Duration::from_secs(2);
const VARIABLE: &str = "MCP_LOGIN_UPSTREAM_ISSUER";

/// The provider and this server's client there.
#[derive(Debug, Clone)]
pub(crate) struct OidcConfig {
    /// The issuer, exactly as its metadata has it.
    pub(crate) issuer: String,
    /// The id of the client.
    pub(crate) client_id: String,
    /// The secret of the client. `None`: a public client.
    pub(crate) client_secret: Option<ClientSecret>,
}

/// An OpenID provider.
pub(crate) struct Oidc {
    config: OidcConfig,
    uri: Uri,
    fetcher: Arc<Fetcher>,
    clock: Clock,
    /// Locked by the one request that fetches the metadata.
    discovery: Mutex<Discovery>,
}

#[derive(Default)]
struct Discovery {
    provider: Option<Arc<Provider>>,
    /// When the metadata is to be fetched again.
    next: Option<Timestamp>,
}

/// What the metadata of the provider says.
struct Provider {
    authorization_endpoint: Url,
    token: TokenEndpoint,
    /// Whether every response names the issuer (RFC 9207).
    names_issuer: bool,
    jwks_uri: String,
    id_tokens: Arc<IdTokens>,
}

#[derive(Deserialize)]
struct Metadata {
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl Oidc {
    /// # Errors
    ///
    /// If the issuer is neither an https URL nor an http URL of a loopback address.
    pub(crate) fn new(config: OidcConfig, clock: Clock) -> Result<Self, ConfigError> {
        let expected = || ConfigError::new(VARIABLE, config.issuer.clone(), "an https URL");
        safe(VARIABLE, &config.issuer).map_err(|_| expected())?;
        let uri = config.issuer.parse().map_err(|_| expected())?;
        Ok(Self { config, uri, fetcher: Arc::default(), clock, discovery: Mutex::default() })
    }

    pub(super) async fn authorization_url(
        &self,
        request: &UpstreamRequest<'_>,
    ) -> Result<Url, UpstreamError> {
        let provider = self.provider().await?;
        let endpoint = &provider.authorization_endpoint;
        Ok(authorization_url(endpoint, &self.config.client_id, request, Some(request.nonce)))
    }

    pub(super) async fn identity(
        &self,
        code: &str,
        redemption: &UpstreamRedemption<'_>,
        deadline: Deadline,
    ) -> Result<Identity, UpstreamError> {
        let provider = self.provider().await?;
        match redemption.issuer {
            Some(issuer) if issuer != self.config.issuer => {
                return Err(UpstreamError::OtherIssuer(issuer.to_owned()));
            }
            None if provider.names_issuer => return Err(UpstreamError::OtherIssuer(String::new())),
            Some(_) | None => {}
        }
        let (verifier, redirect_uri) = (redemption.code_verifier, redemption.redirect_uri);
        let redeemed =
            provider.token.redeem(&self.fetcher, &self.clock, code, verifier, redirect_uri).await?;
        let id_token = redeemed.id_token.ok_or_else(|| {
            UpstreamError::Response("it has no id_token: is `openid` one of the scopes?".to_owned())
        })?;
        let claims = provider.id_tokens.check(&id_token, redemption.nonce, deadline).await;
        let claims = claims.map_err(UpstreamError::IdToken)?;
        let subject = claims.get("sub").and_then(|subject| subject.as_str()).unwrap_or_default().to_owned();
        let name = name_in(&claims, &["email", "preferred_username", "cognito:username", "name"]);
        Ok(Identity { subject, name, tokens: Some(redeemed.tokens) })
    }

    pub(super) async fn refresh(&self, refresh_token: &str) -> Result<UpstreamTokens, UpstreamError> {
        let provider = self.provider().await?;
        provider.token.refresh(&self.fetcher, &self.clock, refresh_token).await
    }

    /// The provider, as its metadata describes it.
    async fn provider(&self) -> Result<Arc<Provider>, UpstreamError> {
        let mut discovery = self.discovery.lock().await;
        if discovery.next.is_some_and(|next| self.clock.now() < next) {
            return discovery.provider.clone().ok_or(UpstreamError::Paused);
        }
        let found = self.discover(discovery.provider.as_deref()).await;
        let now = self.clock.now();
        match found {
            Ok(provider) => {
                discovery.next = Some(now.plus(FRESH));
                Ok(Arc::clone(discovery.provider.insert(Arc::new(provider))))
            }
            Err(error) => {
                discovery.next = Some(now.plus(FAILURE_PAUSE));
                let Some(provider) = discovery.provider.clone() else { return Err(error) };
                tracing::warn!(
                    error = %Causes(&error),
                    issuer = self.config.issuer,
                    "the metadata of the upstream provider cannot be fetched again; that of the last fetch is used"
                );
                Ok(provider)
            }
        }
    }

    async fn discover(&self, known: Option<&Provider>) -> Result<Provider, UpstreamError> {
        let issuer = &self.config.issuer;
        let (_, found) = metadata::<Metadata>(&self.fetcher, issuer, &self.uri, VARIABLE)
            .await
            .map_err(UpstreamError::Discovery)?;
        safe("jwks_uri", &found.jwks_uri)?;
        let methods = found.token_endpoint_auth_methods_supported.as_deref();
        let basic =
            methods.is_none_or(|methods| methods.iter().any(|method| method == "client_secret_basic"));
        let credentials = Credentials {
            client_id: &self.config.client_id,
            secret: self.config.client_secret.as_ref(),
            auth_type: if basic { AuthType::BasicAuth } else { AuthType::RequestBody },
        };
        // The keys that are known stay, unless they are elsewhere now.
        let id_tokens = match known.filter(|known| known.jwks_uri == found.jwks_uri) {
            Some(known) => Arc::clone(&known.id_tokens),
            None => self.id_tokens(&found.jwks_uri)?,
        };
        Ok(Provider {
            authorization_endpoint: safe("authorization_endpoint", &found.authorization_endpoint)?,
            token: TokenEndpoint::new(safe("token_endpoint", &found.token_endpoint)?, &credentials),
            names_issuer: found.authorization_response_iss_parameter_supported,
            jwks_uri: found.jwks_uri,
            id_tokens,
        })
    }

    fn id_tokens(&self, jwks_uri: &str) -> Result<Arc<IdTokens>, UpstreamError> {
        let (issuer, client_id) = (&self.config.issuer, &self.config.client_id);
        let tokens = IdTokens::new(issuer, jwks_uri, client_id, self.clock.clone());
        tokens.map(Arc::new).map_err(|_| UpstreamError::Url { name: "jwks_uri", found: jwks_uri.to_owned() })
    }
}

impl fmt::Debug for Oidc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Oidc").field("issuer", &self.config.issuer).finish_non_exhaustive()
    }
}
