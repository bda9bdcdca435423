//! What Lambda receives for one invocation, as a tower layer sees it.

use std::{any::Any, fmt};

use bytes::Bytes;

use super::response::ResponsePayload;

/// The response to an invocation, before the Runtime API receives it.
pub struct InvocationResponse {
    pub(super) payload: ResponsePayload,
    /// Dropped when the response has been sent.
    pub(super) kept: Vec<Box<dyn Any + Send>>,
}

impl InvocationResponse {
    /// Creates a response of a JSON document: a layer answers an invocation with it instead of the server.
    pub fn json(document: impl Into<Bytes>) -> Self {
        ResponsePayload::Buffered(document.into()).into()
    }

    /// Whether the response is streamed: its body is sent while it is produced.
    #[must_use]
    pub fn is_streamed(&self) -> bool {
        matches!(self.payload, ResponsePayload::Streaming(_))
    }

    /// The JSON document that Lambda receives. `None` for a streamed response.
    #[must_use]
    pub fn document(&self) -> Option<&Bytes> {
        match &self.payload {
            ResponsePayload::Buffered(document) | ResponsePayload::Collected { json: document, .. } => {
                Some(document)
            }
            ResponsePayload::Streaming(_) => None,
        }
    }

    /// Keeps a value until Lambda has accepted the last byte of the response, such as a guard whose drop stops a timer.
    /// What is kept first is dropped first.
    #[must_use]
    pub fn keep(mut self, value: impl Any + Send) -> Self {
        self.kept.push(Box::new(value));
        self
    }
}

impl From<ResponsePayload> for InvocationResponse {
    fn from(payload: ResponsePayload) -> Self {
        Self { payload, kept: Vec::new() }
    }
}

impl fmt::Debug for InvocationResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bytes, kept) = (self.document().map(Bytes::len), self.kept.len());
        f.debug_struct("InvocationResponse").field("bytes", &bytes).field("kept", &kept).finish()
    }
}
