//! The control port: Lambda's Invoke API, the endpoint ministack forwards to, and commands over environments.
//!
//! | request | answer |
//! |---|---|
//! | `POST /2015-03-31/functions/{name}/invocations` | [Invoke](https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html) |
//! | `POST /2021-11-15/functions/{name}/response-streaming-invocations` | [InvokeWithResponseStream](https://docs.aws.amazon.com/lambda/latest/api/API_InvokeWithResponseStream.html) |
//! | `POST /forward` | an event of ministack in, the payload of the function out; 502 when it fails |
//! | `GET /environments` | id, pid, state and invocations of each |
//! | `POST /environments/{id}/{kill,freeze,thaw,retire}` | 204 |
//! | `GET /environments/{id}/logs` | the output of its process, as text |
//! | `GET /dead-letters` | the events that failed for good |

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::Either;
use hyper::body::Incoming;
use percent_encoding::percent_decode_str;
use serde::de::IgnoredAny;
use serde_json::json;

use crate::{
    answer::{Answer, AnswerBody, Outcome},
    asynchronous::{Asynchronous, DeadLetter},
    body::{self, Body, Unread},
    environment::{Environment, EnvironmentId},
    failure::{FunctionError, InvokeError},
    invocation::{Invocation, SYNCHRONOUS_LIMIT},
    pool::Pool,
};

/// The parts that the control port controls.
#[derive(Clone, Debug)]
pub(crate) struct Control {
    pub(crate) pool: Pool,
    pub(crate) asynchronous: Asynchronous,
}

impl Control {
    /// Answers one request.
    pub(crate) async fn answer(self, request: Request<Incoming>) -> Response<Body> {
        let path = request.uri().path().to_owned();
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        match (request.method(), segments.as_slice()) {
            (&Method::POST, ["2015-03-31" | "2021-11-15", "functions", name, _])
                if !self.is_function(name) =>
            {
                let text = format!("Function not found: {name}");
                service_error(StatusCode::NOT_FOUND, "ResourceNotFoundException", &text)
            }
            (&Method::POST, ["2015-03-31", "functions", _, "invocations"]) => {
                self.invoke(request).await.unwrap_or_else(refusal)
            }
            (&Method::POST, ["2021-11-15", "functions", _, "response-streaming-invocations"]) => {
                self.invoke_streaming(request).await.unwrap_or_else(refusal)
            }
            (&Method::POST, ["forward"]) => self.forward(request).await.unwrap_or_else(refusal),
            (&Method::GET, ["environments"]) => body::json(StatusCode::OK, &self.pool.environments()),
            (&Method::POST, ["environments", id, command]) => self.command(id, command),
            (&Method::GET, ["environments", id, "logs"]) => self.logs(id),
            (&Method::GET, ["dead-letters"]) => {
                let letters: Vec<_> = self.asynchronous.dead_letters().iter().map(describe).collect();
                body::json(StatusCode::OK, &letters)
            }
            _ => service_error(StatusCode::NOT_FOUND, "UnknownOperationException", "No such operation"),
        }
    }

    /// A name, a partial or full ARN, each with or without a qualifier.
    fn is_function(&self, named: &str) -> bool {
        let named = percent_decode_str(named).decode_utf8_lossy();
        let parts: Vec<&str> = named.split(':').collect();
        let name = match parts.as_slice() {
            ["arn", _, "lambda", _, _, "function", name, ..] => name,
            [account, "function", name, ..] if account.parse::<u64>().is_ok() => name,
            [name, ..] => name,
            [] => return false,
        };
        *name == self.pool.function().name
    }

    async fn invoke(&self, request: Request<Incoming>) -> Result<Response<Body>, InvokeError> {
        let context = client_context(request.headers())?;
        let kind = header(request.headers(), "x-amz-invocation-type").unwrap_or("RequestResponse").to_owned();
        let payload = read_payload(request).await?;
        if let Err(error) = serde_json::from_slice::<IgnoredAny>(&payload) {
            let text = format!("Could not parse request body into json: {error}");
            return Ok(service_error(StatusCode::BAD_REQUEST, "InvalidRequestContentException", &text));
        }
        let invocation = Invocation::new(payload).with_client_context(context.as_deref())?;
        match kind.as_str() {
            "RequestResponse" => {
                let answer = self.pool.invoke(invocation).await?;
                Ok(synchronous(answer).await)
            }
            "Event" => {
                let request_id = invocation.request_id.clone();
                self.asynchronous.accept(invocation)?;
                let mut response = body::whole(StatusCode::ACCEPTED, "application/json", "");
                body::set(&mut response, "x-amzn-requestid", &request_id);
                Ok(response)
            }
            "DryRun" => Ok(body::whole(StatusCode::NO_CONTENT, "application/json", "")),
            other => {
                let text = format!("Invalid invocation type {other}");
                Ok(service_error(StatusCode::BAD_REQUEST, "InvalidParameterValueException", &text))
            }
        }
    }

    async fn invoke_streaming(&self, request: Request<Incoming>) -> Result<Response<Body>, InvokeError> {
        let context = client_context(request.headers())?;
        let invocation =
            Invocation::new(read_payload(request).await?).with_client_context(context.as_deref())?;
        let answer = self.pool.invoke(invocation).await?;
        let (content_type, body) = match answer.outcome {
            Outcome::Buffered(payload) => (None, AnswerBody::whole(payload)),
            Outcome::Streaming(streaming) => (streaming.content_type, streaming.body),
            Outcome::Failed(error) => (None, AnswerBody::failed(error)),
        };
        let mut response = body::whole(StatusCode::OK, "application/vnd.amazon.eventstream", "");
        *response.body_mut() = Either::Right(body.into_event_stream());
        body::set(&mut response, "x-amzn-requestid", &answer.request_id);
        if let Some(content_type) = content_type {
            body::set(&mut response, "x-amzn-lambda-response-content-type", &content_type);
        }
        Ok(response)
    }

