//! The page on which users of the configuration sign in, for trials on one machine.

use http::{HeaderMap, Response, StatusCode};
use mcp_lambda_core::http::Body;

use crate::{
    consent::page::{self, SignInPage},
    metadata,
    reply::{self, Ending},
    server::Login,
    upstream::local::{Local, SignIn, SignInError},
};

/// Shows the page.
pub(crate) fn shown(login: &Login, query: &[u8]) -> Result<Response<Body>, Ending> {
    let form = SignIn::read(query).map_err(|_| Ending::stale())?;
    Ok(form_page(login, &form, None))
}

/// Signs the user in, and sends it to the callback.
pub(crate) fn sent(
    login: &Login,
    local: &Local,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Response<Body>, Ending> {
    let form = SignIn::read(body).map_err(|_| Ending::stale())?;
    // A form of another site would sign the user in as someone else.
    if login.cookie.read(headers).is_none() {
        return Err(Ending::other_browser());
    }
    match local.sign_in(&form) {
        Ok(url) => reply::redirect(url.as_str()).ok_or_else(Ending::failed),
        Err(error) => Ok(form_page(login, &form, Some(error))),
    }
}

fn form_page(login: &Login, form: &SignIn, error: Option<SignInError>) -> Response<Body> {
    let action = login.path_of(metadata::SIGN_IN);
    let text = error.map(|error| error.to_string());
    let mut response = reply::page(&page::sign_in(&SignInPage {
        action: &action,
        fields: &[("state", &form.state), ("code_challenge", &form.code_challenge)],
        name: &form.name,
        error: text.as_deref(),
    }));
    if matches!(error, Some(SignInError::TooManyFailures | SignInError::TooManyCodes)) {
        *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
    }
    response
}
