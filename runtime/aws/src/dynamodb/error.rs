//! SDK errors as store errors. The client of the server receives that a retry may help; the log names the table, the
//! action and the cause.

use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};

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
    StoreError::Unavailable(Box::new(ActionFailed { action, table: table.to_owned(), hint, cause }))
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
    StoreError::Unavailable(Box::new(error))
}
