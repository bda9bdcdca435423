//! Why an invocation fails.

use http::HeaderName;

/// The header, or trailer, with the type of an error.
pub(super) const ERROR_TYPE: HeaderName = HeaderName::from_static("lambda-runtime-function-error-type");
/// The trailer with an error as JSON in base64.
pub(super) const ERROR_BODY: HeaderName = HeaderName::from_static("lambda-runtime-function-error-body");

/// The error of an invocation. Lambda retries an asynchronous invocation and then moves it to the dead-letter queue.
#[derive(Debug, serde::Serialize)]
pub(super) struct InvocationError {
    #[serde(rename = "errorType")]
    pub(super) kind: &'static str,
    #[serde(rename = "errorMessage")]
    pub(super) message: String,
}
