//! The upstream provider, which signs users in.

use std::fmt;

use mcp_lambda_core::time::Timestamp;

/// Whom the upstream provider has signed in.
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
