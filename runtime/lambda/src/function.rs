//! One invocation, from its event to its response.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures::FutureExt;
use http::{HeaderName, HeaderValue, Method, Request, Response};
use http_body_util::{BodyExt, Collected};

use super::{
    agentcore,
    authorizer::AuthorizerRequest,
    classify::{IngressKind, Invocation},
    deadline::deadline,
    error::InvocationError,
    events,
    gateway_details::gateway_details,
    invocation_line::InvocationLine,
    invocation_request::InvocationRequest,
    request,
    response::{self, ResponsePayload},
    roles::{EventKind, Roles},
    self_test::SelfTest,
    task_action::TaskAction,
    worker,
};
use mcp_lambda_core::{
    Delivery, GatewayDetails, HostCheck, Ingress, Invocation as LambdaInvocation, InvocationDetails,
    QueueWorker, Server,
    auth::Principal,
    config::ResponseMode,
    error::Causes,
    events::InboundEvent,
    http::{Body, bad_request, full, request_of_message},
    time::Deadline,
};

/// The lifetime of a stream that waits for events: Lambda bills each second of it.
const STREAM_LIFETIME: Duration = Duration::from_secs(60);

const TRACE_ID: HeaderName = HeaderName::from_static("x-amzn-trace-id");

/// The server as a Lambda function: it answers the events of its roles.
#[derive(Clone)]
pub(super) struct Function {
    pub(super) server: Server,
    roles: Roles,
    /// Whether no event has been answered yet.
    is_cold: Arc<AtomicBool>,
}

/// The content of an event, without borrows: its payload is freed before the event is answered.
enum Content {
    Http {
        request: Result<Request<Body>, request::BadRequest>,
        ingress: IngressKind,
        gateway: GatewayDetails,
    },
    DirectInvoke(Request<Body>),
    AgentCore(Request<Body>),
    SelfTest(SelfTest),
    Events(EventKind, Vec<InboundEvent>),
    Records(Vec<worker::Record>),
    TaskAction(TaskAction),
    Authorizer(AuthorizerRequest),
    /// An event that needs no action.
    Empty(EventKind),
}

impl Content {
    /// The line of the invocation. `None`: its request has one.
    fn line(&self, details: &InvocationDetails) -> Option<InvocationLine> {
        let (kind, records) = match self {
            Self::Http { .. } | Self::DirectInvoke(_) | Self::AgentCore(_) => return None,
            Self::SelfTest(_) => (EventKind::SelfTest, None),
            Self::Events(kind, events) => (*kind, Some(events.len())),
            Self::Records(records) => (EventKind::Sqs, Some(records.len())),
            Self::TaskAction(_) => (EventKind::TaskAction, None),
            Self::Authorizer(_) => (EventKind::Authorizer, None),
            Self::Empty(kind) => (*kind, None),
        };
        InvocationLine::begin(details, Some(kind), records)
    }
}

/// What Lambda sends with an event.
#[derive(Clone)]
struct InvocationContext {
    deadline: Deadline,
    trace_id: Option<HeaderValue>,
    details: InvocationDetails,
}

impl Function {
    pub(super) fn new(server: Server) -> Self {
        Self { roles: Roles::of(&server), is_cold: Arc::new(AtomicBool::new(true)), server }
    }

    /// Whether the next event is the first one of the environment, once.
    pub(super) fn take_cold_start(&self) -> bool {
        self.is_cold.load(Ordering::Relaxed) && self.is_cold.swap(false, Ordering::Relaxed)
    }

    pub(super) async fn answer(self, request: InvocationRequest) -> Result<ResponsePayload, InvocationError> {
        let read = self.read(&request);
        let line = match &read {
            Ok(content) => content.line(&request.details),
            // An event that is refused is read once more, for its kind.
            Err(_) => InvocationLine::begin(&request.details, request.kind(), None),
        };
        let answered = match read {
            Ok(content) => self.answer_content(content, request).await,
            Err(error) => Err(error),
        };
        if let Some(line) = line {
            line.write(answered.as_ref().err());
        }
        answered
    }

