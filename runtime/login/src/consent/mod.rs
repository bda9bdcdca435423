//! What a user is asked before a client gets tokens.
//!
//! The user has signed in already when the page is shown: a client that the user has not allowed gets nothing from a session
//! that the user has with the provider.
//!
//! * `page`: the pages that users see.
//! * `memory`: what users have allowed before.

mod memory;
pub(crate) mod page;

use http::{HeaderMap, Response, header};
use mcp_lambda_core::{
    error::{Causes, StoreError},
    http::Body,
    session::StateScope,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use self::page::ConsentPage;
use crate::{
    client::Client,
    error::OAuthError,
    grant::{self, NewGrant},
    keys::Purpose,
    limits, metadata,
    parameters::Parameters,
    reply::{self, Ending, ToClient},
    request::AuthorizationRequest,
    server::Login,
    upstream::Identity,
    upstream_tokens::{Owner, kept},
};

/// What the form of the page holds, sealed.
#[derive(Serialize, Deserialize)]
struct Asked {
    request: AuthorizationRequest,
    subject: String,
    /// The id of the grant that the user may give.
    grant: String,
    /// The id of the form, which is good for one decision to allow.
    form: String,
    expires_at: Timestamp,
}

/// Issues a code if the user has allowed the same to this client before, else asks the user.
pub(crate) async fn ask(
    login: &Login,
    request: AuthorizationRequest,
    client: &Client,
    identity: Identity,
) -> Result<Response<Body>, Ending> {
    let Identity { subject, name, tokens } = identity;
    let grant = grant::random_id();
    let owner = Owner { grant, subject, resource: request.resource.clone() };
    if let Err(error) = kept::begin(login, &owner, tokens).await {
        return Ok(ToClient::of(&login.config.issuer, &request).error(&error));
    }
    let Owner { grant, subject, .. } = owner;
    if memory::is_remembered(login, &request, &subject).await {
        let grant = NewGrant { id: grant, subject };
        return grant::issue(login, &request, grant).await;
    }
    let user = name.unwrap_or_else(|| subject.clone());
    let expires_at = login.clock.now().plus(limits::CONSENT_TIME);
    let asked = Asked { request, subject, grant, form: grant::random_id(), expires_at };
    let sealed = login.keys.seal(Purpose::Consent, &asked).ok_or_else(Ending::failed)?;
    let request = &asked.request;
    let action = login.path_of(metadata::CONSENT);
    Ok(reply::page(&page::consent(&ConsentPage {
        client,
        redirect_uri: &request.redirect_uri,
        resource: &request.resource,
        user: &user,
        scopes: &request.scopes,
        action: &action,
        fields: &[("asked", &sealed)],
    })))
}

/// What the user has decided on the page.
pub(crate) async fn decided(
    login: &Login,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Response<Body>, Ending> {
    let form = Parameters::read_without_limits(body).map_err(|_| Ending::stale())?;
    let sealed = form.get("asked").ok_or_else(Ending::stale)?;
    let asked: Asked = login.keys.open(Purpose::Consent, sealed).ok_or_else(Ending::stale)?;
    // The sealed value is that of one browser, and the cookie is sent with requests of this site alone.
    let browser = login.cookie.read(headers).ok_or_else(Ending::other_browser)?;
    if browser.hash() != asked.request.browser || !is_of_this_site(login, headers) {
        return Err(Ending::other_browser());
    }
    if login.clock.now() >= asked.expires_at {
        return Err(Ending::stale());
    }
    let Asked { request, subject, grant, form: id, expires_at } = asked;
    match form.get("decision") {
        Some("allow") => {}
        Some("deny") => {
            if let Err(error) = kept::forget(login, &grant).await {
                tracing::warn!(error = %Causes(&error), "tokens of the provider were not removed; they expire in some minutes");
            }
            let denied = OAuthError::access_denied("the user has denied it");
            return Ok(ToClient::of(&login.config.issuer, &request).error(&denied));
        }
        _ => return Err(Ending::stale()),
    }
    // Sent again, after a revocation for instance, it would give the client a grant that the user has not just allowed.
    let used = StateScope::Login(format!("FORM#{id}"));
    match login.store.put_state(&used, "used", &json!(true), 0, expires_at).await {
        Ok(_) => {}
        Err(StoreError::Conflict) => return Err(Ending::stale()),
        Err(error) => return Ok(ToClient::of(&login.config.issuer, &request).error(&OAuthError::from(error))),
    }
    memory::remember(login, &request, &subject).await;
    grant::issue(login, &request, NewGrant { id: grant, subject }).await
}

/// Whether a form was sent by a page of this server, as browsers tell it:
/// <https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header> (read 2026-11-28).
fn is_of_this_site(login: &Login, headers: &HeaderMap) -> bool {
    let is = |name: &str, expected: &str| headers.get(name).is_none_or(|value| value == expected);
    is("sec-fetch-site", "same-origin") && is(header::ORIGIN.as_str(), &login.origin)
}
