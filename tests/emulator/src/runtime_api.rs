//! The Runtime API of one environment, version 2018-06-01, and the part of the Extensions API that a runtime needs.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html> (read 2026-11-20)

use http::{HeaderMap, Method, Request, Response, StatusCode, header::CONTENT_TYPE};
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use crate::{
    answer::{Answer, BUFFERED_LIMIT, Outcome},
    body::{self, Body, Unread},
    clock,
    environment::{Answering, EnvironmentId, Refused},
    failure::FunctionError,
    function::ACCOUNT,
    invocation::Invocation,
    pool::Pool,
    response_stream,
};

/// The largest error report; a larger one is refused with 413.
const ERROR_LIMIT: usize = BUFFERED_LIMIT;

/// Answers one call of the process in environment `id`.
pub(crate) async fn answer(pool: Pool, id: EnvironmentId, request: Request<Incoming>) -> Response<Body> {
    let path = request.uri().path().to_owned();
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    match (request.method(), segments.as_slice()) {
        (&Method::GET, ["2018-06-01", "runtime", "invocation", "next"]) => next(&pool, id).await,
        (&Method::POST, ["2018-06-01", "runtime", "invocation", request_id, "response"]) => {
            let invocation = Current::new(pool, id, request_id, request.headers());
            respond(invocation, request).await
        }
        (&Method::POST, ["2018-06-01", "runtime", "invocation", request_id, "error"]) => {
            let invocation = Current::new(pool, id, request_id, request.headers());
            respond_with_error(invocation, request).await
        }
        (&Method::GET, ["2018-06-01", "runtime", "restore", "next"]) if pool.function().snap_start => {
            body::json(StatusCode::OK, &json!({}))
        }
        (&Method::POST, ["2018-06-01", "runtime", "init" | "restore", "error"]) => {
            init_error(&pool, id, request).await
        }
        (&Method::POST, ["2020-01-01", "extension", "register"]) => register(&pool, id, request).await,
        (&Method::GET, ["2020-01-01", "extension", "event", "next"]) => {
            pool.extension_polls(id);
            // Without events, it waits for as long as its environment lives.
            std::future::pending().await
        }
        _ => problem(StatusCode::NOT_FOUND, "NotFound", "No such path in the Runtime API"),
    }
}

/// The invocation a call is about.
struct Current {
    pool: Pool,
    environment: EnvironmentId,
    request_id: String,
    /// Sent back by runtimes that know it.
    attempt: Option<String>,
}

impl Current {
    fn new(pool: Pool, environment: EnvironmentId, request_id: &str, headers: &HeaderMap) -> Self {
        let attempt = text(headers, "lambda-runtime-invocation-id").map(str::to_owned);
        Current { pool, environment, request_id: request_id.to_owned(), attempt }
    }

    /// The invoker, and the name of the attempt it waits for.
    fn begin(&self) -> Result<(Answering, String), Refused> {
        let attempt = self.pool.attempt(self.environment, &self.request_id).ok_or(Refused::Stale)?;
        let answering = self.pool.begin(self.environment, &self.request_id, self.attempt.as_deref())?;
        Ok((answering, attempt))
    }

    /// Before the invoker learns of the end: its next request shall find this environment about to be free.
    fn finish(&self, attempt: &str) {
        self.pool.finish(self.environment, &self.request_id, attempt);
    }

    fn answer(&self, outcome: Outcome) -> Answer {
        Answer { request_id: self.request_id.clone(), environment: self.environment, outcome }
    }
}

async fn next(pool: &Pool, id: EnvironmentId) -> Response<Body> {
    match pool.poll(id) {
        Ok(event) => match event.await {
            Ok(invocation) => event_response(pool, invocation),
            Err(_) => problem(StatusCode::INTERNAL_SERVER_ERROR, "Stopping", "The environment is stopping"),
        },
        Err(refused) => refusal(refused),
    }
}

fn event_response(pool: &Pool, invocation: Invocation) -> Response<Body> {
    let function = pool.function();
    let timeout = u64::try_from(function.timeout.as_millis()).unwrap_or(u64::MAX);
    let deadline = clock::epoch_ms().saturating_add(timeout);
    let mut response = body::whole(StatusCode::OK, "application/json", invocation.payload);
    body::set(&mut response, "lambda-runtime-aws-request-id", &invocation.request_id);
    body::set(&mut response, "lambda-runtime-invocation-id", &invocation.attempt);
    body::set(&mut response, "lambda-runtime-deadline-ms", &deadline.to_string());
    body::set(&mut response, "lambda-runtime-invoked-function-arn", &function.arn());
    body::set(&mut response, "lambda-runtime-trace-id", &invocation.trace_id);
    if let Some(context) = invocation.client_context {
        body::set(&mut response, "lambda-runtime-client-context", &context);
    }
    response
}

async fn respond(current: Current, request: Request<Incoming>) -> Response<Body> {
    let (answering, attempt) = match current.begin() {
        Ok(begun) => begun,
        Err(refused) => return refuse(refused, request).await,
    };
    // In a spawned task of its own: a connection that breaks drops its handler, and the invoker still needs the error.
    let tasks = current.pool.tasks().clone();
    let done = tasks.spawn(async move {
        let streaming = text(request.headers(), "lambda-runtime-function-response-mode")
            .is_some_and(|mode| mode.eq_ignore_ascii_case("streaming"));
        if streaming {
            respond_streaming(&current, &attempt, request, answering).await
        } else {
            respond_buffered(&current, &attempt, request.into_body(), answering).await
        }
    });
    ended(done.await)
}

