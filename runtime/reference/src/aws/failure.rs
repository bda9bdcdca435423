//! The texts of failed requests: what failed, and what to do about it. The log has the error with its causes.

use mcp_lambda_aws::signed::{ServiceError, has_no_credentials, has_timed_out, service_error, text};
use mcp_lambda_server::http::BoxError;

use super::action::Action;

/// Codes of errors, by what is to be done.
const DENIED: [&str; 7] = [
    "AccessDenied",
    "AccessDeniedException",
    "AuthorizationError",
    "AuthorizationErrorException",
    "NotAuthorized",
    "OperationNotPermitted",
    "UnauthorizedOperation",
];
const INVALID_CREDENTIALS: [&str; 10] = [
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "OptInRequired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
];
const MISSING: [&str; 8] = [
    "AWS.SimpleQueueService.NonExistentQueue",
    "ClusterNotFoundException",
    "NotFound",
    "NotFoundException",
    "QueueDoesNotExist",
    "ResourceNotFound",
    "ResourceNotFoundException",
    "TableNotFoundException",
];

/// The text for the model.
pub(crate) fn failed(action: &Action<'_>, error: &BoxError) -> String {
    let Action { permission, resource, place, .. } = action;
    let region = &place.region;
    tracing::warn!(action = permission, resource, region, error = %text(error), "a request to AWS failed");
    if has_no_credentials(error) {
        return format!(
            "{permission} was not sent: there are no AWS credentials. On Lambda the function has them from its role; elsewhere set \
             AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, for the server"
        );
    }
    if has_timed_out(error) {
        return format!("{permission} got no answer in {region} in time: repeat the call, or ask for less");
    }
    match service_error(error) {
        Some(error) => refused(action, error),
        None => format!(
            "{permission} did not reach AWS in {region}: check the network of the server, and repeat the call"
        ),
    }
}

fn refused(action: &Action<'_>, error: &ServiceError) -> String {
    let Action { permission, resource, place, .. } = action;
    let (region, code) = (&place.region, error.code.as_str());
    let is = |codes: &[&str]| codes.contains(&code);
    if is(&DENIED) {
        format!(
            "{permission} was denied ({code}): grant the IAM role of the server {permission} on {resource} in {region}"
        )
    } else if is(&INVALID_CREDENTIALS) {
        format!(
            "{permission} was denied ({code}): the AWS credentials of the server are not valid in {region}. They have expired, or the \
             region is not enabled for the account"
        )
    } else if error.is_throttling() {
        format!(
            "{permission} is throttled in {region} ({code}): wait some seconds, and repeat the call, with a smaller limit"
        )
    } else if is(&MISSING) {
        format!("{resource} does not exist in {region} ({code}): check the name, the account and the region")
    } else if error.status.is_client_error() {
        format!("{permission} was refused in {region} ({code}): {}", error.message)
    } else {
        format!("{permission} failed in {region} ({} {code}): repeat the call later", error.status.as_u16())
    }
}
