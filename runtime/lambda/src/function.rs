//! One invocation: from its event to what Lambda is told.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Collected};
use serde::{Deserialize, de::IgnoredAny};

use super::{
    authorizer::AuthorizerRequest,
    classify::{IngressKind, Invocation, Named, classify},
    direct, events, request,
    response::{self, InvocationResponse},
    roles::Roles,
    runtime_api::{Event, InvocationError},
};
use mcp_lambda_core::{
    Delivery, HostCheck, Ingress, Server,
    config::ResponseMode,
    error::Causes,
    events::InboundEvent,
    http::{Body, bad_request},
    time::Deadline,
};

/// What is kept back of an invocation's time for the last bytes, so that a request ends itself before Lambda does.
const MARGIN: Duration = Duration::from_secs(2);
/// The life of a stream that waits for events: on Lambda each of its seconds is billed.
const STREAM_LIFE: Duration = Duration::from_secs(60);

const TRACE_ID: HeaderName = HeaderName::from_static("x-amzn-trace-id");

/// One server, as the function of every kind of event that its roles serve.
#[derive(Clone)]
pub(super) struct Function {
    pub(super) server: Server,
    roles: Roles,
}

/// An event, read and owned: nothing borrows from its payload while it is served.
enum Work {
    Http { request: Result<Request<Body>, request::BadRequest>, ingress: IngressKind },
    DirectInvoke(Request<Body>),
    Events(Vec<InboundEvent>),
    Authorizer(AuthorizerRequest),
    Nothing,
}

/// How a request is to be answered.
struct InvocationContext {
    deadline: Deadline,
    trace_id: Option<HeaderValue>,
}

impl Function {
    pub(super) fn new(server: Server) -> Self {
        Self { roles: Roles::of(&server), server }
    }

    pub(super) async fn answer(self, event: Event) -> Result<InvocationResponse, InvocationError> {
        let context =
            InvocationContext { deadline: self.deadline(event.deadline_ms), trace_id: event.trace_id };
        let is_agent_core = event.client_context.as_deref().map_or(Ok(false), is_agent_core)?;
        let work = self.read(&event.payload, is_agent_core)?;
        drop(event.payload);
        Ok(match work {
            Work::Http { request, ingress } => self.http(request, ingress, context).await,
            Work::DirectInvoke(request) => self.direct(request, context).await,
            Work::Events(events) => self.receive(events, context).await?,
            Work::Authorizer(request) => {
                let response = request.answer(self.server.authenticator(), context.deadline).await?;
                InvocationResponse::Buffered(response)
            }
            Work::Nothing => InvocationResponse::Buffered(Bytes::from_static(b"{}")),
        })
    }

    fn read(&self, event: &[u8], is_agent_core: bool) -> Result<Work, InvocationError> {
        let invalid = |message| InvocationError { kind: "InvalidEvent", message };
        let event =
            std::str::from_utf8(event).map_err(|error| invalid(format!("the event is not text: {error}")))?;
        let invocation = classify(event, is_agent_core).map_err(|error| invalid(error.to_string()))?;
        if let Some(kind) = invocation.kind() {
            self.roles.check(kind)?;
        }
        let events = |events: Result<_, events::InvalidEvent>| {
            events.map(Work::Events).map_err(|error| invalid(error.to_string()))
        };
        match invocation {
            Invocation::Http(event, ingress) => {
                Ok(Work::Http { request: request::request(&event, ingress), ingress })
            }
            Invocation::DirectInvoke => {
                Ok(Work::DirectInvoke(direct::request(&self.server.config().path, event)))
            }
            Invocation::Authorizer => AuthorizerRequest::read(event).map(Work::Authorizer),
            Invocation::Sns => events(events::sns(event)),
            Invocation::EventBridge => events(events::event_bridge(event).map(|event| vec![event])),
            // The roles have refused these.
            Invocation::Sqs | Invocation::AgentCore => Err(invalid("the event has no role".to_owned())),
            Invocation::Completion | Invocation::WarmUp => Ok(Work::Nothing),
            Invocation::Unknown(keys) => Err(InvocationError {
                kind: "UnknownEvent",
                message: format!(
                    "the event is of no kind that this server knows; its top-level keys are {}",
                    keys.join(", ")
                ),
            }),
        }
    }