async fn respond_streaming(
    current: &Current,
    attempt: &str,
    request: Request<Incoming>,
    Answering { invoker, cut }: Answering,
) -> Response<Body> {
    let content_type = text(request.headers(), CONTENT_TYPE.as_str()).map(str::to_owned);
    let (client, outcome) = response_stream::open(content_type);
    // The invoker may have left; so below.
    let _ = invoker.send(current.answer(outcome));
    let client = response_stream::forward(&current.request_id, request.into_body(), client, cut).await;
    current.finish(attempt);
    drop(client);
    accepted()
}

async fn respond_buffered(
    current: &Current,
    attempt: &str,
    body: Incoming,
    Answering { invoker, cut }: Answering,
) -> Response<Body> {
    let (outcome, response) = match body::read(body, BUFFERED_LIMIT).await {
        Ok(payload) => (Outcome::Buffered(payload), accepted()),
        Err(Unread::TooLarge) => {
            let error = FunctionError::response_too_large(BUFFERED_LIMIT);
            let text = format!("Exceeded maximum allowed payload size ({BUFFERED_LIMIT} bytes).");
            let response = problem(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", &text);
            (Outcome::Failed(error), response)
        }
        Err(Unread::CutOff) => {
            let error = response_stream::why_cut_off(&current.request_id, &mut Some(cut)).await;
            (Outcome::Failed(error), accepted())
        }
    };
    current.finish(attempt);
    let _ = invoker.send(current.answer(outcome));
    response
}

async fn respond_with_error(current: Current, request: Request<Incoming>) -> Response<Body> {
    let (Answering { invoker, cut }, attempt) = match current.begin() {
        Ok(begun) => begun,
        Err(refused) => return refuse(refused, request).await,
    };
    let tasks = current.pool.tasks().clone();
    let done = tasks.spawn(async move {
        let kind = error_type(request.headers());
        let error = match body::read(request.into_body(), ERROR_LIMIT).await {
            Ok(payload) => FunctionError::reported(payload, kind.as_deref()),
            Err(Unread::TooLarge) => FunctionError::response_too_large(ERROR_LIMIT),
            Err(Unread::CutOff) => response_stream::why_cut_off(&current.request_id, &mut Some(cut)).await,
        };
        current.finish(&attempt);
        let _ = invoker.send(current.answer(Outcome::Failed(error)));
        accepted()
    });
    ended(done.await)
}

async fn init_error(pool: &Pool, id: EnvironmentId, request: Request<Incoming>) -> Response<Body> {
    let kind = error_type(request.headers());
    match body::read(request.into_body(), ERROR_LIMIT).await {
        Ok(payload) => {
            pool.init_failed(id, &FunctionError::reported(payload, kind.as_deref()));
            accepted()
        }
        Err(_) => problem(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", "The error is too large"),
    }
}

/// Registers an internal extension. It may ask for no events: a runtime registers one only to be sent SIGTERM.
async fn register(pool: &Pool, id: EnvironmentId, request: Request<Incoming>) -> Response<Body> {
    #[derive(Deserialize)]
    struct Registration {
        #[serde(default)]
        events: Vec<String>,
    }
    if text(request.headers(), "lambda-extension-name").is_none() {
        return problem(StatusCode::BAD_REQUEST, "Extension.InvalidExtensionName", "Empty extension name");
    }
    let registration = match body::read(request.into_body(), ERROR_LIMIT).await {
        Ok(bytes) => serde_json::from_slice::<Registration>(&bytes).map_err(|error| error.to_string()),
        Err(_) => Err("the request is too large".to_owned()),
    };
    match registration {
        Ok(Registration { events }) if events.is_empty() => {}
        Ok(Registration { events }) => {
            let text = format!("The emulator delivers no extension events, but {events:?} were asked for");
            return problem(StatusCode::FORBIDDEN, "Extension.EventNotSupported", &text);
        }
        Err(text) => return problem(StatusCode::BAD_REQUEST, "InvalidRequestFormat", &text),
    }
    pool.with(id, crate::environment::Environment::register_extension);
    let name = &pool.function().name;
    let description = json!({
        "functionName": name, "functionVersion": "$LATEST", "handler": "bootstrap", "accountId": ACCOUNT,
    });
    let mut response = body::json(StatusCode::OK, &description);
    body::set(&mut response, "lambda-extension-identifier", &Uuid::new_v4().to_string());
    response
}

/// Reads the body before it is refused: a runtime that cannot finish writing takes the connection for broken.
async fn refuse(refused: Refused, request: Request<Incoming>) -> Response<Body> {
    let _ = body::read(request.into_body(), 0).await;
    refusal(refused)
}

fn refusal(refused: Refused) -> Response<Body> {
    match refused {
        Refused::InvalidState => {
            problem(StatusCode::FORBIDDEN, "InvalidStateTransition", "Invocation is not finished")
        }
        Refused::Stale => problem(StatusCode::GONE, "InvalidRequestID", "Invocation is over, or never was"),
    }
}

fn accepted() -> Response<Body> {
    body::json(StatusCode::ACCEPTED, &json!({ "status": "OK" }))
}

fn ended(response: Result<Option<Response<Body>>, tokio::task::JoinError>) -> Response<Body> {
    response.ok().flatten().unwrap_or_else(|| {
        problem(StatusCode::INTERNAL_SERVER_ERROR, "Stopping", "The emulator is shutting down")
    })
}

fn problem(status: StatusCode, kind: &str, message: &str) -> Response<Body> {
    body::json(status, &json!({ "errorType": kind, "errorMessage": message }))
}

fn error_type(headers: &HeaderMap) -> Option<String> {
    text(headers, "lambda-runtime-function-error-type").map(str::to_owned)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
