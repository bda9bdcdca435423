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
}

impl StoredCall {
    /// Returns the name of the tool and the stored call of a request.
    pub(super) fn of(request: &Request) -> Result<(String, String), Fault> {
        let ClientRequest::CallToolRequest(call) = &request.typed else { return Err(Fault::Internal) };
        let unwritable = |_: serde_json::Error| Fault::Internal;
        let mut params = call.params.clone();
        params.meta = Some(request.context.meta.clone());
        let stored = Self {
            params: serde_json::value::to_raw_value(&params).map_err(unwritable)?,
            scopes: request.principal.scopes().to_vec(),
            attributes: request.principal.attributes().clone(),
        };
        Ok((call.params.name.to_string(), serde_json::to_string(&stored).map_err(unwritable)?))
    }

    /// Returns the request of a task, and its caller.
    pub(super) fn restore(task: &Task) -> Result<(protocol::Request, ClientRequest, Principal), Fault> {
        let stored: Self = serde_json::from_str(&task.call).map_err(|_| Fault::Internal)?;
        let request = protocol::Request {
            id: request_id(&task.id),
            method: Method::CallTool,
            params: Params::from_text(stored.params.get()),
        };
        let typed = typed_params(&request)?;
        let caller = task.owner.clone().with_scopes(stored.scopes).with_attributes(stored.attributes);
        Ok((request, typed, caller))
    }
}

fn request_id(id: &TaskId) -> rmcp::model::RequestId {
    rmcp::model::NumberOrString::String(id.as_str().into())
}
