//! HTTP requests of a connection, tried again where that is safe.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, header};

use super::{backoff::Backoff, message::Message, shared::Shared};
use crate::{Error, sender::ResponseBody};

const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");
const BOTH: HeaderValue = HeaderValue::from_static("application/json, text/event-stream");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A response, and the session that its request belonged to.
pub(super) struct Posted {
    pub(super) response: Response<ResponseBody>,
    /// The number of the session: 0 before the first, one more with each that is opened.
    pub(super) generation: u64,
    /// Whether the request named a session.
    pub(super) named_session: bool,
}

/// Posts a message. A request is sent again if the server cannot have seen it, or if repeating it does nothing twice.
pub(super) async fn post(shared: &Shared, message: &Message) -> Result<Posted, Error> {
    let mut backoff = Backoff::new(shared.limits.retry_for);
    loop {
        let (headers, generation) = headers(shared, message);
        let named_session = headers.contains_key("mcp-session-id");
        let request = build(shared, Method::POST, headers, message.raw.clone())?;
        let result = shared.sender.send(request).await;
        let pause = wish(&result, message.is_repeatable()).and_then(|wanted| backoff.pause(wanted));
        let Some(pause) = pause else {
            return result.map(|response| Posted { response, generation, named_session });
        };
        if let Err(error) = &result {
            tracing::info!(%error, method = message.method, "trying again in {} ms", pause.as_millis());
        }
        tokio::time::sleep(pause).await;
    }
}

/// Whether to try again, and the pause that the server asks for.
#[expect(clippy::option_option, reason = "no other try; a try without a wish; a try with one")]
fn wish(result: &Result<Response<ResponseBody>, Error>, repeatable: bool) -> Option<Option<Duration>> {
    match result {
        // Lambda and API Gateway throttle before the function runs.
        Ok(response) if response.status().as_u16() == 429 => Some(retry_after(response.headers())),
        Ok(response) if response.status().as_u16() == 503 && repeatable => {
            Some(retry_after(response.headers()))
        }
        Ok(_) => None,
        Err(error) => {
            let again = error.is_before_the_server() || (error.is_of_the_network() && repeatable);
            again.then_some(None)
        }
    }
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(header::RETRY_AFTER)?.to_str().ok()?.parse().ok().map(Duration::from_secs)
}

/// Opens the GET stream of the session, after an event of it or from now on.
pub(super) async fn get(shared: &Shared, last_event: Option<&str>) -> Result<Response<ResponseBody>, Error> {
    let mut headers = shared.headers.clone();
    headers.insert(header::ACCEPT, EVENT_STREAM);
    shared.session().add_headers(&mut headers);
    if let Some(id) = last_event.and_then(|id| HeaderValue::from_str(id).ok()) {
        headers.insert("last-event-id", id);
    }
    shared.sender.send(build(shared, Method::GET, headers, Bytes::new())?).await
}

/// Ends the session.
pub(super) async fn delete(shared: &Shared) -> Result<(), Error> {
    let mut headers = shared.headers.clone();
    shared.session().add_headers(&mut headers);
    if !headers.contains_key("mcp-session-id") {
        return Ok(());
    }
    shared.sender.send(build(shared, Method::DELETE, headers, Bytes::new())?).await.map(|_| ())
}

fn headers(shared: &Shared, message: &Message) -> (HeaderMap, u64) {
    let mut headers = shared.headers.clone();
    headers.insert(header::CONTENT_TYPE, JSON);
    headers.insert(header::ACCEPT, BOTH);
    if let Some(version) = &message.version
        && let Ok(value) = HeaderValue::from_str(version)
    {
        headers.insert("mcp-protocol-version", value);
    }
    if !message.is_of_session() {
        shared.tools().add(&mut headers, message);
        return (headers, shared.session().generation());
    }
    let session = shared.session();
    if message.method != "initialize" {
        session.add_headers(&mut headers);
    }
    (headers, session.generation())
}

fn build(shared: &Shared, method: Method, headers: HeaderMap, body: Bytes) -> Result<Request<Bytes>, Error> {
    let request = Request::builder().method(method).uri(shared.sender.url()).body(body);
    let mut request = request.map_err(|error| Error::Protocol(error.to_string()))?;
    *request.headers_mut() = headers;
    Ok(request)
}
