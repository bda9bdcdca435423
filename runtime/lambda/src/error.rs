//! Why an invocation fails.

/// The error of an invocation. Lambda retries an asynchronous invocation and then moves it to the dead-letter queue.
#[derive(Debug, serde::Serialize)]
pub(super) struct InvocationError {
    #[serde(rename = "errorType")]
    pub(super) kind: &'static str,
    #[serde(rename = "errorMessage")]
    pub(super) message: String,
}
