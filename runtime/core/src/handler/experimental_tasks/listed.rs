//! Which tools run as tasks, as `tools/list` of 2025-11-25 says it.

use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt};
use rmcp::{
    ErrorData,
    model::{ClientRequest, ServerResult},
};
use serde_json::json;

use super::custom;
use crate::{
    handler::{Handler, HandlerResult, Layer, Request, tasks::TaskTools},
    protocol::Era,
    tasks::experimental,
};

/// The layer: `tools/list` says with `execution.taskSupport` which tools run as tasks. It is around those that read the
/// list, since rmcp's type of a tool has no such field.
pub(in crate::handler) struct TaskSupportListed {
    inner: Arc<dyn Handler>,
    tools: TaskTools,
}

impl TaskSupportListed {
    pub(in crate::handler) fn new(inner: Arc<dyn Handler>, tools: TaskTools) -> Self {
        Self { inner, tools }
    }

    fn list(&self, page: &ServerResult) -> Result<ServerResult, ErrorData> {
        let mut json = serde_json::to_value(page).map_err(|error| {
            ErrorData::internal_error(format!("the list of tools is no JSON: {error}"), None)
        })?;
        for tool in json["tools"].as_array_mut().into_iter().flatten() {
            let support = tool["name"].as_str().and_then(|name| self.tools.get(name));
            if let Some(support) = support.and_then(|support| experimental::tool_support(*support)) {
                tool["execution"] = json!({ "taskSupport": support });
            }
        }
        Ok(custom(json))
    }
}

impl Layer for TaskSupportListed {
    fn inner(&self) -> &dyn Handler {
        &*self.inner
    }

    fn request(&self, request: Request) -> BoxFuture<'_, HandlerResult> {
        let lists = matches!(request.typed, ClientRequest::ListToolsRequest(_));
        if request.era != Era::Session || !lists || !request.has_experimental_tasks() {
            return self.inner.request(request);
        }
        let result = self.inner.request(request);
        result.map(|result| Ok(self.list(&result?)?)).boxed()
    }
}
