//! SDK errors as store errors. The client of the server receives that a retry may help; the log names the table, the
//! action and the cause.

use aws_sdk_dynamodb::{
    error::{DisplayErrorContext, ProvideErrorMetadata, SdkError},
    operation::transact_write_items::TransactWriteItemsError,
};

use mcp_lambda_core::error::StoreError;

/// A failed action on a table, with a hint for the operator.
#[derive(Debug, thiserror::Error)]
#[error("dynamodb:{action} on table {table:?} failed{hint}: {cause}")]
struct ActionFailed {
    action: &'static str,
    table: String,
    hint: &'static str,
    cause: String,
}

/// Returns the store error of a failed action.
pub(super) fn failed<E, R>(action: &'static str, table: &str, error: &SdkError<E, R>) -> StoreError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let hint = match error.code() {
        Some("ResourceNotFoundException") => {
            " (there is no such table: check SESSION_TABLE_NAME, EVENT_TABLE_NAME and the region)"
        }
        Some("AccessDeniedException" | "UnrecognizedClientException") => {
            " (the IAM role may not do this: grant it the action on the table)"
        }
        Some("ProvisionedThroughputExceededException" | "ThrottlingException" | "RequestLimitExceeded") => {
            " (throttled)"
        }
        _ => "",
    };
    let cause = DisplayErrorContext(error).to_string();
    let failed = Box::new(ActionFailed { action, table: table.to_owned(), hint, cause });
    if is_permanent(error) { StoreError::Refused(failed) } else { StoreError::Unavailable(failed) }
}

/// Codes of errors that no retry mends:
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html> and
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/CommonErrors.html> (read 2026-11-26). Expired credentials
/// are renewed, so they are not among them.
const PERMANENT: [&str; 16] = [
    "AccessDeniedException",
    "IncompleteSignature",
    "IncompleteSignatureException",
    "InvalidAction",
    "InvalidClientTokenId",
    "InvalidEndpointException",
    "InvalidSignatureException",
    "ItemCollectionSizeLimitExceededException",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "NotAuthorized",
    "OptInRequired",
    "ResourceNotFoundException",
    "SerializationException",
    "UnrecognizedClientException",
    "ValidationException",
];

/// Whether the same request would fail again.
fn is_permanent<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    matches!(error, SdkError::ConstructionFailure(_))
        || error.code().is_some_and(|code| PERMANENT.contains(&code))
}

/// Reasons of a cancelled transaction that no retry mends:
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html> (read 2026-11-26).
const PERMANENT_REASONS: [&str; 3] = ["AccessDenied", "ItemCollectionSizeLimitExceeded", "ValidationError"];

/// Returns the store error of a transaction that no condition has cancelled.
pub(super) fn failed_transaction<R>(table: &str, error: &SdkError<TransactWriteItemsError, R>) -> StoreError
where
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let reasons = match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
            cancelled.cancellation_reasons()
        }
        _ => &[],
    };
    let codes = reasons.iter().filter_map(|reason| reason.code());
    match failed("TransactWriteItems", table, error) {
        StoreError::Unavailable(cause) if codes.into_iter().any(|code| PERMANENT_REASONS.contains(&code)) => {
            StoreError::Refused(cause)
        }
        failed => failed,
    }
}

/// Returns the store error of a batch with items that DynamoDB returned unprocessed in each try.
pub(super) fn unprocessed(action: &'static str, table: &str) -> StoreError {
    let cause = "DynamoDB returned items unprocessed in each try".to_owned();
    StoreError::Unavailable(Box::new(ActionFailed {
        action,
        table: table.to_owned(),
        hint: " (throttled)",
        cause,
    }))
}

/// Whether an action failed because its condition was not met.
pub(super) fn is_condition_failed<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    error.code() == Some("ConditionalCheckFailedException")
}

/// Returns the store error of a request that the SDK's builder refuses, which is a bug of this store.
pub(super) fn not_built(error: aws_sdk_dynamodb::error::BuildError) -> StoreError {
    StoreError::Refused(Box::new(error))
}
