//! The URL to which the upstream provider sends a user back.

use http::{HeaderMap, Response};
use mcp_lambda_core::{error::Causes, http::Body, time::Deadline};

use crate::{
    consent,
    error::OAuthError,
    keys::{Hash, Purpose},
    limits,
    parameters::Parameters,
    reply::{Ending, ToClient},
    request::AuthorizationRequest,
    server::Login,
    upstream::UpstreamRedemption,
};

/// Redeems the code of the provider, and asks the user for consent.
pub(crate) async fn callback(
    login: &Login,
    headers: &HeaderMap,
    query: &[u8],
    deadline: Deadline,
) -> Result<Response<Body>, Ending> {
    let parameters = Parameters::read_without_limits(query).map_err(|_| Ending::stale())?;
    let request: Option<AuthorizationRequest> =
        parameters.get("state").and_then(|sealed| login.keys.open(Purpose::Request, sealed));
    let request =
        request.filter(|request| login.clock.now() < request.expires_at).ok_or_else(Ending::stale)?;
    // The code of an attacker, in the browser of a victim, would sign the victim in as the attacker.
    if login.cookie.read(headers).is_none_or(|browser| browser.hash() != request.browser) {
        return Err(Ending::other_browser());
    }
    let client_answer = ToClient::of(&login.config.issuer, &request);
    let code = match (parameters.get("error"), parameters.get("code")) {
        (None, Some(code)) => code,
        (Some("access_denied"), _) => {
            return Ok(client_answer.error(&OAuthError::access_denied("the user has not signed in")));
        }
        (error, _) => {
            let error: String =
                error.unwrap_or("no code").chars().filter(char::is_ascii_graphic).take(64).collect();
            tracing::warn!(error, "the upstream provider has not signed a user in");
            return Ok(client_answer.error(&OAuthError::server_error()));
        }
    };
    let redemption = UpstreamRedemption {
        code_verifier: &request.verifier,
        nonce: &request.nonce,
        redirect_uri: &login.callback_url,
        issuer: parameters.get("iss"),
    };
    let identity = match login
        .upstream
        .identity(code, &redemption, deadline.capped(limits::UPSTREAM_TIME))
        .await
    {
        Ok(identity) => identity,
        Err(error) => {
            tracing::error!(error = %Causes(&error), "a user who came back from the upstream provider is not signed in");
            let told = match error.is_temporary() {
                true => OAuthError::temporarily_unavailable("users cannot sign in at the moment"),
                false => OAuthError::server_error(),
            };
            return Ok(client_answer.error(&told));
        }
    };
    // What the user is shown must be what the request was checked against.
    let client = login.clients.client(&request.client_id, deadline.capped(limits::UPSTREAM_TIME)).await;
    let client = client.map_err(Ending::from)?;
    if Hash::of_digest(&client.digest) != request.client_digest {
        return Err(Ending::changed_client());
    }
    consent::ask(login, request, &client, identity).await
}
