//! Why the document of a client cannot be used.

use std::sync::Arc;

use http::StatusCode;
use mcp_lambda_core::fetch::FetchError;

use crate::client::redirect_uri::RedirectError;

/// Why a document cannot be used. The text tells the author of the client, and nothing of the network of this server.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// The id is not a URL of a document.
    #[error("the client_id is not the https URL of a document: {0}")]
    Url(&'static str),
    /// The document cannot be fetched.
    #[error("the document of the client cannot be fetched from {host}")]
    Fetch {
        /// The host.
        host: String,
        /// The cause, for the log.
        #[source]
        source: FetchError,
    },
    /// The response has another status than 200.
    #[error("the response to the request for the client's document has the status {0}, not 200")]
    Status(StatusCode),
    /// The response is not JSON.
    #[error("the document of the client has the content type {0:?}, not application/json")]
    ContentType(String),
    /// The document is not what it must be.
    #[error("the document of the client is invalid: {0}")]
    Document(String),
    /// A redirect URI of the document is not accepted.
    #[error("the document of the client is invalid: redirect_uris[{at}] {error}")]
    Redirect {
        /// The index of the URI.
        at: usize,
        /// What is wrong with it.
        error: RedirectError,
    },
    /// Too many documents are being fetched.
    #[error("too many documents of clients are being fetched at this moment: try again")]
    Busy,
    /// A fetch has failed a moment ago.
    #[error("{0}")]
    Recent(Arc<ClientError>),
}
