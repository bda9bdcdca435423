//! What is asked of a provider, and what it answers.

use std::fmt;

use mcp_lambda_core::{auth::is_safe_url, time::Timestamp};
use url::Url;

use super::UpstreamError;

/// The user that the upstream provider has signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The subject at the provider, unique there.
    pub(crate) subject: String,
    /// A name to show to the user.
    pub(crate) name: Option<String>,
    /// The tokens of the provider. `None`: it has none.
    pub(crate) tokens: Option<UpstreamTokens>,
}

/// Tokens of the upstream provider. They are never sent to a client.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct UpstreamTokens {
    /// The access token.
    pub(crate) access_token: String,
    /// The refresh token.
    pub(crate) refresh_token: Option<String>,
    /// When the access token expires. `None`: the provider does not tell.
    pub(crate) expires_at: Option<Timestamp>,
    /// The scopes of the access token, separated by spaces, if the provider tells them.
    pub(crate) scope: Option<String>,
}

// Logs must not hold tokens.
impl fmt::Debug for UpstreamTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpstreamTokens").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// What is asked of the authorization endpoint of the provider.
#[derive(Debug)]
pub(crate) struct UpstreamRequest<'a> {
    /// The `state`, which comes back with the code.
    pub(crate) state: &'a str,
    /// The `nonce`, which the ID token names.
    pub(crate) nonce: &'a str,
    /// The S256 challenge of the verifier with which the code is redeemed.
    pub(crate) code_challenge: &'a str,
    /// The URL of this server to which the code is sent.
    pub(crate) redirect_uri: &'a str,
    /// The scopes.
    pub(crate) scopes: &'a [String],
    /// Parameters that this provider has besides.
    pub(crate) more: &'a [(String, String)],
}

/// With what a code of the provider is redeemed.
#[derive(Debug)]
pub(crate) struct UpstreamRedemption<'a> {
    /// The verifier of the challenge.
    pub(crate) code_verifier: &'a str,
    /// The `nonce` of the request.
    pub(crate) nonce: &'a str,
    /// The URL of this server to which the code was sent.
    pub(crate) redirect_uri: &'a str,
    /// The `iss` that came with the code (RFC 9207), if any did.
    pub(crate) issuer: Option<&'a str>,
}

/// The authorization endpoint with a request: <https://www.rfc-editor.org/rfc/rfc7636#section-4.3>.
pub(super) fn authorization_url(
    endpoint: &Url,
    client_id: &str,
    request: &UpstreamRequest<'_>,
    nonce: Option<&str>,
) -> Url {
    let mut url = endpoint.clone();
    url.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", client_id)
        .append_pair("redirect_uri", request.redirect_uri)
        .append_pair("scope", &request.scopes.join(" "))
        .append_pair("state", request.state)
        .append_pair("code_challenge", request.code_challenge)
        .append_pair("code_challenge_method", "S256")
        .extend_pairs(nonce.map(|nonce| ("nonce", nonce)))
        .extend_pairs(request.more);
    url
}

/// A URL of the provider: https, or http on this machine.
pub(super) fn safe(name: &'static str, text: &str) -> Result<Url, UpstreamError> {
    let url = is_safe_url(text).then(|| Url::parse(text).ok()).flatten();
    let url = url.filter(|url| url.fragment().is_none());
    url.ok_or_else(|| UpstreamError::Url { name, found: text.to_owned() })
}

/// The first of these claims that is a text to show: at most 128 characters of it, without control characters.
pub(super) fn name_in(
    claims: &serde_json::Map<String, serde_json::Value>,
    fields: &[&str],
) -> Option<String> {
    let texts = fields.iter().filter_map(|field| claims.get(*field)?.as_str());
    let shown = texts.map(|text| text.chars().filter(|c| !c.is_control()).take(128).collect::<String>());
    shown.map(|text| text.trim().to_owned()).find(|text| !text.is_empty())
}
