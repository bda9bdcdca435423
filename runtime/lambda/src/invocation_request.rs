//! What an environment receives of Lambda for one invocation.

use bytes::Bytes;
use serde::{Deserialize, de::IgnoredAny};

use super::{
    classify::{Invocation, Named, classify},
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
        let is_agent_core = self.details.client_context.as_deref().map_or(Ok(false), is_agent_core)?;
        classify(self.text()?, is_agent_core)
            .map_err(|error| InvocationError::new("InvalidEvent", error.to_string()))
    }
}

/// Whether AgentCore Gateway invoked the function: it names the tool in the client context. A principal that may invoke the
/// function directly can send any client context, so an invalid one fails its own invocation and no other.
fn is_agent_core(context: &[u8]) -> Result<bool, InvocationError> {
    #[derive(Deserialize)]
    struct ClientContext<'a> {
        #[serde(borrow, default)]
        custom: Option<Named<'a, IgnoredAny>>,
    }
    let context: ClientContext<'_> = serde_json::from_slice(context).map_err(|error| InvocationError {
        kind: "InvalidClientContext",
        message: format!("the client context cannot be read: {error}"),
    })?;
    Ok(context.custom.is_some_and(|custom| custom.contains_key("bedrockAgentCoreToolName")))
}
