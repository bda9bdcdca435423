//! What a gateway knows of a request besides HTTP, from its event.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::classify::{HttpEvent, Text};
use mcp_lambda_core::GatewayDetails;

/// The field of a REST API's `identity`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Identity<'a> {
    #[serde(borrow, default)]
    source_ip: Option<Text<'a>>,
}

/// Copies the details out of an event, whose payload is freed before its request is answered.
pub(super) fn gateway_details(event: &HttpEvent<'_>) -> GatewayDetails {
    let mut details = GatewayDetails::default();
    details.path_parameters = event.path_parameters.map(json);
    details.stage_variables = event.stage_variables.map(json);
    if let Some(context) = &event.request_context {
        details.stage = context.stage.as_deref().map(Into::into);
        details.authorizer = context.authorizer.map(json);
        details.source_ip = match (&context.http, context.identity) {
            (Some(http), _) => http.source_ip.as_deref().map(Into::into),
            (None, Some(identity)) => source_ip(identity),
            (None, None) => None,
        };
    }
    details
}

fn source_ip(identity: &RawValue) -> Option<Box<str>> {
    let identity: Identity<'_> = serde_json::from_str(identity.get()).ok()?;
    identity.source_ip.as_deref().map(Into::into)
}

fn json(value: &RawValue) -> Box<str> {
    value.get().into()
}
