//! Results of tools that are larger than a response may be: their largest parts are moved to a store, and the client receives
//! links to them.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, TryStreamExt, future::BoxFuture, stream};
use rmcp::{
    ErrorData,
    model::{ClientRequest, CustomResult, ServerResult},
};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Handler, HandlerError, HandlerResult, Layer, Request};
use crate::{
    auth::Principal,
    error::Causes,
    json_size::json_size,
    protocol::{Era, SessionVersion},
    random,
    results::{MovedParts, Part, ResultPart, ResultStore, Structured},
    time::Clock,
};

/// How many parts of a result are written at a time.
const AT_A_TIME: usize = 4;

/// Where large results go, and which they are.
#[derive(Debug, Clone)]
pub(crate) struct LargeResultParts {
    pub(crate) store: Arc<dyn ResultStore>,
    /// The largest result that is returned as it is, in bytes of its JSON.
    pub(crate) limit: usize,
    pub(crate) clock: Clock,
}

/// The layer. It is inside of tasks, so that their results are moved before they are stored.
pub(super) struct LargeResults {
    inner: Arc<dyn Handler>,
    parts: LargeResultParts,
}

/// What is known of a call before its result.
struct CallDetails {
    principal: Principal,
    structured: Structured,
    has_links: bool,
}

impl LargeResults {
    pub(super) fn new(inner: Arc<dyn Handler>, parts: LargeResultParts) -> Self {
        Self { inner, parts }
    }

    fn details(&self, request: &Request, tool: &str) -> CallDetails {
        // A tool that is not found by its name may have a schema.
        let has_no_schema = self.inner.tool(tool).is_some_and(|tool| tool.output_schema.is_none());
        let version = request.context.peer.peer_info();
        let version = version.and_then(|client| SessionVersion::parse(client.protocol_version.as_str()));
        CallDetails {
            principal: request.principal.clone(),
            structured: if has_no_schema { Structured::Moves } else { Structured::Stays },
            has_links: request.era == Era::Stateless || version != Some(SessionVersion::V2025_03_26),
        }
    }

    async fn reduced(&self, result: ServerResult, details: &CallDetails) -> HandlerResult {
        match result {
            ServerResult::CallToolResult(called) if self.is_large(&called) => {
                let mut value = serde_json::to_value(called).map_err(|error| failed(&error))?;
                self.reduce(&mut value, details).await?;
                let called = serde_json::from_value(value).map_err(|error| failed(&error))?;
                Ok(ServerResult::CallToolResult(called))
            }
            ServerResult::CustomResult(CustomResult(mut value)) if self.is_large(&value) => {
                self.reduce(&mut value, details).await?;
                Ok(ServerResult::CustomResult(CustomResult(value)))
            }
            result => Ok(result),
        }
    }

    fn is_large<T: serde::Serialize>(&self, result: &T) -> bool {
        json_size(result).is_ok_and(|size| size > self.parts.limit)
    }

    async fn reduce(&self, result: &mut Value, details: &CallDetails) -> Result<(), HandlerError> {
        let LargeResultParts { store, limit, clock } = &self.parts;
        let moved = MovedParts::of(result, *limit, details.structured).map_err(|error| failed(&error))?;
        let Some(moved) = moved else { return Ok(()) };
        let until = clock.now().plus(store.lifetime().saturating_sub(Duration::from_secs(1))).to_rfc3339();
        let (folder, id) = (folder(&details.principal), random::token());
        let write = |part: &Part| {
            store.put(ResultPart {
                folder: folder.clone(),
                name: format!("{id}/{}", part.name),
                media_type: part.media_type.clone(),
                content: part.content.clone(),
            })
        };
        let writes: Vec<_> = moved.0.iter().map(write).collect();
        let links = stream::iter(writes).buffered(AT_A_TIME).try_collect::<Vec<_>>().await;
        let links = links.map_err(|error| {
            tracing::error!("a large result could not be stored: {}", Causes(&*error));
            let text = "the result is too large for a response and could not be stored; the call may have had effects";
            HandlerError::Handler(ErrorData::internal_error(text, None))
        })?;
        moved.replace(result, &links, details.has_links, &until);
        Ok(())
    }
}

impl Layer for LargeResults {
    fn inner(&self) -> &dyn Handler {
        &*self.inner
    }

    fn request(&self, request: Request) -> BoxFuture<'_, HandlerResult> {
        let ClientRequest::CallToolRequest(call) = &request.typed else { return self.inner.request(request) };
        let details = self.details(&request, &call.params.name);
        Box::pin(async move {
            let result = self.inner.request(request).await?;
            self.reduced(result, &details).await
        })
    }
}

/// The folder of a principal: its digest, since names of objects are in logs.
fn folder(principal: &Principal) -> String {
    Sha256::digest(principal.key()).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

fn failed(error: &dyn std::error::Error) -> HandlerError {
    tracing::error!("a large result could not be read: {}", Causes(error));
    HandlerError::Handler(ErrorData::internal_error("internal error", None))
}
