//! The Runtime API, version 2018-06-01: where events come from and answers go.
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html> (read 2026-11-20)
//!
//! Our own client and not `lambda_runtime`'s, because an answer is in no hurry there: it leaves in four writes through
//! a channel and a task, over a socket without `TCP_NODELAY`, so that the second write waits up to 44 ms for the
//! acknowledgement of the first. Here head, prelude and first chunk are one write (docs/performance.md has both).

use std::{
    future::{Future, poll_fn},
    io,
    pin::pin,
    task::Poll,
};

use bytes::Bytes;
use futures::{
    FutureExt,
    future::{BoxFuture, Fuse},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::BodyExt;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::{
    error::{ERROR_TYPE, InvocationError},
    invocation_request::InvocationRequest,
    response::ResponsePayload,
    response_body::{self, Chunks, Sent},
    runtime_address::RuntimeAddress,
};
use mcp_lambda_core::{InvocationDetails, hook::HookError, time::Timestamp};

const USER_AGENT: HeaderValue =
    HeaderValue::from_static(concat!("mcp-lambda-server/", env!("CARGO_PKG_VERSION")));
const REGISTER: &str = "/2020-01-01/extension/register";
const EXTENSION_NEXT: &str = "/2020-01-01/extension/event/next";
const RESTORE_NEXT: &str = "/2018-06-01/runtime/restore/next";

const REQUEST_ID: &str = "lambda-runtime-aws-request-id";
const INVOCATION_ID: HeaderName = HeaderName::from_static("lambda-runtime-invocation-id");
const DEADLINE_MS: &str = "lambda-runtime-deadline-ms";
const CLIENT_CONTEXT: &str = "lambda-runtime-client-context";
const TRACE_ID: &str = "lambda-runtime-trace-id";
const INVOKED_ARN: &str = "lambda-runtime-invoked-function-arn";
const COGNITO_IDENTITY: &str = "lambda-runtime-cognito-identity";
const TENANT_ID: &str = "lambda-runtime-aws-tenant-id";
const RESPONSE_MODE: HeaderName = HeaderName::from_static("lambda-runtime-function-response-mode");
const EXTENSION_NAME: HeaderName = HeaderName::from_static("lambda-extension-name");
const EXTENSION_ID: HeaderName = HeaderName::from_static("lambda-extension-identifier");

/// The prelude of a streamed response is one of these.
const INTEGRATION_RESPONSE: HeaderValue =
    HeaderValue::from_static("application/vnd.awslambda.http-integration-response");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The error of a call to the Runtime API.
#[derive(Debug, thiserror::Error)]
pub(super) enum ApiError {
    #[error(
        "AWS_LAMBDA_RUNTIME_API is {0:?}: expected a host and a port, such as 127.0.0.1:9001, or an http:// URL of both \
         and a path"
    )]
    Address(String),
    #[error("the Runtime API cannot be reached")]
    Connect(#[source] io::Error),
    #[error("the connection to the Runtime API failed")]
    Connection(#[source] hyper::Error),
    #[error("the Runtime API answered {status}: {text}")]
    Refused { status: StatusCode, text: String },
    #[error("the Runtime API sent a response without a valid header {0}")]
    Event(&'static str),
    #[error("the environment cannot start")]
    Hook(#[source] HookError),
}

impl ApiError {
    /// Whether a new connection may succeed.
    pub(super) fn is_connection(&self) -> bool {
        matches!(self, Self::Connect(_) | Self::Connection(_))
    }
}

/// The ids of an invocation, which its response must carry.
#[derive(Debug, Clone)]
pub(super) struct InvocationId {
    pub(super) request_id: String,
    /// Lambda uses it to tell the response to an invocation from that to a retry of it. Older versions of Lambda do not send
    /// it.
    invocation_id: Option<HeaderValue>,
}

/// An event, with the ids that its response must carry.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) invocation: InvocationId,
    pub(super) request: InvocationRequest,
}

/// The Runtime API at one address.
#[derive(Debug, Clone)]
pub(super) struct Api {
    address: RuntimeAddress,
}

impl Api {
    pub(super) fn new(address: &str) -> Result<Self, ApiError> {
        let parsed = RuntimeAddress::parse(address).ok_or_else(|| ApiError::Address(address.to_owned()))?;
        Ok(Self { address: parsed })
    }

    /// A connection that opens when it is first used.
    pub(super) fn connection(&self) -> Connection {
        Connection { api: self.clone(), open: None }
    }

    async fn open(&self) -> Result<Open, ApiError> {
        let socket = TcpStream::connect(self.address.socket()).await.map_err(ApiError::Connect)?;
        // Each write is a complete message or chunk: it must not wait for more data.
        socket.set_nodelay(true).map_err(ApiError::Connect)?;
        let (sender, connection) =
            http1::handshake(TokioIo::new(socket)).await.map_err(ApiError::Connection)?;
        Ok(Open { sender, driver: connection.map(drop).boxed().fuse() })
    }
}

/// One connection, used for one call at a time.
pub(super) struct Connection {
    api: Api,
    open: Option<Open>,
}

struct Open {
    sender: SendRequest<Chunks>,
    /// The connection's I/O. It is polled during each call, so it needs no task of its own.
    driver: Fuse<BoxFuture<'static, ()>>,
}

impl Connection {
    /// Opens the connection before the first call. If that fails, the first call tries again and returns the error.
    pub(super) async fn open_early(&mut self) {
        if self.open.is_none() {
            self.open = self.api.open().await.ok();
        }
    }

    /// Waits for an event.
    pub(super) async fn next(&mut self) -> Result<Event, ApiError> {
        loop {
            let mut request = Request::new(Chunks::empty());
            *request.uri_mut() = self.api.address.next();
            let response = self.send(request).await?;
            // Development servers send 204 when there was no event for a while.
            if response.status() != StatusCode::NO_CONTENT {
                return event(accepted(response)?);
            }
        }
    }

    /// Sends the response to an invocation. Returns when Lambda has accepted its last byte.
    pub(super) async fn respond(
        &mut self,
        invocation: &InvocationId,
        response: ResponsePayload,
    ) -> Result<(), ApiError> {
        let mut request = match response {
            ResponsePayload::Buffered(json) => document(Chunks::whole(json)),
            ResponsePayload::Collected { json, body } => document(Chunks::whole(json).keeping(body)),
            ResponsePayload::Streaming(chunks) => {
                let mut request = Request::new(chunks);
                let headers = request.headers_mut();
                headers.insert(header::CONTENT_TYPE, INTEGRATION_RESPONSE);
                headers.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
                headers.insert(RESPONSE_MODE, HeaderValue::from_static("streaming"));
                headers.insert(header::TRAILER, response_body::TRAILERS);
                request
            }
        };
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri(invocation, "response")?;
        self.send_result(invocation, request).await
    }

    /// Reports that an invocation failed.
    pub(super) async fn fail(
        &mut self,
        invocation: &InvocationId,
        error: &InvocationError,
    ) -> Result<(), ApiError> {
        let request = report(self.uri(invocation, "error")?, error);
        self.send_result(invocation, request).await
    }

    /// Reports that a phase of the environment failed: `init` or `restore`.
    pub(super) async fn fail_phase(&mut self, phase: &str, error: &InvocationError) -> Result<(), ApiError> {
        let path = format!("/2018-06-01/runtime/{phase}/error");
        let request = report(self.api.address.uri(&path).unwrap_or_default(), error);
        accepted(self.send(request).await?).map(drop)
    }

    /// Ends the initialization of an environment that Lambda stores. Returns when the environment has been restored.
    pub(super) async fn restore_next(&mut self) -> Result<(), ApiError> {
        let mut request = Request::new(Chunks::empty());
        *request.uri_mut() = self.api.address.uri(RESTORE_NEXT).unwrap_or_default();
        accepted(self.send(request).await?).map(drop)
    }

    /// Closes the connection. The next call opens one.
    pub(super) fn close(&mut self) {
        self.open = None;
    }

    /// Registers the process as an extension without events, so that Lambda sends SIGTERM before SIGKILL.
    pub(super) async fn register(&mut self, name: &'static str) -> Result<HeaderValue, ApiError> {
        let mut request = Request::new(Chunks::whole(Bytes::from_static(br#"{"events":[]}"#)));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.api.address.uri(REGISTER).unwrap_or_default();
        request.headers_mut().insert(header::CONTENT_TYPE, JSON);
        request.headers_mut().insert(EXTENSION_NAME, HeaderValue::from_static(name));
        let response = accepted(self.send(request).await?)?;
        response.headers().get(EXTENSION_ID).cloned().ok_or(ApiError::Event("Lambda-Extension-Identifier"))
    }

    /// Asks for the extension's next event, which also tells Lambda that the extension is ready. No event ever comes.
    pub(super) async fn extension_next(&mut self, extension: HeaderValue) -> Result<(), ApiError> {
        let mut request = Request::new(Chunks::empty());
        *request.uri_mut() = self.api.address.uri(EXTENSION_NEXT).unwrap_or_default();
        request.headers_mut().insert(EXTENSION_ID, extension);
        self.send(request).await.map(drop)
    }

    fn uri(&self, invocation: &InvocationId, what: &str) -> Result<Uri, ApiError> {
        let path = format!("/2018-06-01/runtime/invocation/{}/{what}", invocation.request_id);
        self.api.address.uri(&path).ok_or(ApiError::Event("Lambda-Runtime-Aws-Request-Id"))
    }

    async fn send_result(
        &mut self,
        invocation: &InvocationId,
        mut request: Request<Chunks>,
    ) -> Result<(), ApiError> {
        if let Some(id) = &invocation.invocation_id {
            request.headers_mut().insert(INVOCATION_ID, id.clone());
        }
        accepted(self.send(request).await?).map(drop)
    }

    async fn send(&mut self, mut request: Request<Chunks>) -> Result<Response<Bytes>, ApiError> {
        let sent = request.body().sent();
        request.headers_mut().insert(header::HOST, self.api.address.host());
        request.headers_mut().insert(header::USER_AGENT, USER_AGENT);
        loop {
            let (mut open, is_used) = match self.open.take() {
                Some(open) => (open, true),
                None => (self.api.open().await?, false),
            };
            match open.exchange(request, &sent).await {
                Ok(response) => {
                    self.open = Some(open);
                    return Ok(response);
                }
                // The connection was closed while it was idle, and the request was not sent.
                Err((_, Some(unsent))) if is_used => request = *unsent,
                Err((error, _)) => return Err(ApiError::Connection(error)),
            }
        }
    }
}

/// The error of a request without a response, and the request itself if it was not sent.
type Unanswered = (hyper::Error, Option<Box<Request<Chunks>>>);

impl Open {
    /// What the end of the body sets off is done while the server of the connection reads it.
    async fn exchange(
        &mut self,
        request: Request<Chunks>,
        sent: &Sent,
    ) -> Result<Response<Bytes>, Unanswered> {
        let Self { sender, driver } = self;
        let mut call = pin!(async {
            // If the connection is closed, sending the request returns the error.
            let _ = sender.ready().await;
            let response = sender.try_send_request(request).await.map_err(|mut unsent| {
                let request = unsent.take_message().map(Box::new);
                (unsent.into_error(), request)
            })?;
            let (head, body) = response.into_parts();
            let body = body.collect().await.map_err(|error| (error, None))?;
            Ok(Response::from_parts(head, body.to_bytes()))
        });
        poll_fn(|cx| {
            // Twice, so that the call sees in this turn of the event loop what the driver has read, and the driver sends
            // what the call has written.
            for _ in 0..2 {
                // When the connection has ended, the call returns its error.
                let _ = driver.poll_unpin(cx);
                if let Poll::Ready(done) = call.as_mut().poll(cx) {
                    return Poll::Ready(done);
                }
            }
            sent.finish();
            Poll::Pending
        })
        .await
    }
}

/// A request with a JSON document.
fn document(chunks: Chunks) -> Request<Chunks> {
    let mut request = Request::new(chunks);
    request.headers_mut().insert(header::CONTENT_TYPE, JSON);
    request
}

/// The report of an error.
fn report(uri: Uri, error: &InvocationError) -> Request<Chunks> {
    // Both fields are text, so the serialization does not fail.
    let body = serde_json::to_vec(error).unwrap_or_default();
    let mut request = document(Chunks::whole(body.into()));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = uri;
    if let Ok(kind) = HeaderValue::from_str(error.kind) {
        request.headers_mut().insert(ERROR_TYPE, kind);
    }
    request
}

fn accepted(response: Response<Bytes>) -> Result<Response<Bytes>, ApiError> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let text = String::from_utf8_lossy(response.body());
    Err(ApiError::Refused { status, text: text.chars().take(300).collect() })
}

fn event(response: Response<Bytes>) -> Result<Event, ApiError> {
    let (head, payload) = response.into_parts();
    let text = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    let value = |name: &str| head.headers.get(name).filter(|value| !value.is_empty()).cloned();
    let request_id = text(REQUEST_ID).ok_or(ApiError::Event("Lambda-Runtime-Aws-Request-Id"))?.to_owned();
    let mut details = InvocationDetails::default();
    details.request_id.clone_from(&request_id);
    details.invoked_arn = value(INVOKED_ARN);
    details.deadline = text(DEADLINE_MS).and_then(|millis| millis.parse().ok()).map(Timestamp::from_millis);
    details.trace_header = value(TRACE_ID);
    details.tenant_id = value(TENANT_ID);
    details.client_context = client_context(&head.headers);
    details.cognito_identity = value(COGNITO_IDENTITY);
    Ok(Event {
        invocation: InvocationId { request_id, invocation_id: head.headers.get(INVOCATION_ID).cloned() },
        request: InvocationRequest { details, payload },
    })
}

fn client_context(headers: &HeaderMap) -> Option<Bytes> {
    let context = headers.get(CLIENT_CONTEXT).map(|value| Bytes::copy_from_slice(value.as_bytes()));
    context.filter(|context| !context.is_empty())
}
