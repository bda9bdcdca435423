//! A request to a service: the action, and what is sent.

use mcp_lambda_aws::signed::{Place, Service};

use super::form::Form;

/// One action of a service, as IAM checks it.
#[derive(Clone, Copy)]
pub(crate) struct Action<'a> {
    pub(crate) service: Service,
    /// The action, such as `Query`.
    pub(crate) name: &'static str,
    /// The action as policies name it, such as `dynamodb:Query`.
    pub(crate) permission: &'static str,
    /// The ARN of the resource, or `*`.
    pub(crate) resource: &'a str,
    pub(crate) place: &'a Place,
}

/// The body of a request, in the protocol of its service.
pub(crate) enum Input {
    /// JSON, with the prefix of `X-Amz-Target`.
    Json { target: &'static str, version: &'static str, body: serde_json::Value },
    /// A form, with the version of the API. The response is XML.
    Form { version: &'static str, form: Form },
    /// A GET request of a REST API: path and query.
    Get(String),
}
