//! Discovery: the URL of the keys, from the metadata of the issuer. <https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig>,
//! <https://www.rfc-editor.org/rfc/rfc8414#section-3>.

use http::Uri;
use serde::Deserialize;

use super::fetch::{FetchError, Fetcher};
use crate::auth::is_safe_url;

/// Why the URL of the keys was not found.
#[derive(Debug, thiserror::Error)]
pub(super) enum DiscoveryError {
    #[error("the metadata at {uri} cannot be fetched")]
    Fetch {
        uri: Uri,
        #[source]
        source: FetchError,
    },
    #[error("the metadata at {uri} is invalid")]
    Unreadable {
        uri: Uri,
        #[source]
        source: serde_json::Error,
    },
    #[error(
        "the metadata at {uri} is of the issuer {found:?}: if that is the right one, set MCP_JWT_ISSUER to exactly this text"
    )]
    OtherIssuer { uri: Uri, found: String },
    #[error("the metadata at {uri} has the jwks_uri {found:?}, which is not an https URL")]
    Keys { uri: Uri, found: String },
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

/// Fetches the metadata and returns the URL of the keys. The first document that exists is used, also if it is invalid.
pub(super) async fn jwks_url(fetcher: &Fetcher, name: &str, issuer: &Uri) -> Result<Uri, DiscoveryError> {
    let mut missing = None;
    for uri in metadata_urls(issuer) {
        match fetcher.get(&uri).await {
            Ok(document) => return jwks_url_in(&document, name, &uri),
            Err(source @ FetchError::Status(_)) => missing = Some(DiscoveryError::Fetch { uri, source }),
            // The issuer is unreachable, and the other URLs have the same host.
            Err(source) => return Err(DiscoveryError::Fetch { uri, source }),
        }
    }
    let no_url = || DiscoveryError::Keys { uri: issuer.clone(), found: String::new() };
    Err(missing.unwrap_or_else(no_url))
}

fn jwks_url_in(document: &[u8], name: &str, uri: &Uri) -> Result<Uri, DiscoveryError> {
    #[derive(Deserialize)]
    struct Metadata {
        issuer: String,
        jwks_uri: String,
    }
    let Metadata { issuer, jwks_uri } = serde_json::from_slice(document)
        .map_err(|source| DiscoveryError::Unreadable { uri: uri.clone(), source })?;
    // Both specifications require an exact comparison, so that metadata of one issuer cannot pass for that of another.
    if issuer != name {
        return Err(DiscoveryError::OtherIssuer { uri: uri.clone(), found: issuer });
    }
    let safe = is_safe_url(&jwks_uri).then(|| jwks_uri.parse().ok()).flatten();
    safe.ok_or_else(|| DiscoveryError::Keys { uri: uri.clone(), found: jwks_uri })
}
