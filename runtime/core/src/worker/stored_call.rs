//! The call of a task as it is stored.

use rmcp::model::ClientRequest;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, value::RawValue};

use crate::{
    auth::Principal,
    dispatch::typed_params,
    handler::Request,
    protocol::{self, Fault, Method, Params},
    tasks::{Task, TaskId},
    telemetry::TraceContext,
};

/// The call of a task as it is stored: any worker makes the request anew.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredCall {
    /// The parameters, with `_meta`.
    params: Box<RawValue>,
    /// What the caller may do.
    #[serde(default)]
    scopes: Vec<String>,
    /// What is known of the caller.
    #[serde(default)]
    attributes: Map<String, Value>,
    /// The trace of the call, by the names of its fields. Its client may have named it in headers, which are not stored.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    trace: Map<String, Value>,
}

/// A call that a worker makes anew.
pub(super) struct RestoredCall {
    pub(super) request: protocol::Request,
    pub(super) typed: ClientRequest,
    pub(super) principal: Principal,
    pub(super) trace: Option<TraceContext>,
}

impl StoredCall {
    /// Returns the name of the tool and the stored call of a request.
    pub(super) fn of(request: &Request) -> Result<(String, String), Fault> {
        let ClientRequest::CallToolRequest(call) = &request.typed else { return Err(Fault::Internal) };
        let unwritable = |_: serde_json::Error| Fault::Internal;
        let mut params = call.params.clone();
        params.meta = Some(request.context.meta.clone());
        let trace = request.context.extensions.get::<TraceContext>();
        let stored = Self {
            params: serde_json::value::to_raw_value(&params).map_err(unwritable)?,
            scopes: request.principal.scopes().to_vec(),
            attributes: request.principal.attributes().clone(),
            trace: trace.map(fields).unwrap_or_default(),
        };
        Ok((call.params.name.to_string(), serde_json::to_string(&stored).map_err(unwritable)?))
    }

    /// Returns the call of a task.
    pub(super) fn restore(task: &Task) -> Result<RestoredCall, Fault> {
        let stored: Self = serde_json::from_str(&task.call).map_err(|_| Fault::Internal)?;
        let request = protocol::Request {
            id: request_id(&task.id),
            method: Method::CallTool,
            params: Params::from_text(stored.params.get()),
        };
        let typed = typed_params(&request)?;
        let principal = task.owner.clone().with_scopes(stored.scopes).with_attributes(stored.attributes);
        Ok(RestoredCall { request, typed, principal, trace: TraceContext::of_meta(&stored.trace) })
    }
}

fn fields(trace: &TraceContext) -> Map<String, Value> {
    trace.fields().map(|(name, value)| (name.to_owned(), value.into())).collect()
}

fn request_id(id: &TaskId) -> rmcp::model::RequestId {
    rmcp::model::NumberOrString::String(id.as_str().into())
}
