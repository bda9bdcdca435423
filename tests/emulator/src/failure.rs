//! The errors of an invocation, with Lambda's own texts.

use std::{fmt, time::Duration};

use bytes::Bytes;
use serde_json::{Value, json};

/// The error of a function: what `X-Amz-Function-Error` announces.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FunctionError {
    /// `errorType`, as the function or Lambda named it.
    pub kind: String,
    /// The JSON payload an invoker receives.
    pub payload: Bytes,
}

impl FunctionError {
    /// The report that a runtime posted to `/error`; `header` is `Lambda-Runtime-Function-Error-Type`.
    pub(crate) fn reported(payload: Bytes, header: Option<&str>) -> Self {
        let kind = serde_json::from_slice::<Value>(&payload)
            .ok()
            .and_then(|error| error.get("errorType")?.as_str().map(str::to_owned))
            .or_else(|| header.map(str::to_owned))
            .unwrap_or_else(|| "Unhandled".to_owned());
        FunctionError { kind, payload }
    }

    pub(crate) fn timed_out(request_id: &str, limit: Duration) -> Self {
        let text = format!("Error: Task timed out after {:.2} seconds", limit.as_secs_f64());
        FunctionError::of_lambda("Sandbox.Timedout", request_id, &text)
    }

    /// Lambda would start the initialisation again inside the invocation; here the invocation fails.
    pub(crate) fn init_timed_out(request_id: &str, limit: Duration) -> Self {
        let text = format!("Error: Initialization timed out after {:.2} seconds", limit.as_secs_f64());
        FunctionError::of_lambda("Sandbox.Timedout", request_id, &text)
    }

    /// `status` is how the process ended: `exit status 1`, `signal: killed`.
    pub(crate) fn exited(request_id: &str, status: &str) -> Self {
        FunctionError::of_lambda(
            "Runtime.ExitError",
            request_id,
            &format!("Error: Runtime exited with error: {status}"),
        )
    }

    pub(crate) fn not_started(request_id: &str, cause: &str) -> Self {
        FunctionError::of_lambda("Runtime.InvalidEntrypoint", request_id, &format!("Error: {cause}"))
    }

    pub(crate) fn response_cut_off(request_id: &str) -> Self {
        FunctionError::of_lambda(
            "Runtime.TruncatedResponse",
            request_id,
            "Error: The response ended too early",
        )
    }

    pub(crate) fn response_too_large(limit: usize) -> Self {
        FunctionError::new(
            "Function.ResponseSizeTooLarge",
            &format!("Response payload size exceeded maximum allowed payload size ({limit} bytes)."),
        )
    }

    fn of_lambda(kind: &str, request_id: &str, text: &str) -> Self {
        FunctionError::new(kind, &format!("RequestId: {request_id} {text}"))
    }

    fn new(kind: &str, message: &str) -> Self {
        let payload = json!({ "errorType": kind, "errorMessage": message }).to_string();
        FunctionError { kind: kind.to_owned(), payload: payload.into() }
    }

    /// `errorMessage`, or the whole payload when there is none.
    #[must_use]
    pub fn message(&self) -> String {
        serde_json::from_slice::<Value>(&self.payload)
            .ok()
            .and_then(|error| error.get("errorMessage")?.as_str().map(str::to_owned))
            .unwrap_or_else(|| String::from_utf8_lossy(&self.payload).into_owned())
    }
}

impl fmt::Display for FunctionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.message())
    }
}

impl std::error::Error for FunctionError {}

/// Why Lambda did not run the function.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvokeError {
    /// Every environment is busy and the queue is full: 429 `TooManyRequestsException`.
    #[error("Rate Exceeded.")]
    Throttled,
    /// The payload is larger than Lambda accepts: 413 `RequestTooLargeException`.
    #[error("Request must be smaller than {limit} bytes for the InvokeFunction operation")]
    PayloadTooLarge {
        /// The largest payload of this kind of invocation.
        limit: usize,
    },
    /// The client context is not a JSON object: 400 `InvalidRequestContentException`.
    #[error("Client context must be a JSON object")]
    BadClientContext,
    /// The emulator is shutting down.
    #[error("the emulator is shutting down")]
    Stopped,
}