    async fn answer_content(
        self,
        content: Content,
        request: InvocationRequest,
    ) -> Result<ResponsePayload, InvocationError> {
        let InvocationRequest { details, payload } = request;
        drop(payload);
        let now = self.server.clock().now();
        let context = InvocationContext {
            deadline: deadline(details.deadline, now, self.server.config().request_timeout),
            trace_id: details.trace_header.clone(),
            details,
        };
        Ok(match content {
            Content::Http { request, ingress, gateway } => {
                let mut context = context;
                context.details.gateway = gateway;
                self.http(request, ingress, context).await
            }
            Content::DirectInvoke(request) => self.direct(request, context).await,
            Content::AgentCore(request) => {
                let response = self.serve_message(request, context).await;
                ResponsePayload::Buffered(agentcore::result(response).await?)
            }
            Content::SelfTest(test) => {
                let serve = |request| self.clone().serve_message(request, context.clone()).boxed();
                ResponsePayload::Buffered(test.run(&self.server.config().path, &serve).await?)
            }
            Content::Events(_, events) => self.receive(events, context).await?,
            Content::Records(records) => {
                let worker = self.queue_worker()?;
                ResponsePayload::Buffered(worker::work(worker, records, context.deadline).await)
            }
            Content::TaskAction(action) => {
                ResponsePayload::Buffered(action.run(self.queue_worker()?, context.deadline).await?)
            }
            Content::Authorizer(request) => {
                let response = request.answer(self.server.authenticator(), context.deadline).await?;
                ResponsePayload::Buffered(response)
            }
            Content::Empty(_) => ResponsePayload::Buffered(Bytes::from_static(b"{}")),
        })
    }

    fn read(&self, request: &InvocationRequest) -> Result<Content, InvocationError> {
        let invalid = |message| InvocationError { kind: "InvalidEvent", message };
        let event = request.text()?;
        let invocation = request.classify()?;
        if let Some(kind) = invocation.kind() {
            self.roles.check(kind)?;
        }
        let events = |kind, events: Result<_, events::InvalidEvent>| {
            events.map(|events| Content::Events(kind, events)).map_err(|error| invalid(error.to_string()))
        };
        match invocation {
            Invocation::Http(event, ingress) => {
                let gateway = gateway_details(&event);
                Ok(Content::Http { request: request::request(&event, ingress), ingress, gateway })
            }
            Invocation::DirectInvoke => {
                let message = Bytes::copy_from_slice(event.as_bytes());
                let path = &self.server.config().path;
                Ok(Content::DirectInvoke(request_of_message(path, message, Principal::invoker())))
            }
            Invocation::Authorizer => AuthorizerRequest::read(event).map(Content::Authorizer),
            Invocation::Sns => events(EventKind::Sns, events::sns(event)),
            Invocation::EventBridge => {
                events(EventKind::EventBridge, events::event_bridge(event).map(|event| vec![event]))
            }
            Invocation::Sqs => worker::records(event).map(Content::Records),
            Invocation::TaskAction => TaskAction::read(event).map(Content::TaskAction),
            Invocation::AgentCore => {
                let context = request.details.client_context.as_deref().unwrap_or_default();
                agentcore::request(&self.server.config().path, event, context).map(Content::AgentCore)
            }
            Invocation::SelfTest => SelfTest::read(event).map(Content::SelfTest),
            Invocation::Completion => Ok(Content::Empty(EventKind::Completion)),
            Invocation::WarmUp => Ok(Content::Empty(EventKind::WarmUp)),
            Invocation::Unknown(keys) => {
                Err(InvocationError { kind: "UnknownEvent", message: unknown(&keys) })
            }
        }
    }

    /// `Roles::check` has refused events of tasks already where there is none.
    fn queue_worker(&self) -> Result<&QueueWorker, InvocationError> {
        self.server.queue_worker().ok_or_else(without_role)
    }

