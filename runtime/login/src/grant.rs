//! Grants: what a user has allowed to a client, from the code to the last refresh token.
//!
//! A grant is one row, `LOGIN#GRANT#<id>`. What it allows is sealed in its code and in its refresh tokens; the row has its
//! state alone, and its revision in the store is the number of the token that is valid. So each use of a code or of a refresh
//! token is one conditional write:
//!
//! | revision | what is valid |
//! |---|---|
//! | 1 | the code |
//! | 2 | the first refresh token |
//! | n + 1 | the n-th refresh token |

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::Response;
use mcp_lambda_core::{
    error::StoreError,
    http::Body,
    random,
    session::{Rev, StateScope},
    time::Timestamp,
};
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    error::OAuthError,
    keys::{self, Hash, Purpose},
    limits,
    reply::{Ending, ToClient},
    request::AuthorizationRequest,
    server::Login,
    upstream_tokens::{Owner, kept},
};

const KEY: &str = "grant";

/// A grant that is made.
pub(crate) struct NewGrant {
    pub(crate) id: String,
    pub(crate) subject: String,
}

/// What a grant allows, as its code and its refresh tokens hold it.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Grant {
    /// The id.
    #[serde(rename = "g")]
    pub(crate) id: String,
    /// The hash of the `client_id`.
    #[serde(rename = "c")]
    pub(crate) client: Hash,
    /// The subject.
    #[serde(rename = "s")]
    pub(crate) subject: String,
    #[serde(rename = "r")]
    pub(crate) resource: String,
    #[serde(rename = "o")]
    pub(crate) scopes: Vec<String>,
}

impl Grant {
    /// The owner of the provider's tokens of this grant.
    pub(crate) fn owner(&self) -> Owner {
        Owner { grant: self.id.clone(), subject: self.subject.clone(), resource: self.resource.clone() }
    }
}

/// An authorization code.
#[derive(Serialize, Deserialize)]
pub(crate) struct Code {
    #[serde(flatten)]
    pub(crate) grant: Grant,
    /// The digest of the client's registration or document.
    #[serde(rename = "d")]
    pub(crate) client_digest: Hash,
    /// The hash of the redirect URI.
    #[serde(rename = "u")]
    pub(crate) redirect_uri: Hash,
    #[serde(rename = "h")]
    pub(crate) challenge: Hash,
    #[serde(rename = "e")]
    pub(crate) expires_at: Timestamp,
}

/// A refresh token.
#[derive(Serialize, Deserialize)]
pub(crate) struct RefreshToken {
    #[serde(flatten)]
    pub(crate) grant: Grant,
    /// Its number: the first one is 1.
    #[serde(rename = "n")]
    pub(crate) number: Rev,
    /// When the grant ends.
    #[serde(rename = "e")]
    pub(crate) expires_at: Timestamp,
}

/// The row.
#[derive(Serialize, Deserialize)]
struct Row {
    /// When the newest token was issued.
    issued_at: Timestamp,
}

/// What became of the use of a code or of a refresh token.
pub(crate) enum Use {
    /// It was the first use: the next refresh token has this number.
    First(Rev),
    /// It was used a moment ago, and the response may be lost.
    Again(Rev),
    /// The grant has ended, or the token was used before and the grant ends now.
    Refused,
}

pub(crate) fn random_id() -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, &random::key()))
}

fn scope(id: &str) -> StateScope {
    StateScope::Login(format!("GRANT#{id}"))
}

/// Stores a grant, and sends its code to the client.
pub(crate) async fn issue(
    login: &Login,
    request: &AuthorizationRequest,
    new: NewGrant,
) -> Result<Response<Body>, Ending> {
    let now = login.clock.now();
    let expires_at = now.plus(limits::CODE_TIME);
    let client = keys::hash(&[&request.client_id]);
    let (scope, row) = (scope(&new.id), json!(Row { issued_at: now }));
    match login.store.put_state(&scope, KEY, &row, 0, expires_at).await {
        Ok(_) => {}
        // The id is random, so the store answers for another one.
        Err(StoreError::Conflict) => return Err(Ending::stale()),
        Err(error) => {
            let error = OAuthError::from(error);
            return Ok(ToClient::of(&login.config.issuer, request).error(&error));
        }
    }
    let code = Code {
        grant: Grant {
            id: new.id,
            client,
            subject: new.subject,
            resource: request.resource.clone(),
            scopes: request.scopes.clone(),
        },
        client_digest: request.client_digest.clone(),
        redirect_uri: keys::hash(&[&request.redirect_uri]),
        challenge: request.challenge.clone(),
        expires_at,
    };
    let code = login.keys.seal(Purpose::Code, &code).ok_or_else(Ending::failed)?;
    Ok(ToClient::of(&login.config.issuer, request).code(&code))
}

/// Uses the token of a number, of which 0 is the code.
pub(crate) async fn use_token(
    login: &Login,
    id: &str,
    number: Rev,
    expires_at: Timestamp,
) -> Result<Use, OAuthError> {
    let now = login.clock.now();
    let scope = scope(id);
    let row = json!(Row { issued_at: now });
    match login.store.put_state(&scope, KEY, &row, number + 1, expires_at).await {
        Ok(_) => return Ok(Use::First(number + 1)),
        Err(StoreError::Conflict) => {}
        Err(error) => return Err(error.into()),
    }
    let Some(found) = login.store.state(&scope, KEY).await? else { return Ok(Use::Refused) };
    let row: Option<Row> = serde_json::from_value(found.value).ok();
    let is_recent = row.is_some_and(|row| now.since(row.issued_at) < limits::LOST_RESPONSE);
    // A code is never answered twice: its client has it from a URL, which others may have read.
    if number > 0 && found.rev == number + 2 && is_recent {
        return Ok(Use::Again(number + 1));
    }
    tracing::warn!(
        number,
        valid = found.rev.saturating_sub(1),
        "a code or a refresh token was used again; its grant has ended"
    );
    end(login, id).await?;
    Ok(Use::Refused)
}

/// Ends a grant, and what is kept of the provider's tokens with it. Idempotent.
pub(crate) async fn end(login: &Login, id: &str) -> Result<(), OAuthError> {
    let scope = scope(id);
    let removed = futures::join!(login.store.remove_state(&scope, KEY), kept::forget(login, id));
    removed.0?;
    Ok(removed.1?)
}
