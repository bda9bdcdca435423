//! The server that every host runs: a tool that answers, one that reports its progress first, and one that tells what it
//! sees of its invocation. A layer breaks the response of a request that asks for it.

use futures::{FutureExt, StreamExt, TryFutureExt, future::BoxFuture, stream};
use http::{Request, Response};
use http_body_util::{BodyExt, BodyStream, StreamBody};
use mcp_lambda_server::{
    Body, McpContext,
    http::BoxError,
    rmcp::{
        RoleServer,
        handler::server::wrapper::Parameters,
        model::ProgressNotificationParam,
        schemars,
        service::{RequestContext, ServiceError},
    },
};
use rmcp::{tool, tool_router};
use serde_json::json;
use tower::{ServiceExt, service_fn, util::BoxCloneSyncService};

/// A message to return.
#[derive(serde::Deserialize, schemars::JsonSchema)]
pub struct Echo {
    message: String,
}

/// The handler.
#[derive(Debug, Clone)]
pub struct Hosted;

#[tool_router(server_handler)]
impl Hosted {
    #[tool(description = "Returns its message")]
    async fn echo(&self, Parameters(Echo { message }): Parameters<Echo>) -> String {
        message
    }

    #[tool(description = "What it sees of its invocation, but for the deadline")]
    async fn witness(&self, context: RequestContext<RoleServer>) -> String {
        let seen = context.invocation();
        json!({
            "requestId": seen.map(|seen| seen.request_id()),
            "arn": seen.and_then(|seen| seen.invoked_arn()),
            "trace": seen.and_then(|seen| seen.trace_header()),
            "tenant": seen.and_then(|seen| seen.tenant_id()),
            "clientContext": seen.and_then(|seen| seen.client_context()),
            "hasDeadline": seen.is_some_and(|seen| seen.deadline().is_some()),
            "traceHeader": context.http().and_then(|head| head.headers.get("x-amzn-trace-id")?.to_str().ok()),
        })
        .to_string()
    }

    #[tool(
        description = "Reports its progress twice, then the key of the caller and the seconds that it may take"
    )]
    async fn steps(&self, context: RequestContext<RoleServer>) -> Result<String, rmcp::ErrorData> {
        if let Some(token) = context.meta.get_progress_token() {
            for step in [1.0, 2.0] {
                let progress = ProgressNotificationParam::new(token.clone(), step);
                context.peer.notify_progress(progress).await.map_err(lost)?;
            }
        }
        let seconds = context.deadline().map_or(0, |deadline| deadline.budget().as_secs());
        Ok(format!("{} {seconds}", context.principal().key()))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the signature of map_err")]
fn lost(error: ServiceError) -> rmcp::ErrorData {
    rmcp::ErrorData::internal_error(error.to_string(), None)
}

type Inner = BoxCloneSyncService<Request<Body>, Response<Body>, BoxError>;

/// Breaks the response of a request with `X-Break` after its first frame.
#[must_use]
pub fn breaking(inner: Inner) -> Inner {
    BoxCloneSyncService::new(service_fn(move |request: Request<Body>| {
        let breaks = request.headers().contains_key("x-break");
        let answer: BoxFuture<'static, Result<Response<Body>, BoxError>> =
            inner.clone().oneshot(request).boxed();
        answer.map_ok(move |response| if breaks { response.map(broken) } else { response })
    }))
}

fn broken(body: Body) -> Body {
    let error = stream::once(async { Err(BoxError::from("it breaks, as asked")) });
    StreamBody::new(BodyStream::new(body).take(1).chain(error)).boxed_unsync()
}

/// What both hosts run before a snapshot and after a restore: a hook that fails if its variable is set.
///
/// # Errors
///
/// If the variable is `fails`.
#[expect(clippy::disallowed_methods, reason = "a test sets it")]
pub async fn hook(variable: &'static str) -> Result<(), BoxError> {
    match std::env::var(variable) {
        Ok(value) if value == "fails" => Err(format!("{variable} is out of luck").into()),
        _ => Ok(()),
    }
}
