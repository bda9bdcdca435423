//! The authorization request of a client, while its user signs in and decides.

use mcp_lambda_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::keys::Hash;

/// A valid request of a client. It is sealed, and travels through the browser until its code is issued.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct AuthorizationRequest {
    pub(crate) client_id: String,
    /// The digest of the client's registration or document.
    pub(crate) client_digest: Hash,
    pub(crate) redirect_uri: String,
    pub(crate) state: Option<String>,
    /// The S256 challenge of the client.
    pub(crate) challenge: Hash,
    pub(crate) resource: String,
    pub(crate) scopes: Vec<String>,
    /// The verifier of the challenge that was sent upstream.
    pub(crate) verifier: String,
    pub(crate) nonce: String,
    /// The hash of the cookie of the browser.
    pub(crate) browser: Hash,
    pub(crate) expires_at: Timestamp,
}
