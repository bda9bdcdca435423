//! OAuth 2.1 in a browser: rmcp finds the authorization server, registers and exchanges; this module opens the browser, waits
//! for the redirection, and keeps the tokens.

mod browser;
mod callback;
mod config;
mod login;
mod store;

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode, header, response::Parts};
use rmcp::transport::auth::{AuthError, AuthorizationManager};
use tokio::{sync::Mutex, time::Instant};
use url::Url;

use self::store::TokenFile;
pub use self::{browser::Browser, config::OAuthConfig};
use crate::{
    Error,
    sender::{Again, Authorize},
};

/// For this long after a login, no other one begins.
const SETTLING: Duration = Duration::from_secs(10);

/// Adds the access token of a person, who signs in when the server asks for it.
pub(crate) struct OAuth {
    url: Url,
    config: OAuthConfig,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    manager: Option<AuthorizationManager>,
    /// When a token arrived.
    renewed: Option<Instant>,
    /// When a login failed, and why: one page is opened for all requests that wait for it.
    failed: Option<(Instant, String)>,
}

impl std::fmt::Debug for OAuth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OAuth").field("url", &self.url.as_str()).finish_non_exhaustive()
    }
}

impl OAuth {
    pub(crate) fn new(url: Url, config: OAuthConfig) -> Self {
        Self { url, config, state: Mutex::default() }
    }

    /// Adds the token, if there is one.
    pub(crate) async fn authorize_if_known(&self, request: &mut Request<Bytes>) -> Result<(), Error> {
        let mut state = self.state.lock().await;
        if state.manager.is_none() && self.tokens()?.exists() {
            state.manager = Some(self.manager().await?);
        }
        let Some(manager) = &state.manager else { return Ok(()) };
        match manager.get_access_token().await {
            Ok(token) => {
                request.headers_mut().insert(header::AUTHORIZATION, bearer(&token)?);
                Ok(())
            }
            // The server refuses the request, which begins a login.
            Err(AuthError::AuthorizationRequired) => Ok(()),
            Err(error) => Err(Error::of_oauth(&error)),
        }
    }

    async fn refresh_or_login(&self, head: &Parts, tries: u32) -> Result<Again, Error> {
        let mut state = self.state.lock().await;
        let just_now = state.renewed.is_some_and(|at| at.elapsed() < SETTLING);
        if just_now {
            // The request was sent before the token arrived; or the server does not accept the token.
            return Ok(if tries == 1 { Again::Yes } else { Again::No });
        }
        if tries == 1
            && head.status == StatusCode::UNAUTHORIZED
            && let Some(manager) = &state.manager
            && manager.refresh_token().await.is_ok()
        {
            state.renewed = Some(Instant::now());
            return Ok(Again::Yes);
        }
        if let Some((at, reason)) = &state.failed
            && at.elapsed() < SETTLING
        {
            return Err(Error::Authorization(reason.clone()));
        }
        let manager = self.manager().await?;
        match login::login(&self.config, manager, challenge(head)).await {
            Ok(manager) => {
                state.manager = Some(manager);
                state.renewed = Some(Instant::now());
                Ok(Again::Yes)
            }
            Err(error) => {
                if let Error::Authorization(reason) = &error {
                    state.failed = Some((Instant::now(), reason.clone()));
                }
                Err(error)
            }
        }
    }

    /// A manager with the stored tokens.
    async fn manager(&self) -> Result<AuthorizationManager, Error> {
        crate::sender::http_client()?;
        let mut manager =
            AuthorizationManager::new(self.url.clone()).await.map_err(|error| Error::of_oauth(&error))?;
        manager.set_credential_store(self.tokens()?);
        manager.initialize_from_store().await.map_err(|error| Error::of_oauth(&error))?;
        Ok(manager)
    }

    fn tokens(&self) -> Result<TokenFile, Error> {
        TokenFile::of(self.config.token_folder.as_deref(), &self.url)
    }
}

#[async_trait]
impl Authorize for OAuth {
    async fn authorize(&self, request: &mut Request<Bytes>) -> Result<(), Error> {
        self.authorize_if_known(request).await
    }

    async fn refused(&self, head: &Parts, tries: u32) -> Result<Again, Error> {
        let needs_scopes = challenge(head).is_some_and(|text| text.contains("insufficient_scope"));
        if tries > 2 || (head.status == StatusCode::FORBIDDEN && !needs_scopes) {
            return Ok(Again::No);
        }
        self.refresh_or_login(head, tries).await
    }

    fn advice(&self) -> String {
        "The server did not accept the token of the login: the account may lack access to it.".to_owned()
    }
}

/// The challenge of a refusal. Function URLs and REST APIs rename the header.
fn challenge(head: &Parts) -> Option<&str> {
    ["www-authenticate", "x-amzn-remapped-www-authenticate"]
        .iter()
        .find_map(|name| head.headers.get(*name))
        .and_then(|value| value.to_str().ok())
}

fn bearer(token: &str) -> Result<HeaderValue, Error> {
    let mut value = HeaderValue::from_str(&format!("Bearer {token}"))
        .map_err(|_| Error::Authorization("the access token cannot be sent in a header".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}
