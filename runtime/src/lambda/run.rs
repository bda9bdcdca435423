//! The loop: one invocation after another, or as many at once as the environment is set to.

use std::{convert::Infallible, sync::Arc, time::Duration};

use futures::{FutureExt, future::BoxFuture};
use http::{Request, Response};
use http_body_util::{BodyExt, Collected};
use lambda_runtime::{Diagnostic, LambdaEvent, Runtime};
use serde_json::value::RawValue;
use tower::{ServiceExt, service_fn};

use super::{
    direct,
    invocation::{FrontKind, Invocation, classify},
    request,
    response::{self, Output},
};
use crate::{
    app::App,
    config::ResponseMode,
    dispatch::Delivery,
    error::Error,
    http::{Body, Front, HostCheck, McpService, bad_request},
    stream::Deadline,
};

/// What is kept back of an invocation's time for the last bytes, so that a request ends itself before Lambda does.
const MARGIN: Duration = Duration::from_secs(2);
/// The life of a stream that waits for events: on Lambda each of its seconds is billed.
const STREAM_LIFE: Duration = Duration::from_secs(60);

/// Serves the Lambda Runtime API until the environment is shut down.
pub(crate) async fn run(app: Arc<App>, service: McpService) -> Result<(), Error> {
    let shutdown = app.shutdown.clone();
    lambda_runtime::spawn_graceful_shutdown_handler(async move || shutdown.cancel()).await;
    let handler = service_fn(move |event: LambdaEvent<Box<RawValue>>| {
        let invoked = Invoked { app: Arc::clone(&app), service: service.clone() };
        Box::pin(invoked.answer(event)) as BoxFuture<'static, Result<Output, Diagnostic>>
    });
    Runtime::new(handler).run_concurrent().await.map_err(Error::Lambda)
}

struct Invoked {
    app: Arc<App>,
    service: McpService,
}

/// What an event asks for, read and owned: nothing borrows from the event while it is served.
enum Work {
    Http { request: Result<Request<Body>, request::BadRequest>, front: FrontKind },
    Direct(Request<Body>),
    Nothing,
}

impl Invoked {
    async fn answer(self, event: LambdaEvent<Box<RawValue>>) -> Result<Output, Diagnostic> {
        let deadline = self.deadline(event.context.deadline);
        let custom = event.context.client_context.as_ref().map(|context| &context.custom);
        let is_agent_core = custom.is_some_and(|custom| custom.contains_key("bedrockAgentCoreToolName"));
        let work = self.read(event.payload.get(), is_agent_core)?;
        drop(event);
        Ok(match work {
            Work::Http { request, front } => self.http(request, front, deadline).await,
            Work::Direct(request) => self.direct(request, deadline).await,
            Work::Nothing => response::raw("{}".into()),
        })
    }

    fn read(&self, event: &str, is_agent_core: bool) -> Result<Work, Diagnostic> {
        match classify(event, is_agent_core).map_err(|error| refuse("InvalidEvent", error.to_string()))? {
            Invocation::Http(event, front) => Ok(Work::Http { request: request::request(&event, front), front }),
            Invocation::Direct => Ok(Work::Direct(direct::request(&self.app.config.path, event))),
            Invocation::Completion | Invocation::WarmUp => Ok(Work::Nothing),
            Invocation::NotConfigured(kind) => Err(refuse(
                "NotConfigured",
                format!("this function is not configured to serve {} events", kind.name()),
            )),
            Invocation::Unknown(keys) => Err(refuse(
                "UnknownEvent",
                format!("the event is of no kind this server knows; its top-level keys are {}", keys.join(", ")),
            )),
        }
    }

    /// Our own deadline, since Managed Instances do not stop us at theirs.
    fn deadline(&self, deadline_ms: u64) -> Deadline {
        let left = Duration::from_millis(deadline_ms.saturating_sub(self.app.clock.now().0));
        Deadline::after(left.saturating_sub(MARGIN.min(left / 4)))
    }

    async fn http(
        self,
        request: Result<Request<Body>, request::BadRequest>,
        front: FrontKind,
        deadline: Deadline,
    ) -> Output {
        let delivery = delivery(self.app.config.response_mode, front);
        let answer = match request {
            Ok(request) => self.serve(request, deadline, delivery).await,
            Err(error) => {
                tracing::warn!(%error, "a request was refused");
                bad_request(&error.to_string())
            }
        };
        match delivery {
            Delivery::Stream => response::streamed(answer),
            Delivery::Buffered => response::buffered(answer, front).await,
        }
    }

    async fn direct(self, request: Request<Body>, deadline: Deadline) -> Output {
        let answer = self.serve(request, deadline, Delivery::Buffered).await;
        let body = answer.into_body().collect().await.map(Collected::to_bytes).unwrap_or_default();
        response::raw(body)
    }

    async fn serve(
        self,
        mut request: Request<Body>,
        deadline: Deadline,
        delivery: Delivery,
    ) -> Response<Body> {
        // AWS routes by host name before it invokes us: there is no other name we could be called by.
        let front = Front { deadline, delivery, stream_life: STREAM_LIFE, host: HostCheck::Routed };
        request.extensions_mut().insert(front);
        // Boxed by name: rustc cannot see through the body's trait object that the plain future is Send.
        let answer: BoxFuture<'static, Result<Response<Body>, Infallible>> = self.service.oneshot(request).boxed();
        match answer.await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}

/// Streams only where the front certainly passes bytes on: HTTP APIs and load balancers never do, a Function URL is
/// taken to stream unless told otherwise, a REST API only when told so.
fn delivery(mode: ResponseMode, front: FrontKind) -> Delivery {
    match (front, mode) {
        (FrontKind::Alb { .. } | FrontKind::HttpApi, _)
        | (_, ResponseMode::Buffered)
        | (FrontKind::RestApi, ResponseMode::Auto) => Delivery::Buffered,
        (FrontKind::FunctionUrl | FrontKind::RestApi, ResponseMode::Stream)
        | (FrontKind::FunctionUrl, ResponseMode::Auto) => Delivery::Stream,
    }
}

/// An invocation that fails: asynchronous senders retry it, and then keep it in their dead-letter queue.
fn refuse(kind: &str, message: String) -> Diagnostic {
    tracing::error!(kind, message, "an invocation was refused");
    Diagnostic { error_type: kind.to_owned(), error_message: message }
}
