//! One event on its way to a function.

use bytes::Bytes;
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::{answer::Answer, clock, failure::InvokeError};

/// The largest payload of a synchronous invocation: 6 MB.
pub(crate) const SYNCHRONOUS_LIMIT: usize = 6 * 1024 * 1024;
/// The largest payload of an asynchronous invocation: 1 MB.
pub(crate) const ASYNCHRONOUS_LIMIT: usize = 1024 * 1024;

/// One event on its way to a function.
#[derive(Clone, Debug)]
pub(crate) struct Invocation {
    /// The same for every attempt of an asynchronous invocation.
    pub(crate) request_id: String,
    /// Of this attempt alone: it identifies a late response of an earlier attempt.
    pub(crate) attempt: String,
    pub(crate) payload: Bytes,
    pub(crate) client_context: Option<String>,
    pub(crate) trace_id: String,
}

impl Invocation {
    pub(crate) fn new(payload: Bytes) -> Self {
        Invocation {
            request_id: Uuid::new_v4().to_string(),
            attempt: Uuid::new_v4().to_string(),
            payload,
            client_context: None,
            trace_id: trace_id(),
        }
    }

    /// `context` is the JSON that the invoker's base64 stood for.
    pub(crate) fn with_client_context(mut self, context: Option<&str>) -> Result<Self, InvokeError> {
        let Some(context) = context else { return Ok(self) };
        // Written again, because a header carries no line breaks.
        let object: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(context).map_err(|_| InvokeError::BadClientContext)?;
        self.client_context = Some(serde_json::Value::Object(object).to_string());
        Ok(self)
    }

    /// The same event once more.
    pub(crate) fn again(&self) -> Self {
        Invocation { attempt: Uuid::new_v4().to_string(), ..self.clone() }
    }
}

/// An `X-Amzn-Trace-Id` for a request without one.
pub(crate) fn trace_id() -> String {
    let random = Uuid::new_v4().simple().to_string();
    let (root, _) = random.split_at(24);
    let parent = Uuid::new_v4().simple().to_string();
    let (parent, _) = parent.split_at(16);
    format!("Root=1-{:08x}-{root};Parent={parent};Sampled=0", clock::epoch_ms() / 1000)
}

/// An invocation and its invoker, which waits for the answer.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) invocation: Invocation,
    pub(crate) answer: oneshot::Sender<Answer>,
}