    /// ministack posts the bare event to `MINISTACK_LAMBDA_PROXY_URL` and does retries and dead letters itself; the
    /// one thing it takes for an error of the function is a status other than 2xx.
    async fn forward(&self, request: Request<Incoming>) -> Result<Response<Body>, InvokeError> {
        let mut invocation = Invocation::new(Bytes::new());
        if let Some(request_id) = header(request.headers(), "x-amzn-lambda-request-id") {
            request_id.clone_into(&mut invocation.request_id);
        }
        if let Some(trace_id) = header(request.headers(), "x-amzn-trace-id") {
            trace_id.clone_into(&mut invocation.trace_id);
        }
        invocation.payload = read_payload(request).await?;
        let answer = self.pool.invoke(invocation).await?;
        let mut response = synchronous(answer).await;
        if response.headers().contains_key("x-amz-function-error") {
            *response.status_mut() = StatusCode::BAD_GATEWAY;
        }
        Ok(response)
    }

    fn command(&self, id: &str, command: &str) -> Response<Body> {
        let id = id.parse().ok().map(EnvironmentId);
        let done = match command {
            "kill" => id.and_then(|id| self.pool.with(id, Environment::kill)),
            "freeze" => id.and_then(|id| self.pool.with(id, Environment::hold)),
            "thaw" => id.and_then(|id| self.pool.with(id, Environment::release)),
            "retire" => id.and_then(|id| self.pool.retire(id)),
            _ => return service_error(StatusCode::NOT_FOUND, "UnknownOperationException", "No such command"),
        };
        match done {
            Some(()) => body::whole(StatusCode::NO_CONTENT, "application/json", ""),
            None => no_such_environment(),
        }
    }

    fn logs(&self, id: &str) -> Response<Body> {
        match id.parse().ok().and_then(|id| self.pool.logs(EnvironmentId(id))) {
            Some(lines) => body::whole(StatusCode::OK, "text/plain; charset=utf-8", lines.join("\n")),
            None => no_such_environment(),
        }
    }
}

/// The answer of a synchronous invocation: always 200, with a header when the function failed.
async fn synchronous(answer: Answer) -> Response<Body> {
    let (environment, request_id) = (answer.environment, answer.request_id.clone());
    let mut response = match answer.bytes().await {
        // An answer that is too large for a synchronous invocation is an error of the function, streamed or not.
        Ok(payload) if payload.len() > crate::answer::BUFFERED_LIMIT => {
            failed(&FunctionError::response_too_large(crate::answer::BUFFERED_LIMIT))
        }
        Ok(payload) => body::whole(StatusCode::OK, "application/json", payload),
        Err(error) => failed(&error),
    };
    body::set(&mut response, "x-amz-executed-version", "$LATEST");
    body::set(&mut response, "x-amzn-requestid", &request_id);
    body::set(&mut response, "x-emulator-environment", &environment.to_string());
    response
}

fn failed(error: &FunctionError) -> Response<Body> {
    let mut response = body::whole(StatusCode::OK, "application/json", error.payload.clone());
    body::set(&mut response, "x-amz-function-error", "Unhandled");
    response
}

async fn read_payload(request: Request<Incoming>) -> Result<Bytes, InvokeError> {
    match body::read(request.into_body(), SYNCHRONOUS_LIMIT).await {
        // An invoker may leave the payload out.
        Ok(payload) if payload.is_empty() => Ok(Bytes::from_static(b"{}")),
        Ok(payload) => Ok(payload),
        Err(Unread::TooLarge | Unread::CutOff) => {
            Err(InvokeError::PayloadTooLarge { limit: SYNCHRONOUS_LIMIT })
        }
    }
}

fn client_context(headers: &HeaderMap) -> Result<Option<String>, InvokeError> {
    let Some(encoded) = header(headers, "x-amz-client-context") else { return Ok(None) };
    let decoded = BASE64_STANDARD.decode(encoded).map_err(|_| InvokeError::BadClientContext)?;
    String::from_utf8(decoded).map(Some).map_err(|_| InvokeError::BadClientContext)
}

fn refusal(error: InvokeError) -> Response<Body> {
    let (status, kind) = match error {
        InvokeError::Throttled => (StatusCode::TOO_MANY_REQUESTS, "TooManyRequestsException"),
        InvokeError::PayloadTooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "RequestTooLargeException"),
        InvokeError::BadClientContext => (StatusCode::BAD_REQUEST, "InvalidRequestContentException"),
        InvokeError::Stopped => (StatusCode::SERVICE_UNAVAILABLE, "ServiceException"),
    };
    service_error(status, kind, &error.to_string())
}

fn service_error(status: StatusCode, kind: &str, text: &str) -> Response<Body> {
    let mut response = body::json(status, &json!({ "Type": "User", "Message": text }));
    body::set(&mut response, "x-amzn-errortype", kind);
    response
}

fn no_such_environment() -> Response<Body> {
    service_error(StatusCode::NOT_FOUND, "ResourceNotFoundException", "No such environment")
}

fn describe(letter: &DeadLetter) -> serde_json::Value {
    json!({
        "requestId": letter.request_id,
        "attempts": letter.attempts,
        "payload": String::from_utf8_lossy(&letter.payload),
        "errorType": letter.error.as_ref().map(|error| &error.kind),
        "errorMessage": letter.error.as_ref().map(FunctionError::message),
    })
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
