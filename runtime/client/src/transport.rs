//! A connection as a transport of rmcp's client.

use std::borrow::Cow;

use bytes::Bytes;
use rmcp::{
    RoleClient,
    model::{ErrorData, RequestId, ServerJsonRpcMessage},
    service::{RxJsonRpcMessage, TxJsonRpcMessage},
    transport::Transport,
};
use serde::Deserialize;

use crate::{Closed, Connection};

/// A message of rmcp's client could not be sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// The connection has ended.
    #[error(transparent)]
    Closed(#[from] Closed),
    /// The message is not JSON.
    #[error("the message cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl Transport<RoleClient> for Connection {
    type Error = TransportError;

    fn name() -> Cow<'static, str> {
        "mcp-lambda".into()
    }

    fn send(
        &mut self,
        item: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = Result<(), TransportError>> + Send + 'static {
        let outgoing = self.outgoing();
        async move {
            let outgoing = outgoing.ok_or(Closed)?;
            let raw = serde_json::to_vec(&item)?;
            outgoing.send(raw.into()).await.map_err(|_| Closed)?;
            Ok(())
        }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        while let Some(raw) = Connection::receive(self).await {
            if let Some(message) = read(&raw) {
                return Some(message);
            }
        }
        None
    }

    async fn close(&mut self) -> Result<(), TransportError> {
        Connection::close(self).await;
        Ok(())
    }
}

/// Reads a message as rmcp's types. A response that has another form is an error to its request, which would wait forever.
fn read(raw: &Bytes) -> Option<ServerJsonRpcMessage> {
    #[derive(Deserialize)]
    struct Envelope {
        id: Option<RequestId>,
        method: Option<String>,
    }
    let error = match serde_json::from_slice(raw) {
        Ok(message) => return Some(message),
        Err(error) => error,
    };
    let envelope: Option<Envelope> = serde_json::from_slice(raw).ok();
    if let Some(Envelope { id: Some(id), method: None }) = envelope {
        let text = format!("the response has a form that MCP does not define: {error}");
        return Some(ServerJsonRpcMessage::error(ErrorData::internal_error(text, None), Some(id)));
    }
    tracing::warn!(%error, "a message of the server has a form that MCP does not define");
    None
}
