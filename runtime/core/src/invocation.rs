//! The invocation that a request came with: what Lambda and the gateway know of it.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use http::HeaderValue;
use serde_json::{Map, Value};

use crate::{telemetry, time::Timestamp};

/// The Lambda invocation that a request came with. Tools read it with
/// [`McpContext::invocation`](crate::McpContext::invocation). Clones share it.
///
/// A host puts it into the extensions of a request; a host that is none of this project's makes it of
/// [`InvocationDetails`].
#[derive(Clone)]
pub struct Invocation(Arc<InvocationDetails>);

/// What an [`Invocation`] is made of. JSON is kept as its text, and read when a tool asks for it.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct InvocationDetails {
    /// The request id.
    pub request_id: String,
    /// The ARN by which the function was invoked.
    pub invoked_arn: Option<HeaderValue>,
    /// The time at which Lambda ends the invocation.
    pub deadline: Option<Timestamp>,
    /// The trace header.
    pub trace_header: Option<HeaderValue>,
    /// The tenant, for a function that isolates its tenants.
    pub tenant_id: Option<HeaderValue>,
    /// The client context, as JSON.
    pub client_context: Option<Bytes>,
    /// The Cognito identity, as JSON.
    pub cognito_identity: Option<HeaderValue>,
    /// Whether it is the first invocation of its environment.
    pub cold_start: bool,
    /// What the gateway knows of the request.
    pub gateway: GatewayDetails,
}

/// What the gateway knows of a request, and does not put into its headers.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct GatewayDetails {
    /// The IP address of the client.
    pub source_ip: Option<Box<str>>,
    /// The stage of the API.
    pub stage: Option<Box<str>>,
    /// The variables of the path, as JSON.
    pub path_parameters: Option<Box<str>>,
    /// The variables of the stage, as JSON.
    pub stage_variables: Option<Box<str>>,
    /// The context of the authorizer, as JSON.
    pub authorizer: Option<Box<str>>,
}

impl Invocation {
    /// Creates an invocation.
    #[must_use]
    pub fn new(details: InvocationDetails) -> Self {
        Self(Arc::new(details))
    }

    /// The request id, as in the `REPORT` line of the log.
    #[must_use]
    pub fn request_id(&self) -> &str {
        &self.0.request_id
    }

    /// The ARN by which the function was invoked: it may name a version or an alias.
    #[must_use]
    pub fn invoked_arn(&self) -> Option<&str> {
        text(self.0.invoked_arn.as_ref())
    }

    /// The time at which Lambda ends the invocation. [`McpContext::deadline`](crate::McpContext::deadline) is earlier: by
    /// then the response has to be complete.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        self.0.deadline
    }

    /// The trace header, as in `X-Amzn-Trace-Id`.
    #[must_use]
    pub fn trace_header(&self) -> Option<&str> {
        text(self.0.trace_header.as_ref())
    }

    /// The trace id of X-Ray, which the trace header contains: `1-5e6722a7-cc56d6c46db7ae02d4da47e0`.
    #[must_use]
    pub fn trace_id(&self) -> Option<&str> {
        telemetry::trace_id(self.0.trace_header.as_ref()?)
    }

    /// Whether it is the first invocation of its environment.
    #[must_use]
    pub fn is_cold_start(&self) -> bool {
        self.0.cold_start
    }

    /// The tenant, for a function that isolates its tenants. The [principal](crate::McpContext::principal) is one of this
    /// tenant.
    #[must_use]
    pub fn tenant_id(&self) -> Option<&str> {
        text(self.0.tenant_id.as_ref())
    }

    /// The client context, of a direct invocation that has one. The invoker may put anything there.
    #[must_use]
    pub fn client_context(&self) -> Option<Value> {
        serde_json::from_slice(self.0.client_context.as_ref()?).ok()
    }

    /// The Cognito identity, of a direct invocation through AWS Mobile.
    #[must_use]
    pub fn cognito_identity(&self) -> Option<Value> {
        serde_json::from_slice(self.0.cognito_identity.as_ref()?.as_bytes()).ok()
    }

    /// The IP address of the client, as the gateway saw it. `None` behind a load balancer.
    #[must_use]
    pub fn source_ip(&self) -> Option<&str> {
        self.0.gateway.source_ip.as_deref()
    }

    /// The stage of the API; `$default` for a Function URL.
    #[must_use]
    pub fn stage(&self) -> Option<&str> {
        self.0.gateway.stage.as_deref()
    }

    /// The variables of the path of an API's route.
    #[must_use]
    pub fn path_parameters(&self) -> Map<String, Value> {
        object(self.0.gateway.path_parameters.as_deref())
    }

    /// The variables of the stage of an API.
    #[must_use]
    pub fn stage_variables(&self) -> Map<String, Value> {
        object(self.0.gateway.stage_variables.as_deref())
    }

    /// The context of the authorizer, in the form of the gateway. It may hold the access key id of an IAM caller.
    #[must_use]
    pub fn authorizer(&self) -> Option<Value> {
        serde_json::from_str(self.0.gateway.authorizer.as_deref()?).ok()
    }
}

fn text(value: Option<&HeaderValue>) -> Option<&str> {
    value?.to_str().ok()
}

fn object(json: Option<&str>) -> Map<String, Value> {
    json.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
}

// The other fields can hold what must not be logged.
impl fmt::Debug for Invocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for InvocationDetails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invocation").field("request_id", &self.request_id).finish_non_exhaustive()
    }
}

impl fmt::Debug for GatewayDetails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatewayDetails").field("stage", &self.stage).finish_non_exhaustive()
    }
}
