//! The revocation endpoint: <https://www.rfc-editor.org/rfc/rfc7009> (read 2026-11-28).

use crate::{
    error::OAuthError,
    grant::{self, RefreshToken},
    keys::{self, Purpose},
    parameters::Parameters,
    server::Login,
};

/// Ends the grant of a refresh token. A token that is none is none any longer: that is no error.
pub(crate) async fn revoke(login: &Login, body: &[u8]) -> Result<(), OAuthError> {
    let parameters = Parameters::read(body)?;
    let text = parameters.require("token")?;
    let id = parameters.require("client_id")?;
    let Some(token) = login.keys.open::<RefreshToken>(Purpose::Refresh, text) else {
        if text.split('.').count() == 3 {
            return Err(OAuthError::unsupported_token_type(
                "an access token ends by itself: revoke its refresh token",
            ));
        }
        return Ok(());
    };
    if keys::hash(&[id]) != token.grant.client {
        return Err(OAuthError::invalid_client("the token was issued to another client"));
    }
    grant::end(login, &token.grant.id).await
}
