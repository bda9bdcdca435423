//! The token endpoint: <https://www.rfc-editor.org/rfc/rfc6749#section-4.1.3>,
//! <https://www.rfc-editor.org/rfc/rfc6749#section-6> (read 2026-11-28).

use std::time::Duration;

use mcp_lambda_core::{
    random,
    session::Rev,
    time::{Deadline, Timestamp},
};
use serde_json::{Value, json};

use crate::{
    authorize::is_same_resource,
    error::OAuthError,
    grant::{self, Code, Grant, RefreshToken, Use},
    keys::{self, Hash, Purpose},
    limits,
    parameters::Parameters,
    server::Login,
    upstream_tokens::kept,
};

/// Answers a request for tokens.
pub(crate) async fn token(login: &Login, body: &[u8], deadline: Deadline) -> Result<Value, OAuthError> {
    let parameters = Parameters::read(body)?;
    match parameters.require("grant_type")? {
        "authorization_code" => redeem(login, &parameters, deadline).await,
        "refresh_token" => refresh(login, &parameters, deadline).await,
        _ => Err(OAuthError::unsupported_grant_type()),
    }
}

async fn redeem(login: &Login, parameters: &Parameters<'_>, deadline: Deadline) -> Result<Value, OAuthError> {
    let invalid =
        || OAuthError::invalid_grant("the code is not valid: it was altered, has expired or was used");
    let id = parameters.require("client_id")?;
    let code: Code = login.keys.open(Purpose::Code, parameters.require("code")?).ok_or_else(invalid)?;
    if login.clock.now() >= code.expires_at {
        return Err(invalid());
    }
    check_client(&code.grant, id)?;
    if parameters.get("redirect_uri").is_some_and(|uri| keys::hash(&[uri]) != code.redirect_uri) {
        return Err(OAuthError::invalid_grant("redirect_uri is not that of the authorization request"));
    }
    let verifier = parameters.require("code_verifier")?;
    if keys::challenge(verifier) != code.challenge {
        return Err(OAuthError::invalid_grant("code_verifier does not belong to the code_challenge"));
    }
    check_resource(&code.grant, parameters)?;
    // The user has allowed what the client was then.
    let client = login.clients.client(id, deadline.capped(limits::UPSTREAM_TIME)).await?;
    if Hash::of_digest(&client.digest) != code.client_digest {
        return Err(OAuthError::invalid_grant(
            "the document of the client has changed since the user has allowed it",
        ));
    }
    let ends_at = login.clock.now().plus(login.config.refresh_token_ttl);
    let access = access_token(login, id, &code.grant, &code.grant.scopes, ends_at, deadline).await?;
    // First, since the code is still good if this write fails.
    kept::extend(login, &code.grant.owner(), ends_at).await?;
    match grant::use_token(login, &code.grant.id, 0, ends_at).await? {
        Use::First(number) => tokens(login, &access, &code.grant, number, ends_at),
        Use::Again(_) | Use::Refused => Err(invalid()),
    }
}

async fn refresh(
    login: &Login,
    parameters: &Parameters<'_>,
    deadline: Deadline,
) -> Result<Value, OAuthError> {
    let invalid =
        || OAuthError::invalid_grant("the refresh token is not valid: the user has to sign in again");
    let id = parameters.require("client_id")?;
    let token: RefreshToken =
        login.keys.open(Purpose::Refresh, parameters.require("refresh_token")?).ok_or_else(invalid)?;
    if login.clock.now() >= token.expires_at {
        return Err(invalid());
    }
    check_client(&token.grant, id)?;
    check_resource(&token.grant, parameters)?;
    let scopes = narrowed(&token.grant, parameters.get("scope"))?;
    let access = access_token(login, id, &token.grant, &scopes, token.expires_at, deadline).await?;
    match grant::use_token(login, &token.grant.id, token.number, token.expires_at).await? {
        Use::First(number) | Use::Again(number) => {
            tokens(login, &access, &token.grant, number, token.expires_at)
        }
        Use::Refused => Err(invalid()),
    }
}

fn check_client(grant: &Grant, id: &str) -> Result<(), OAuthError> {
    if keys::hash(&[id]) == grant.client {
        return Ok(());
    }
    Err(OAuthError::invalid_grant("it was issued to another client"))
}

fn check_resource(grant: &Grant, parameters: &Parameters<'_>) -> Result<(), OAuthError> {
    match parameters.get("resource") {
        Some(asked) if !is_same_resource(&grant.resource, asked) => {
            Err(OAuthError::invalid_target("resource is not that of the authorization request"))
        }
        _ => Ok(()),
    }
}

/// The scopes of a refreshed token: those of the grant, or fewer.
fn narrowed(grant: &Grant, asked: Option<&str>) -> Result<Vec<String>, OAuthError> {
    let Some(asked) = asked else { return Ok(grant.scopes.clone()) };
    let mut asked = asked.split(' ').filter(|scope| !scope.is_empty()).map(str::to_owned);
    let is_granted = |scope: &String| grant.scopes.contains(scope);
    if asked.clone().all(|scope| is_granted(&scope)) {
        return Ok(asked.by_ref().collect());
    }
    Err(OAuthError::invalid_scope(
        "a scope was not granted: ask the user again, at the authorization endpoint",
    ))
}

/// An access token, before it is known whether the client gets it.
struct AccessToken {
    text: String,
    lifetime: Duration,
    scope: String,
}

/// Signs an access token: <https://www.rfc-editor.org/rfc/rfc9068> (read 2026-11-28). It is signed before the code or the refresh
/// token counts as used, so that both are still good if a key outside of the process does not sign.
async fn access_token(
    login: &Login,
    client_id: &str,
    grant: &Grant,
    scopes: &[String],
    ends_at: Timestamp,
    deadline: Deadline,
) -> Result<AccessToken, OAuthError> {
    let config = &login.config;
    let now = login.clock.now();
    let lifetime = config.access_token_ttl.min(ends_at.since(now));
    let scope = scopes.join(" ");
    let mut audience = vec![grant.resource.as_str()];
    audience.extend(config.audience.as_deref());
    let mut claims = json!({
        "iss": config.issuer,
        "sub": grant.subject,
        "aud": audience,
        "client_id": client_id,
        "scope": scope,
        "iat": now.epoch_seconds(),
        "exp": now.plus(lifetime).epoch_seconds(),
        "jti": random::token(),
    });
    if login.upstream_keys.is_some() {
        // By it the MCP server finds the tokens of the provider. It is no secret.
        claims["grant_id"] = grant.id.as_str().into();
    }
    let text = login.signer.sign(&claims, deadline).await?;
    Ok(AccessToken { text, lifetime, scope })
}

fn tokens(
    login: &Login,
    access: &AccessToken,
    grant: &Grant,
    number: Rev,
    ends_at: Timestamp,
) -> Result<Value, OAuthError> {
    let refresh_token = RefreshToken { grant: grant.clone(), number, expires_at: ends_at };
    let refresh_token =
        login.keys.seal(Purpose::Refresh, &refresh_token).ok_or_else(OAuthError::server_error)?;
    Ok(json!({
        "access_token": access.text,
        "token_type": "Bearer",
        "expires_in": access.lifetime.as_secs(),
        "refresh_token": refresh_token,
        "scope": access.scope,
    }))
}
