//! The client of an id.

use std::sync::Arc;

use mcp_lambda_core::time::Deadline;

use super::{Client, document::ClientDocuments, registration};
use crate::{error::OAuthError, keys::Keys};

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
