//! The authorization endpoint: <https://www.rfc-editor.org/rfc/rfc6749#section-4.1.1>,
//! <https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization> (read 2026-11-28).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, Response};
use mcp_lambda_core::{
    config::{LoginConfig, LoginUpstream},
    error::Causes,
    http::Body,
    random,
    time::Deadline,
};

use crate::{
    client::redirect_uri,
    cookies::Browser,
    error::OAuthError,
    keys::{self, Hash, Purpose},
    limits,
    parameters::Parameters,
    reply::{self, Ending, ToClient},
    request::AuthorizationRequest,
    server::Login,
    upstream::UpstreamRequest,
};

/// Sends the user of a valid request to the upstream provider. An error is shown to the user until the redirect URI is known to be
/// the client's, and then sent to the client.
pub(crate) async fn authorize(
    login: &Login,
    headers: &HeaderMap,
    query: &[u8],
    deadline: Deadline,
) -> Result<Response<Body>, Ending> {
    let parameters = Parameters::read(query).map_err(Ending::from)?;
    let id = parameters.require("client_id").map_err(Ending::from)?;
    let client =
        login.clients.client(id, deadline.capped(limits::UPSTREAM_TIME)).await.map_err(Ending::from)?;
    let redirect_uri = match (parameters.get("redirect_uri"), client.redirect_uris.as_slice()) {
        (Some(asked), registered) if redirect_uri::matches_redirect(registered, asked) => asked,
        (None, [only]) => only,
        (None, _) => return Err(OAuthError::invalid_request("redirect_uri is missing").into()),
        (Some(_), _) => {
            return Err(OAuthError::invalid_request(
                "redirect_uri is not one that the client has registered",
            )
            .into());
        }
    };
    let state = parameters.get("state");
    let client_answer = ToClient::new(&login.config.issuer, redirect_uri, state);
    let (challenge, resource, scopes) = match checked(&login.config, &parameters) {
        Ok(checked) => checked,
        Err(error) => return Ok(client_answer.error(&error)),
    };
    let known = login.cookie.read(headers);
    let browser = known.clone().unwrap_or_else(Browser::random);
    let request = AuthorizationRequest {
        client_id: id.to_owned(),
        client_digest: Hash::of_digest(&client.digest),
        redirect_uri: redirect_uri.to_owned(),
        state: state.map(str::to_owned),
        challenge: Hash::read(challenge),
        resource,
        scopes,
        verifier: format!("{}{}", random::token(), random::token()),
        nonce: random::token(),
        browser: browser.hash(),
        expires_at: login.clock.now().plus(limits::SIGN_IN_TIME),
    };
    let sealed = login.keys.seal(Purpose::Request, &request).ok_or_else(Ending::failed)?;
    let challenge = keys::challenge(&request.verifier);
    let (scopes, more) = asked_upstream(&login.config);
    let upstream = UpstreamRequest {
        state: &sealed,
        nonce: &request.nonce,
        code_challenge: challenge.as_str(),
        redirect_uri: &login.callback_url,
        scopes,
        more,
    };
    let url = login.upstream.authorization_url(&upstream, deadline.capped(limits::UPSTREAM_TIME)).await;
    let url = match url {
        Ok(url) => url,
        Err(error) => {
            tracing::error!(error = %Causes(&error), "the upstream provider cannot be asked to sign a user in");
            let told = OAuthError::temporarily_unavailable("users cannot sign in at the moment");
            return Ok(client_answer.error(&told));
        }
    };
    let mut response = reply::redirect(url.as_str()).ok_or_else(Ending::failed)?;
    // Always set anew, so that it outlives the time in which the user may sign in.
    if let Some(cookie) = login.cookie.set(&browser) {
        response.headers_mut().insert(http::header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// The scopes that the provider is asked for, and the parameters of the request that it has besides.
fn asked_upstream(config: &LoginConfig) -> (&[String], &[(String, String)]) {
    match &config.upstream {
        LoginUpstream::Oidc { client, .. } | LoginUpstream::OAuth2 { client, .. } => {
            (&client.scopes, &client.parameters)
        }
        _ => (&[], &[]),
    }
}

/// The challenge, the resource and the scopes of a request.
fn checked<'p>(
    config: &LoginConfig,
    parameters: &'p Parameters<'_>,
) -> Result<(&'p str, String, Vec<String>), OAuthError> {
    if parameters.require("response_type")? != "code" {
        return Err(OAuthError::unsupported_response_type());
    }
    if parameters.get("response_mode").is_some_and(|mode| mode != "query") {
        return Err(OAuthError::invalid_request("response_mode must be query"));
    }
    // Without a method the challenge would be the verifier itself: RFC 7636, 4.3.
    if parameters.get("code_challenge_method") != Some("S256") {
        return Err(OAuthError::invalid_request("code_challenge_method must be S256"));
    }
    let challenge = parameters.require("code_challenge")?;
    let is_hash = challenge.len() == 43 && URL_SAFE_NO_PAD.decode(challenge).is_ok();
    if !is_hash {
        return Err(OAuthError::invalid_request("code_challenge is not a SHA-256 in base64url"));
    }
    if parameters.get("request").is_some() || parameters.get("request_uri").is_some() {
        return Err(OAuthError::invalid_request("request objects are not supported"));
    }
    // Neither a page nor the provider may stay silent for a client that must not show anything.
    if parameters.get("prompt").is_some_and(|prompt| prompt.split(' ').any(|word| word == "none")) {
        return Err(OAuthError {
            code: "login_required",
            ..OAuthError::access_denied("the user has to sign in")
        });
    }
    Ok((challenge, resource(config, parameters)?, scopes(config, parameters.get("scope"))?))
}

/// The MCP server that the tokens are for: <https://www.rfc-editor.org/rfc/rfc8707#section-2> (read 2026-11-28).
fn resource(config: &LoginConfig, parameters: &Parameters<'_>) -> Result<String, OAuthError> {
    match (parameters.get("resource"), config.resources.as_slice()) {
        (Some(asked), known) => {
            known.iter().find(|known| is_same_resource(known, asked)).cloned().ok_or_else(|| {
                OAuthError::invalid_target("resource is none of the servers that this one issues tokens for")
            })
        }
        (None, [only]) => Ok(only.clone()),
        (None, _) => {
            Err(OAuthError::invalid_target("resource is missing: tokens are issued for more than one server"))
        }
    }
}

/// Whether two URLs are the same but for a last slash.
pub(crate) fn is_same_resource(known: &str, asked: &str) -> bool {
    let normal =
        |text: &str| url::Url::parse(text).map(|url| url.as_str().trim_end_matches('/').to_owned()).ok();
    normal(known).is_some_and(|known| normal(asked).is_some_and(|asked| asked == known))
}

/// Scopes of OpenID Connect, for which this server has no meaning: clients ask for them out of habit.
const OPENID_SCOPES: [&str; 6] = ["openid", "profile", "email", "phone", "address", "offline_access"];

/// Of the scopes that are asked for, those that there are; without any, all. The response tells which were granted:
/// <https://www.rfc-editor.org/rfc/rfc6749#section-3.3> (read 2026-11-28).
pub(crate) fn scopes(config: &LoginConfig, asked: Option<&str>) -> Result<Vec<String>, OAuthError> {
    let Some(asked) = asked else { return Ok(config.scopes.clone()) };
    let asked: Vec<&str> = asked.split(' ').filter(|scope| !scope.is_empty()).collect();
    if asked.len() > limits::SCOPES || asked.iter().any(|scope| scope.len() > limits::SCOPE) {
        let description =
            format!("a request has at most {} scopes of {} bytes", limits::SCOPES, limits::SCOPE);
        return Err(OAuthError::invalid_scope(description));
    }
    let granted: Vec<String> =
        config.scopes.iter().filter(|scope| asked.contains(&scope.as_str())).cloned().collect();
    let asks_for_others = asked.iter().any(|scope| !OPENID_SCOPES.contains(scope));
    if granted.is_empty() && asks_for_others && !config.scopes.is_empty() {
        return Err(OAuthError::invalid_scope("none of the scopes exists: scopes_supported has them"));
    }
    Ok(granted)
}
