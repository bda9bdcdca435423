//! SDK errors as store errors. The client of the server learns that trying again may help; the log learns the table,
//! the action and the cause.

use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};

use mcp_lambda_core::error::StoreError;

/// A failed action on a table, with what an operator can do about it.
#[derive(Debug, thiserror::Error)]
#[error("dynamodb:{action} on table {table:?} failed{hint}: {cause}")]
struct ActionFailed {
    action: &'static str,
    table: String,
    hint: &'static str,
    cause: String,
}

/// The store error of a failed action.
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
            " (the role may not do this: grant it the action on the table)"
        }
        Some("ProvisionedThroughputExceededException" | "ThrottlingException" | "RequestLimitExceeded") => {
            " (throttled)"
        }
        _ => "",
    };
    let cause = DisplayErrorContext(error).to_string();
    StoreError::Unavailable(Box::new(ActionFailed { action, table: table.to_owned(), hint, cause }))
}

/// The store error of a batch that DynamoDB keeps handing back.
pub(super) fn unprocessed(action: &'static str, table: &str) -> StoreError {
    let cause = "items were handed back unprocessed again and again".to_owned();
    StoreError::Unavailable(Box::new(ActionFailed {
        action,
        table: table.to_owned(),
        hint: " (throttled)",
        cause,
    }))
}
