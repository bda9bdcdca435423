//! What a caller may send. Each limit has a row in SECURITY.md.

use std::time::Duration;

/// The largest body of a request for tokens or for a registration, in bytes.
pub(crate) const BODY: usize = 16 * 1024;
/// The largest body of a form of a page, in bytes: it holds the sealed request.
pub(crate) const FORM: usize = 64 * 1024;
/// How long a body may take to arrive.
pub(crate) const BODY_TIME: Duration = Duration::from_secs(10);
/// The largest query, in bytes.
pub(crate) const QUERY: usize = 16 * 1024;
/// The number of parameters of a request.
pub(crate) const PARAMETERS: usize = 64;

/// The longest `state` and the longest `redirect_uri`, in bytes.
pub(crate) const STATE: usize = 2048;
/// The longest `redirect_uri`, in bytes.
pub(crate) const REDIRECT_URI: usize = 2048;
/// The longest `client_id`, in bytes: it may hold the whole registration.
pub(crate) const CLIENT_ID: usize = 4096;
/// The longest name of a client, in characters.
pub(crate) const CLIENT_NAME: usize = 128;
/// The number of redirect URIs of a client.
pub(crate) const REDIRECT_URIS: usize = 16;
/// The size of all redirect URIs of a registration together, in bytes: they are part of its `client_id`.
pub(crate) const ALL_REDIRECT_URIS: usize = 2048;
/// The number of scopes of a request, and the length of each.
pub(crate) const SCOPES: usize = 64;
/// The longest scope, in bytes.
pub(crate) const SCOPE: usize = 256;

/// The largest answer to the MCP server with sealed tokens of the upstream provider, in bytes.
pub(crate) const UPSTREAM_ANSWER: usize = 256 * 1024;

/// How long a user may take to sign in.
pub(crate) const SIGN_IN_TIME: Duration = Duration::from_secs(10 * 60);
/// How long a user may look at the consent page.
pub(crate) const CONSENT_TIME: Duration = Duration::from_secs(10 * 60);
/// How long a code can be redeemed.
pub(crate) const CODE_TIME: Duration = Duration::from_secs(60);
/// How long a consent is remembered.
pub(crate) const REMEMBERED: Duration = Duration::from_secs(90 * 24 * 60 * 60);
/// How long after a refresh the token that it used may be used again, for a response that was lost.
pub(crate) const LOST_RESPONSE: Duration = Duration::from_secs(10);
/// How long a key outside of the process may take to sign, or to be read.
pub(crate) const SIGNING_TIME: Duration = Duration::from_secs(8);
/// How long a request to the upstream provider, or for the document of a client, may take.
pub(crate) const UPSTREAM_TIME: Duration = Duration::from_secs(8);
