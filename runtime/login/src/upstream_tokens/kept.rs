//! The authorization server stores the tokens of a login, and forgets them with its grant.

use mcp_lambda_core::{error::StoreError, session::Rev, time::Timestamp};

use super::{
    keys::Purpose,
    record::{self, Kept, Owner, Record},
};
use crate::{error::OAuthError, limits, server::Login, upstream::UpstreamTokens};

/// Stores the tokens of a user who has just signed in, until the code is to be redeemed at the latest. Nothing, if tokens are not
/// kept.
pub(crate) async fn begin(
    login: &Login,
    owner: &Owner,
    tokens: Option<UpstreamTokens>,
) -> Result<(), OAuthError> {
    let ends_at = login.clock.now().plus(limits::CONSENT_TIME + limits::CODE_TIME);
    put(login, owner, &Kept { tokens, refused: None, ends_at }, 0).await
}

/// Keeps them until the grant ends: its code is redeemed.
pub(crate) async fn extend(login: &Login, owner: &Owner, ends_at: Timestamp) -> Result<(), OAuthError> {
    let Some(keys) = &login.upstream_keys else { return Ok(()) };
    let Some((Record { sealed, .. }, rev)) = record::read(&*login.store, owner).await? else { return Ok(()) };
    let kept: Option<Kept> = keys.open(Purpose::Tokens, &owner.data(&login.config.issuer), &sealed).await?;
    let Some(kept) = kept else { return Ok(()) };
    put(login, owner, &Kept { ends_at, ..kept }, rev).await
}

async fn put(login: &Login, owner: &Owner, kept: &Kept, expected: Rev) -> Result<(), OAuthError> {
    let Some(keys) = &login.upstream_keys else { return Ok(()) };
    let sealed = keys.seal(Purpose::Tokens, &owner.data(&login.config.issuer), kept).await?;
    let record = Record { sealed: sealed.ok_or_else(OAuthError::server_error)?, lease: None };
    match record::write(&*login.store, owner, &record, expected, kept.ends_at).await {
        // The same code is redeemed twice at this moment, and the other request has written the same.
        Ok(_) | Err(StoreError::Conflict) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Forgets the tokens of a grant. Idempotent.
pub(crate) async fn forget(login: &Login, grant: &str) -> Result<(), StoreError> {
    match login.upstream_keys {
        Some(_) => record::remove(&*login.store, grant).await,
        None => Ok(()),
    }
}
