//! Where an issuer says its keys are: <https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig>,
//! <https://www.rfc-editor.org/rfc/rfc8414#section-3>.

use http::Uri;
use serde::Deserialize;

use super::fetch::{FetchError, Fetcher};
use crate::auth::is_safe_url;

/// Why the keys cannot be found.
#[derive(Debug, thiserror::Error)]
pub(super) enum DiscoveryError {
    #[error("{uri} has no metadata")]
    Fetch {
        uri: Uri,
        #[source]
        source: FetchError,
    },
    #[error("the metadata at {uri} cannot be read")]
    Unreadable {
        uri: Uri,
        #[source]
        source: serde_json::Error,
    },
    #[error(
        "the metadata at {uri} is that of {found:?}: set MCP_JWT_ISSUER to exactly what it says, if it is right"
    )]
    OtherIssuer { uri: Uri, found: String },
    #[error("the metadata at {uri} names keys at {found:?}, which is no https URL")]
    Keys { uri: Uri, found: String },
}

/// The places, in the order they are tried: nearly every issuer has the first.
pub(super) fn places(issuer: &Uri) -> Vec<Uri> {
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

/// Asks the issuer. The first document that is there decides: one that is wrong is not made right by another.
pub(super) async fn keys_of(fetcher: &Fetcher, name: &str, issuer: &Uri) -> Result<Uri, DiscoveryError> {
    let mut missing = None;
    for uri in places(issuer) {
        match fetcher.get(&uri).await {
            Ok(document) => return keys_in(&document, name, &uri),
            Err(source @ FetchError::Status(_)) => missing = Some(DiscoveryError::Fetch { uri, source }),
            // The others are on the same machine.
            Err(source) => return Err(DiscoveryError::Fetch { uri, source }),
        }
    }
    let nowhere = || DiscoveryError::Keys { uri: issuer.clone(), found: String::new() };
    Err(missing.unwrap_or_else(nowhere))
}

fn keys_in(document: &[u8], name: &str, uri: &Uri) -> Result<Uri, DiscoveryError> {
    #[derive(Deserialize)]
    struct Metadata {
        issuer: String,
        jwks_uri: String,
    }
    let Metadata { issuer, jwks_uri } = serde_json::from_slice(document)
        .map_err(|source| DiscoveryError::Unreadable { uri: uri.clone(), source })?;
    // Compared exactly, as both specifications have it: whoever answers for another issuer must not become it.
    if issuer != name {
        return Err(DiscoveryError::OtherIssuer { uri: uri.clone(), found: issuer });
    }
    let safe = is_safe_url(&jwks_uri).then(|| jwks_uri.parse().ok()).flatten();
    safe.ok_or_else(|| DiscoveryError::Keys { uri: uri.clone(), found: jwks_uri })
}