    /// Our own deadline, since Managed Instances do not stop us at theirs.
    fn deadline(&self, deadline_ms: Option<u64>) -> Deadline {
        let Some(deadline_ms) = deadline_ms else {
            return Deadline::after(self.server.config().request_timeout);
        };
        let left = Duration::from_millis(deadline_ms.saturating_sub(self.server.clock().now().as_millis()));
        Deadline::after(left.saturating_sub(MARGIN.min(left / 4)))
    }

    /// Success says that every event is in the log. Whatever else happens, the delivery fails and comes again; those
    /// that had been appended are known then.
    async fn receive(
        self,
        events: Vec<InboundEvent>,
        context: InvocationContext,
    ) -> Result<InvocationResponse, InvocationError> {
        for event in events {
            let id = event.source_id.clone();
            let appended =
                tokio::time::timeout_at(context.deadline.instant(), self.server.events().receive(event))
                    .await;
            let not_stored = |message| InvocationError { kind: "EventNotStored", message };
            match appended {
                Ok(Ok(appended)) => tracing::debug!(id, ?appended, "an event was taken in"),
                Ok(Err(error)) => {
                    tracing::error!(error = %Causes(&error), id, "an event was not stored");
                    return Err(not_stored(format!("event {id} was not stored: {error}")));
                }
                Err(_) => return Err(not_stored(format!("event {id} was not stored in time"))),
            }
        }
        Ok(InvocationResponse::Buffered(Bytes::from_static(b"{}")))
    }

    async fn http(
        self,
        request: Result<Request<Body>, request::BadRequest>,
        ingress: IngressKind,
        context: InvocationContext,
    ) -> InvocationResponse {
        let delivery = delivery(self.server.config().response_mode, ingress);
        let answer = match request {
            Ok(request) => self.serve(request, context, delivery).await,
            Err(error) => {
                tracing::warn!(%error, "a request was refused");
                bad_request(&error.to_string())
            }
        };
        match delivery {
            Delivery::Stream => response::streamed(answer).await,
            Delivery::Buffered => response::buffered(answer, ingress).await,
        }
    }

    async fn direct(self, request: Request<Body>, context: InvocationContext) -> InvocationResponse {
        let answer = self.serve(request, context, Delivery::Buffered).await;
        let body = answer.into_body().collect().await.map(Collected::to_bytes).unwrap_or_default();
        response::raw(body)
    }

    async fn serve(
        self,
        mut request: Request<Body>,
        context: InvocationContext,
        delivery: Delivery,
    ) -> Response<Body> {
        let InvocationContext { deadline, trace_id } = context;
        // AWS routes by host name before it invokes us: there is no other name we could be called by.
        let ingress = Ingress { deadline, delivery, stream_lifetime: STREAM_LIFE, host: HostCheck::Routed };
        request.extensions_mut().insert(ingress);
        // The front's header names the front's segment; what happens here belongs to the invocation's.
        if let Some(trace_id) = trace_id {
            request.headers_mut().insert(TRACE_ID, trace_id);
        }
        self.server.handle(request).await
    }
}

/// AgentCore Gateway says in the client context which tool it calls. Whoever may invoke the function directly may
/// send any context: one that cannot be read fails its own invocation and nothing else.
fn is_agent_core(context: &[u8]) -> Result<bool, InvocationError> {
    #[derive(Deserialize)]
    struct ClientContext<'a> {
        #[serde(borrow, default)]
        custom: Option<Named<'a, IgnoredAny>>,
    }
    let context: ClientContext<'_> = serde_json::from_slice(context).map_err(|error| InvocationError {
        kind: "InvalidClientContext",
        message: format!("the client context cannot be read: {error}"),
    })?;
    Ok(context.custom.is_some_and(|custom| custom.contains_key("bedrockAgentCoreToolName")))
}

/// Streams only where the front certainly passes bytes on: HTTP APIs and load balancers never do, a Function URL is
/// taken to stream unless told otherwise, a REST API only when told so.
fn delivery(mode: ResponseMode, ingress: IngressKind) -> Delivery {
    match (ingress, mode) {
        (IngressKind::Alb { .. } | IngressKind::HttpApi, _)
        | (_, ResponseMode::Buffered)
        | (IngressKind::RestApi, ResponseMode::Auto) => Delivery::Buffered,
        (IngressKind::FunctionUrl | IngressKind::RestApi, ResponseMode::Stream)
        | (IngressKind::FunctionUrl, ResponseMode::Auto) => Delivery::Stream,
    }
}
