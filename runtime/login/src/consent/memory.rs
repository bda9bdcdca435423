//! What users have allowed before.
//!
//! Only for clients that are answered at an https URL. Of any other one, a program of the same computer could take the place:
//! <https://www.rfc-editor.org/rfc/rfc8252#section-8.6> (read 2026-11-28).

use mcp_lambda_core::{
    error::{Causes, StoreError},
    session::StateScope,
};
use serde_json::{Value, json};

use crate::{keys, limits, request::AuthorizationRequest, server::Login};

const KEY: &str = "allowed";

/// Whether the user has allowed these scopes to the client before, at the same redirect URI and with the same registration or
/// document. A failure of the store counts as no.
pub(super) async fn is_remembered(login: &Login, request: &AuthorizationRequest, subject: &str) -> bool {
    let Some(scope) = scope(request, subject) else { return false };
    match login.store.state(&scope, KEY).await {
        Ok(found) => found.is_some_and(|found| {
            let allowed = found.value["scopes"].as_array().cloned().unwrap_or_default();
            request.scopes.iter().all(|scope| allowed.contains(&Value::from(scope.as_str())))
        }),
        Err(error) => {
            tracing::warn!(error = %Causes(&error), "a consent was not looked up; the user is asked again");
            false
        }
    }
}

/// Remembers what the user has allowed now.
pub(super) async fn remember(login: &Login, request: &AuthorizationRequest, subject: &str) {
    let Some(scope) = scope(request, subject) else { return };
    if let Err(error) = write(login, &scope, &request.scopes).await {
        tracing::warn!(error = %Causes(&error), "a consent was not stored; the user is asked again next time");
    }
}

async fn write(login: &Login, scope: &StateScope, scopes: &[String]) -> Result<(), StoreError> {
    let rev = login.store.state(scope, KEY).await?.map_or(0, |found| found.rev);
    let expires_at = login.clock.now().plus(limits::REMEMBERED);
    let value = json!({ "scopes": scopes });
    login.store.put_state(scope, KEY, &value, rev, expires_at).await?;
    Ok(())
}

fn scope(request: &AuthorizationRequest, subject: &str) -> Option<StateScope> {
    let is_site = request.redirect_uri.starts_with("https://");
    let texts = [
        subject,
        &request.client_id,
        request.client_digest.as_str(),
        &request.redirect_uri,
        &request.resource,
    ];
    is_site.then(|| StateScope::Login(format!("CONSENT#{}", keys::hash(&texts))))
}
