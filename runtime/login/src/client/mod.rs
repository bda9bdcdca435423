//! The clients: programs that ask for tokens on behalf of a user.
//!
//! * `registration`: clients that register themselves.
//! * `document`: clients that are identified by the URL of a document.
//! * `redirect_uri`: the URIs to which codes are sent.

pub(crate) mod document;
pub(crate) mod redirect_uri;
pub(crate) mod registration;

use std::sync::Arc;

use mcp_lambda_core::time::Deadline;
use url::Url;

use self::document::ClientDocuments;
use crate::{error::OAuthError, keys::Keys};

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

/// All clients.
pub(crate) struct Clients {
    keys: Arc<Keys>,
    documents: ClientDocuments,
}

impl Clients {
    pub(crate) fn new(keys: Arc<Keys>, documents: ClientDocuments) -> Self {
        Self { keys, documents }
    }

    /// The client of an id.
    pub(crate) async fn client(&self, id: &str, deadline: Deadline) -> Result<Arc<Client>, OAuthError> {
        if let Some(sealed) = id.strip_prefix(registration::PREFIX) {
            let client = registration::client(&self.keys, id, sealed);
            return client.map(Arc::new).ok_or_else(unregistered);
        }
        if !id.starts_with("https://") {
            return Err(unregistered());
        }
        self.documents.client(id, deadline).await.map_err(|error| {
            tracing::warn!(%error, "the document of a client cannot be used");
            OAuthError::invalid_client(format!("the document of the client cannot be used: {error}"))
        })
    }
}

fn unregistered() -> OAuthError {
    OAuthError::invalid_client("the client is not registered here: register it again")
}
