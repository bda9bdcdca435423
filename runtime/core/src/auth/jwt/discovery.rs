//! Discovery: the metadata of the issuer, which has the URL of its keys. <https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig>,
//! <https://www.rfc-editor.org/rfc/rfc8414#section-3>.

use http::Uri;
use serde::{Deserialize, de::DeserializeOwned};

use crate::{
    auth::is_safe_url,
    fetch::{FetchError, Fetcher},
};

/// Why the metadata of an issuer was not found, or the URL of its keys in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DiscoveryError {
    /// The document cannot be fetched.
    #[error("the metadata at {uri} cannot be fetched")]
    Fetch {
        /// The URL of the document.
        uri: String,
        /// The cause.
        #[source]
        source: FetchError,
    },
    /// The document is not JSON, or lacks a required field.
    #[error("the metadata at {uri} is invalid")]
    Unreadable {
        /// The URL of the document.
        uri: String,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// The document is that of another issuer.
    #[error(
        "the metadata at {uri} is of the issuer {found:?}: if that is the right one, set {variable} to exactly this text"
    )]
    OtherIssuer {
        /// The URL of the document.
        uri: String,
        /// The issuer that it names.
        found: String,
        /// The environment variable with the configured issuer.
        variable: &'static str,
    },
    /// The URL of the keys is not safe.
    #[error("the metadata at {uri} has the jwks_uri {found:?}, which is not an https URL")]
    Keys {
        /// The URL of the document.
        uri: String,
        /// The URL of the keys.
        found: String,
    },
}

/// The URLs at which metadata may be, in the order in which they are tried. Nearly every issuer has the first.
pub(super) fn metadata_urls(issuer: &Uri) -> Vec<Uri> {
    let path = issuer.path().trim_end_matches('/');
    let mut paths = vec![format!("{path}/.well-known/openid-configuration")];
    paths.push(format!("/.well-known/oauth-authorization-server{path}"));
    if !path.is_empty() {
        paths.push(format!("/.well-known/openid-configuration{path}"));
    }
    let scheme = issuer.scheme_str().unwrap_or("https");
    let host = issuer.authority().map_or("", |host| host.as_str());
    paths.into_iter().filter_map(|path| format!("{scheme}://{host}{path}").parse().ok()).collect()
}

/// Fetches the metadata of an issuer and returns the URL of its keys.
pub(super) async fn jwks_url(fetcher: &Fetcher, name: &str, issuer: &Uri) -> Result<Uri, DiscoveryError> {
    #[derive(Deserialize)]
    struct Metadata {
        jwks_uri: String,
    }
    let (uri, Metadata { jwks_uri }) = metadata(fetcher, name, issuer, "MCP_JWT_ISSUER").await?;
    let safe = is_safe_url(&jwks_uri).then(|| jwks_uri.parse().ok()).flatten();
    safe.ok_or_else(|| DiscoveryError::Keys { uri: uri.to_string(), found: jwks_uri })
}

/// Fetches the metadata of the issuer `name`, which `variable` holds, and returns the URL at which they were found, and the
/// fields of `T`. The first document that exists is used, also if it is invalid.
///
/// # Errors
///
/// See [`DiscoveryError`].
pub async fn metadata<T: DeserializeOwned>(
    fetcher: &Fetcher,
    name: &str,
    issuer: &Uri,
    variable: &'static str,
) -> Result<(Uri, T), DiscoveryError> {
    let mut missing = None;
    for uri in metadata_urls(issuer) {
        match fetcher.get(&uri).await {
            Ok(document) => return read(&document, name, uri, variable),
            Err(source @ FetchError::Status(_)) => missing = Some(fetch_error(&uri, source)),
            // The issuer is unreachable, and the other URLs have the same host.
            Err(source) => return Err(fetch_error(&uri, source)),
        }
    }
    let no_url = || DiscoveryError::Keys { uri: issuer.to_string(), found: String::new() };
    Err(missing.unwrap_or_else(no_url))
}

fn fetch_error(uri: &Uri, source: FetchError) -> DiscoveryError {
    DiscoveryError::Fetch { uri: uri.to_string(), source }
}

fn read<T: DeserializeOwned>(
    document: &[u8],
    name: &str,
    uri: Uri,
    variable: &'static str,
) -> Result<(Uri, T), DiscoveryError> {
    #[derive(Deserialize)]
    struct Named<T> {
        issuer: String,
        #[serde(flatten)]
        rest: T,
    }
    match serde_json::from_slice::<Named<T>>(document) {
        // Both specifications require an exact comparison, so that metadata of one issuer cannot pass for that of another.
        Ok(Named { issuer, rest }) if issuer == name => Ok((uri, rest)),
        Ok(Named { issuer, .. }) => {
            Err(DiscoveryError::OtherIssuer { uri: uri.to_string(), found: issuer, variable })
        }
        Err(source) => Err(DiscoveryError::Unreadable { uri: uri.to_string(), source }),
    }
}
