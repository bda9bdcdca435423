//! One invocation: from its event to what Lambda is told.

use std::{convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{FutureExt, future::BoxFuture};
use http::{HeaderName, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Collected};
use serde::{Deserialize, de::IgnoredAny};
use tower::ServiceExt;

use super::{
    api::{Event, Refusal},
    authorizer, direct,
    invocation::{IngressKind, Invocation, Kind, Named, classify},
    request,
    response::{self, Output},
};
use crate::{
    config::ResponseMode,
    dispatch::App,
    error::Causes,
    events::incoming::{self, Incoming},
    http::{Body, McpService, bad_request},
    ingress::{Delivery, HostCheck, Ingress},
    stream::Deadline,
};

/// What is kept back of an invocation's time for the last bytes, so that a request ends itself before Lambda does.
const MARGIN: Duration = Duration::from_secs(2);
/// The life of a stream that waits for events: on Lambda each of its seconds is billed.
const STREAM_LIFE: Duration = Duration::from_secs(60);

const TRACE_ID: HeaderName = HeaderName::from_static("x-amzn-trace-id");

/// What answers invocations.
#[derive(Clone)]
pub(super) struct Invoked {
    pub(super) app: Arc<App>,
    pub(super) service: McpService,
}

/// What an event asks for, read and owned: nothing borrows from the event while it is served.
enum Work {
    Http { request: Result<Request<Body>, request::BadRequest>, ingress: IngressKind },
    Direct(Request<Body>),
    Events(Vec<Incoming>),
    Authorizer(authorizer::Question),
    Nothing,
}

/// How a request is to be answered.
struct Terms {
    deadline: Deadline,
    trace_id: Option<HeaderValue>,
}

impl Invoked {
    pub(super) async fn answer(self, event: Event) -> Result<Output, Refusal> {
        let terms = Terms { deadline: self.deadline(event.deadline_ms), trace_id: event.trace_id };
        let is_agent_core = event.client_context.as_deref().map_or(Ok(false), is_agent_core)?;
        let work = self.read(&event.payload, is_agent_core)?;
        drop(event.payload);
        Ok(match work {
            Work::Http { request, ingress } => self.http(request, ingress, terms).await,
            Work::Direct(request) => self.direct(request, terms).await,
            Work::Events(events) => self.receive(events, terms).await?,
            Work::Authorizer(question) => {
                Output::Whole(question.answer(&self.app.authenticator, terms.deadline).await?)
            }
            Work::Nothing => Output::Whole(Bytes::from_static(b"{}")),
        })
    }

    fn read(&self, event: &[u8], is_agent_core: bool) -> Result<Work, Refusal> {
        let invalid = |message| Refusal { kind: "InvalidEvent", message };
        let event =
            std::str::from_utf8(event).map_err(|error| invalid(format!("the event is not text: {error}")))?;
        match classify(event, is_agent_core).map_err(|error| invalid(error.to_string()))? {
            Invocation::Http(event, ingress) => {
                Ok(Work::Http { request: request::request(&event, ingress), ingress })
            }
            Invocation::Direct => Ok(Work::Direct(direct::request(&self.app.config.path, event))),
            Invocation::Authorizer if self.app.authenticator.checks_tokens() => {
                Ok(Work::Authorizer(authorizer::Question::read(event)?))
            }
            Invocation::Authorizer => Err(not_configured(Kind::Authorizer)),
            Invocation::Completion | Invocation::WarmUp => Ok(Work::Nothing),
            Invocation::NotConfigured(kind @ (Kind::Sns | Kind::EventBridge)) if self.app.event_resources => {
                let events = match kind {
                    Kind::Sns => incoming::sns(event),
                    _ => incoming::event_bridge(event).map(|event| vec![event]),
                };
                let poison =
                    |poison: incoming::Poison| Refusal { kind: "PoisonEvent", message: poison.to_string() };
                events.map(Work::Events).map_err(poison)
            }
            Invocation::NotConfigured(kind) => Err(not_configured(kind)),
            Invocation::Unknown(keys) => Err(Refusal {
                kind: "UnknownEvent",
                message: format!(
                    "the event is of no kind this server knows; its top-level keys are {}",
                    keys.join(", ")
                ),
            }),
        }
    }

    /// Our own deadline, since Managed Instances do not stop us at theirs.
    fn deadline(&self, deadline_ms: Option<u64>) -> Deadline {
        let Some(deadline_ms) = deadline_ms else { return Deadline::after(self.app.config.request_timeout) };
        let left = Duration::from_millis(deadline_ms.saturating_sub(self.app.clock.now().0));
        Deadline::after(left.saturating_sub(MARGIN.min(left / 4)))
    }

    /// Success says that every event is in the log. Whatever else happens, the delivery fails and comes again; those
    /// that had been appended are known then.
    async fn receive(self, events: Vec<Incoming>, terms: Terms) -> Result<Output, Refusal> {
        for event in events {
            let id = event.source_id.clone();
            let appended =
                tokio::time::timeout_at(terms.deadline.instant(), self.app.events.receive(event)).await;
            let not_stored = |message| Refusal { kind: "EventNotStored", message };
            match appended {
                Ok(Ok(appended)) => tracing::debug!(id, ?appended, "an event was taken in"),
                Ok(Err(error)) => {
                    tracing::error!(error = %Causes(&error), id, "an event was not stored");
                    return Err(not_stored(format!("event {id} was not stored: {error}")));
                }
                Err(_) => return Err(not_stored(format!("event {id} was not stored in time"))),
            }
        }
        Ok(Output::Whole(Bytes::from_static(b"{}")))
    }

    async fn http(
        self,
        request: Result<Request<Body>, request::BadRequest>,
        ingress: IngressKind,
        terms: Terms,
    ) -> Output {
        let delivery = delivery(self.app.config.response_mode, ingress);
        let answer = match request {
            Ok(request) => self.serve(request, terms, delivery).await,
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

    async fn direct(self, request: Request<Body>, terms: Terms) -> Output {
        let answer = self.serve(request, terms, Delivery::Buffered).await;
        let body = answer.into_body().collect().await.map(Collected::to_bytes).unwrap_or_default();
        response::raw(body)
    }

    async fn serve(self, mut request: Request<Body>, terms: Terms, delivery: Delivery) -> Response<Body> {
        let Terms { deadline, trace_id } = terms;
        // AWS routes by host name before it invokes us: there is no other name we could be called by.
        let ingress = Ingress { deadline, delivery, stream_lifetime: STREAM_LIFE, host: HostCheck::Routed };
        request.extensions_mut().insert(ingress);
        // The front's header names the front's segment; what happens here belongs to the invocation's.
        if let Some(trace_id) = trace_id {
            request.headers_mut().insert(TRACE_ID, trace_id);
        }
        // Boxed by name: rustc cannot see through the body's trait object that the plain future is Send.
        let answer: BoxFuture<'static, Result<Response<Body>, Infallible>> =
            self.service.oneshot(request).boxed();
        match answer.await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}

fn not_configured(kind: Kind) -> Refusal {
    let message = format!("this function is not configured to serve {} events", kind.name());
    Refusal { kind: "NotConfigured", message }
}

/// AgentCore Gateway says in the client context which tool it calls. Whoever may invoke the function directly may
/// send any context: one that cannot be read fails its own invocation and nothing else.
fn is_agent_core(context: &[u8]) -> Result<bool, Refusal> {
    #[derive(Deserialize)]
    struct ClientContext<'a> {
        #[serde(borrow, default)]
        custom: Option<Named<'a, IgnoredAny>>,
    }
    let context: ClientContext<'_> = serde_json::from_slice(context).map_err(|error| Refusal {
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
