//! The event of a Function URL
//! ([format 2.0](https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads)), made of an HTTP request.

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::Request;
use serde::Serialize;

use super::mode::InvokeMode;
use crate::{Error, clock};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    version: &'static str,
    route_key: &'static str,
    raw_path: &'a str,
    raw_query_string: &'a str,
    headers: BTreeMap<&'a str, String>,
    request_context: Context<'a>,
    body: String,
    is_base64_encoded: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Context<'a> {
    account_id: &'static str,
    api_id: &'static str,
    domain_name: &'a str,
    domain_prefix: &'static str,
    http: Http<'a>,
    request_id: String,
    route_key: &'static str,
    stage: &'static str,
    time: String,
    time_epoch: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Http<'a> {
    method: &'a str,
    path: &'a str,
    protocol: &'static str,
    source_ip: &'static str,
    user_agent: &'static str,
}

/// The host by which servers know that the response may be streamed, and one for a response in one piece.
const STREAMING_HOST: &str = "invoke.lambda-url.local.on.aws";
const BUFFERED_HOST: &str = "invoke.execute-api.local.amazonaws.com";

/// The event that carries a request.
pub(super) fn function_url(request: &Request<Bytes>, mode: InvokeMode) -> Result<Vec<u8>, Error> {
    let domain_name = match mode {
        InvokeMode::Stream => STREAMING_HOST,
        InvokeMode::Buffered => BUFFERED_HOST,
    };
    let mut headers: BTreeMap<&str, String> = BTreeMap::new();
    for (name, value) in request.headers() {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        headers.entry(name.as_str()).and_modify(|all| *all = format!("{all},{value}")).or_insert(value);
    }
    headers.insert("host", domain_name.to_owned());
    let now = clock::now();
    let epoch = now.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let (body, is_base64_encoded) = match std::str::from_utf8(request.body()) {
        Ok(text) => (text.to_owned(), false),
        Err(_) => (BASE64_STANDARD.encode(request.body()), true),
    };
    let path = request.uri().path();
    let event = Event {
        version: "2.0",
        route_key: "$default",
        raw_path: path,
        raw_query_string: request.uri().query().unwrap_or_default(),
        headers,
        request_context: Context {
            account_id: "anonymous",
            api_id: "invoke",
            domain_name,
            domain_prefix: "invoke",
            http: Http {
                method: request.method().as_str(),
                path,
                protocol: "HTTP/1.1",
                source_ip: "127.0.0.1",
                user_agent: concat!("mcp-lambda/", env!("CARGO_PKG_VERSION")),
            },
            request_id: format!("mcp-lambda-{}", epoch.as_nanos()),
            route_key: "$default",
            stage: "$default",
            time: httpdate::fmt_http_date(now),
            time_epoch: u64::try_from(epoch.as_millis()).unwrap_or(u64::MAX),
        },
        body,
        is_base64_encoded,
    };
    serde_json::to_vec(&event).map_err(|error| Error::Protocol(error.to_string()))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn an_event_has_the_request_with_each_of_its_headers() {
        let request = Request::post("https://function.on.aws/mcp?a=b")
            .header("mcp-method", "tools/call")
            .header("accept", "application/json")
            .header("accept", "text/event-stream")
            .body(Bytes::from_static(br#"{"jsonrpc":"2.0"}"#))
            .expect("a request");
        let event = function_url(&request, InvokeMode::Stream).expect("an event");
        let event: Value = serde_json::from_slice(&event).expect("JSON");
        assert_eq!(event["version"], "2.0");
        assert_eq!((&event["rawPath"], &event["rawQueryString"]), (&"/mcp".into(), &"a=b".into()));
        assert_eq!(event["headers"]["mcp-method"], "tools/call");
        assert_eq!(event["headers"]["accept"], "application/json,text/event-stream");
        assert_eq!(event["requestContext"]["http"]["method"], "POST");
        assert!(event["requestContext"]["domainName"].as_str().expect("text").contains(".lambda-url."));
        assert_eq!(event["body"], r#"{"jsonrpc":"2.0"}"#);
        assert_eq!(event["isBase64Encoded"], false);
    }

    /// The request context has the identity of the caller, which an invocation does not prove.
    #[test]
    fn an_event_claims_no_identity() {
        let event = function_url(&Request::new(Bytes::new()), InvokeMode::Buffered).expect("an event");
        let event: Value = serde_json::from_slice(&event).expect("JSON");
        assert!(event["requestContext"].get("authorizer").is_none());
    }
}
