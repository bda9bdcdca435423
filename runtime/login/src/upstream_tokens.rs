//! The tokens of the upstream provider, for tools that act as their caller. They are sealed in the store, and no client ever
//! gets them.

use mcp_lambda_core::{error::StoreError, session::StateScope};
use serde_json::json;

use crate::{
    error::OAuthError,
    keys::{self, Purpose},
    server::Login,
    upstream::UpstreamTokens,
};

const KEY: &str = "tokens";

fn scope(subject: &str, client: &str) -> StateScope {
    StateScope::Login(format!("UPSTREAM#{}", keys::hash(&[subject, client])))
}

/// Keeps the tokens of a user, if there are any, for the calls of one client.
pub(crate) async fn keep(
    login: &Login,
    subject: &str,
    client: &str,
    tokens: Option<&UpstreamTokens>,
) -> Result<(), StoreError> {
    let Some(tokens) = tokens else { return Ok(()) };
    let scope = scope(subject, client);
    let sealed = login.keys.seal(Purpose::Upstream, tokens);
    let sealed = sealed.ok_or_else(|| StoreError::Corrupt("tokens cannot be sealed".to_owned()))?;
    let rev = login.store.state(&scope, KEY).await?.map_or(0, |found| found.rev);
    let expires_at = login.clock.now().plus(login.config.refresh_token_ttl);
    match login.store.put_state(&scope, KEY, &json!(sealed), rev, expires_at).await {
        // Another login of the same user and client was faster: its tokens are as good.
        Ok(_) | Err(StoreError::Conflict) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Forgets them. Idempotent.
pub(crate) async fn forget(login: &Login, subject: &str, client: &str) -> Result<(), OAuthError> {
    Ok(login.store.remove_state(&scope(subject, client), KEY).await?)
}