    /// Appends the events to the log. If one of them is not stored, the invocation fails and Lambda retries all of them;
    /// the log recognises those that it has already.
    async fn receive(
        self,
        events: Vec<InboundEvent>,
        context: InvocationContext,
    ) -> Result<ResponsePayload, InvocationError> {
        for event in events {
            let id = event.source_id.clone();
            let appended =
                tokio::time::timeout_at(context.deadline.instant(), self.server.events().receive(event))
                    .await;
            let not_stored = |message| InvocationError { kind: "EventNotStored", message };
            match appended {
                Ok(Ok(appended)) => tracing::debug!(id, ?appended, "an event was appended"),
                Ok(Err(error)) => {
                    tracing::error!(error = %Causes(&error), id, "an event was not stored");
                    return Err(not_stored(format!("event {id} was not stored: {error}")));
                }
                Err(_) => return Err(not_stored(format!("event {id} was not stored in time"))),
            }
        }
        Ok(ResponsePayload::Buffered(Bytes::from_static(b"{}")))
    }

    async fn http(
        self,
        request: Result<Request<Body>, request::BadRequest>,
        ingress: IngressKind,
        context: InvocationContext,
    ) -> ResponsePayload {
        let delivery = delivery(self.server.config().response_mode, ingress);
        let answer = match request {
            Ok(request) => self.serve(request, context, delivery).await,
            Err(error) => {
                tracing::warn!(%error, "a gateway sent an event that is not a valid HTTP request");
                bad_request(&error.to_string())
            }
        };
        match delivery {
            Delivery::Stream => response::streamed(answer).await,
            Delivery::Buffered => response::buffered(answer, ingress).await,
        }
    }

    async fn direct(self, request: Request<Body>, context: InvocationContext) -> ResponsePayload {
        let answer = self.serve_message(request, context).await;
        let body = answer.into_body().collect().await.map(Collected::to_bytes).unwrap_or_default();
        response::raw(body)
    }

    /// Serves a message that came without HTTP.
    async fn serve_message(self, request: Request<Body>, context: InvocationContext) -> Response<Body> {
        self.serve(request, context, Delivery::Buffered).await
    }

    async fn serve(
        self,
        mut request: Request<Body>,
        context: InvocationContext,
        delivery: Delivery,
    ) -> Response<Body> {
        let InvocationContext { deadline, trace_id, details } = context;
        // The gateway has routed the request by its host name.
        let ingress = Ingress {
            deadline,
            delivery,
            stream_lifetime: STREAM_LIFETIME,
            host: HostCheck::Routed,
            client: request.extensions().get::<request::ClientAddress>().map(|client| client.0),
        };
        request.extensions_mut().insert(ingress);
        request.extensions_mut().insert(LambdaInvocation::new(details));
        // The gateway's header names the gateway's segment of the trace; the request belongs to that of the invocation.
        if let Some(trace_id) = trace_id {
            request.headers_mut().insert(TRACE_ID, trace_id);
        }
        let is_head = *request.method() == Method::HEAD;
        let response = self.server.handle(request).await;
        // A gateway passes on what it is given; a response to HEAD has no body.
        if is_head { response.map(|_| full(Bytes::new())) } else { response }
    }
}

/// An event of no known kind. It may be the arguments of a tool, which an AgentCore Gateway sends with a client context.
fn unknown(keys: &[String]) -> String {
    let keys = if keys.is_empty() { "none".to_owned() } else { keys.join(", ") };
    format!(
        "the event is of an unknown kind; its top-level keys are {keys}. As arguments of a tool it names none: Missing \
         bedrockAgentCoreToolName in context"
    )
}

fn without_role() -> InvocationError {
    InvocationError::new("InvalidEvent", "the event has no role")
}

/// How a gateway delivers the response: HTTP APIs and load balancers never stream, a Function URL streams unless
/// `MCP_RESPONSE_MODE` is `buffered`, and a REST API streams only if it is `stream`.
fn delivery(mode: ResponseMode, ingress: IngressKind) -> Delivery {
    match (ingress, mode) {
        (IngressKind::Alb { .. } | IngressKind::HttpApi, _)
        | (_, ResponseMode::Buffered)
        | (IngressKind::RestApi, ResponseMode::Auto) => Delivery::Buffered,
        (IngressKind::FunctionUrl | IngressKind::RestApi, ResponseMode::Stream)
        | (IngressKind::FunctionUrl, ResponseMode::Auto) => Delivery::Stream,
    }
}
