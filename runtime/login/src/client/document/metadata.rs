//! What the document of a client must say: section 4 of the draft, and the fields of RFC 7591.

use ring::digest::{SHA256, digest};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::{Client, ClientError};
use crate::client::redirect_uri::check_redirect;

/// The number of redirect URIs of a client.
const MAX_REDIRECT_URIS: usize = 16;
/// The longest name that is shown, in characters. More of it is cut off.
const MAX_NAME: usize = 128;

#[derive(Deserialize)]
struct Document {
    client_id: String,
    redirect_uris: Vec<String>,
    #[serde(default)]
    client_name: Option<String>,
    #[serde(default)]
    client_uri: Option<String>,
    #[serde(default)]
    token_endpoint_auth_method: Option<String>,
    /// The methods that the client can use, of which the one above is preferred.
    #[serde(default)]
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    grant_types: Option<Vec<String>>,
    #[serde(default)]
    response_types: Option<Vec<String>>,
    #[serde(default)]
    client_secret: Option<Value>,
    #[serde(default)]
    client_secret_expires_at: Option<Value>,
}

/// The client that the document at `url`, which is `id`, describes.
pub(super) fn read(id: &str, url: &Url, body: &[u8]) -> Result<Client, ClientError> {
    let invalid = |text: &str| ClientError::Document(text.to_owned());
    let document: Document =
        serde_json::from_slice(body).map_err(|error| ClientError::Document(format!("{error}")))?;
    if document.client_id != id {
        return Err(invalid("its client_id is not the URL at which it was requested"));
    }
    // A secret that is published is none.
    if document.client_secret.is_some() || document.client_secret_expires_at.is_some() {
        return Err(invalid("it has a client_secret, which everybody can read"));
    }
    let includes = |list: Option<&Vec<String>>, name: &str| {
        list.is_none_or(|list| list.iter().any(|entry| entry == name))
    };
    // ChatGPT prefers private_key_jwt, and uses none where the metadata of the server has that alone:
    // https://openid.net/specs/openid-connect-rp-metadata-choices-1_0.html (read 2026-11-28).
    let methods = document.token_endpoint_auth_methods_supported.as_ref();
    let prefers_none = matches!(document.token_endpoint_auth_method.as_deref(), None | Some("none"));
    if !prefers_none && !methods.is_some_and(|_| includes(methods, "none")) {
        return Err(invalid(
            "neither its token_endpoint_auth_method is \"none\" nor one of those it supports",
        ));
    }
    if !includes(document.grant_types.as_ref(), "authorization_code") {
        return Err(invalid("its grant_types lack \"authorization_code\""));
    }
    if !includes(document.response_types.as_ref(), "code") {
        return Err(invalid("its response_types lack \"code\""));
    }
    if document.redirect_uris.is_empty() || document.redirect_uris.len() > MAX_REDIRECT_URIS {
        return Err(invalid("it must have between 1 and 16 redirect_uris"));
    }
    for (at, uri) in document.redirect_uris.iter().enumerate() {
        check_redirect(uri).map_err(|error| ClientError::Redirect { at, error })?;
    }
    let name = document.client_name.map(|name| name.chars().take(MAX_NAME).collect());
    // A page of another host would lend the client a name that is not its own.
    let page = document.client_uri.and_then(|uri| Url::parse(&uri).ok());
    let page = page.filter(|page| page.scheme() == "https" && page.origin() == url.origin());
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let mut client = Client {
        id: id.to_owned(),
        name,
        uri: page,
        redirect_uris: document.redirect_uris,
        verified_host: url.host_str().map(|host| format!("{host}{port}")),
        digest: [0; 32],
    };
    client.digest.copy_from_slice(digest(&SHA256, body).as_ref());
    Ok(client)
}
