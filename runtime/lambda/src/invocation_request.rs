//! What an environment receives of Lambda for one invocation.

use bytes::Bytes;

use super::{
    agentcore,
    classify::{Invocation, classify},
    error::InvocationError,
    roles::EventKind,
};
use mcp_lambda_core::InvocationDetails;

/// One invocation, before the function answers it: what a tower layer around the invocations sees, and may change.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct InvocationRequest {
    /// What Lambda says of the invocation. The details of a gateway are empty: they are read of the event later.
    pub details: InvocationDetails,
    /// The event, as it was sent.
    pub payload: Bytes,
}

impl InvocationRequest {
    /// The kind of the event. `None` for an event that the server does not know. Each call reads the event.
    #[must_use]
    pub fn kind(&self) -> Option<EventKind> {
        self.classify().ok().and_then(|invocation| invocation.kind())
    }

    /// The event as text.
    pub(super) fn text(&self) -> Result<&str, InvocationError> {
        std::str::from_utf8(&self.payload)
            .map_err(|error| InvocationError::new("InvalidEvent", format!("the event is not UTF-8: {error}")))
    }

    pub(super) fn classify(&self) -> Result<Invocation<'_>, InvocationError> {
        let is_agent_core =
            self.details.client_context.as_deref().map_or(Ok(false), agentcore::is_of_gateway)?;
        classify(self.text()?, is_agent_core)
            .map_err(|error| InvocationError::new("InvalidEvent", error.to_string()))
    }
}
