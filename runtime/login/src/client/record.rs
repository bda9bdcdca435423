//! A client, however it is known.

use url::Url;

/// A client, as its registration or its document describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Client {
    /// The `client_id`.
    pub(crate) id: String,
    /// The name that the client gives itself.
    pub(crate) name: Option<String>,
    /// The client's page.
    pub(crate) uri: Option<Url>,
    /// The URIs to which codes may be sent.
    pub(crate) redirect_uris: Vec<String>,
    /// The host that published the document of the client. `None`: nothing of the client is verified.
    pub(crate) verified_host: Option<String>,
    /// The SHA-256 of the registration or of the document: a code is bound to it.
    pub(crate) digest: [u8; 32],
}
