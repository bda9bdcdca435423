//! One login: discovery, registration, the browser, and the exchange of the code for tokens.

use rmcp::transport::auth::{AuthorizationManager, AuthorizationRequest, AuthorizationSession};

use super::{callback::Callback, config::OAuthConfig};
use crate::Error;

/// Signs a person in, and returns a manager with the tokens, which are stored too.
pub(super) async fn login(
    config: &OAuthConfig,
    mut manager: AuthorizationManager,
    challenge: Option<&str>,
) -> Result<AuthorizationManager, Error> {
    let callback = Callback::listen(config.port).await?;
    let found =
        manager.resolve_metadata_from_challenge(challenge).await.map_err(|error| Error::of_oauth(&error))?;
    manager.set_metadata(found.metadata);
    let mut request = AuthorizationRequest::new(callback.redirect_uri())
        .with_client_name("mcp-lambda")
        .with_initial_scope_selection()
        .with_scopes(config.scopes.clone());
    if let Some(client_id) = &config.client_id {
        request = request.with_preregistered_client(client_id);
    }
    if let Some(url) = &config.client_metadata_url {
        request = request.with_client_metadata_url(url);
    }
    let session =
        AuthorizationSession::new(manager, request).await.map_err(|(_, error)| Error::of_oauth(&error))?;
    config.browser.open(session.get_authorization_url())?;
    let redirected = tokio::time::timeout(config.timeout, callback.receive());
    let url = redirected.await.map_err(|_| {
        Error::Authorization(format!("nobody signed in within {} s", config.timeout.as_secs()))
    })??;
    session.handle_callback_url(&url).await.map_err(|error| Error::of_oauth(&error))?;
    Ok(session.auth_manager)
}
