//! The event of Function URLs and HTTP APIs: payload format 2.0.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html>,
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>
//! (read 2026-11-20)

use std::{borrow::Cow, collections::BTreeMap};

use serde::Serialize;

use super::event::{Arrived, some};
use crate::clock::Utc;

/// The differences between a Function URL and an HTTP API.
pub(crate) struct Source<'a> {
    pub(crate) account: &'a str,
    pub(crate) api_id: &'a str,
    pub(crate) domain_name: String,
    /// A Function URL repeats cookies in `headers`, an HTTP API does not.
    pub(crate) cookie_header: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    version: &'static str,
    route_key: &'static str,
    raw_path: &'a str,
    raw_query_string: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cookies: Vec<String>,
    headers: BTreeMap<&'a str, Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    query_string_parameters: Option<BTreeMap<String, String>>,
    request_context: RequestContext<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Cow<'a, str>>,
    is_base64_encoded: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext<'a> {
    account_id: &'a str,
    api_id: &'a str,
    domain_name: &'a str,
    domain_prefix: &'a str,
    http: Http<'a>,
    request_id: &'a str,
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
    source_ip: String,
    user_agent: Cow<'a, str>,
}

/// The event for one request; `request_id` is the ingress's own.
pub(crate) fn event(arrived: &Arrived, source: &Source<'_>, request_id: &str) -> serde_json::Result<Vec<u8>> {
    let mut headers = arrived.joined_headers();
    if !source.cookie_header {
        headers.remove("cookie");
    }
    let query = arrived.decoded_query().into_iter().map(|(name, values)| (name, values.join(","))).collect();
    let (body, is_base64_encoded) = arrived.body();
    serde_json::to_vec(&Event {
        version: "2.0",
        route_key: "$default",
        raw_path: &arrived.path,
        raw_query_string: &arrived.query,
        cookies: arrived.cookies(),
        headers,
        query_string_parameters: some(query),
        request_context: RequestContext {
            account_id: source.account,
            api_id: source.api_id,
            domain_name: &source.domain_name,
            domain_prefix: source.api_id,
            http: Http {
                method: arrived.method.as_str(),
                path: &arrived.path,
                protocol: arrived.protocol,
                source_ip: arrived.peer.ip().to_string(),
                user_agent: arrived.user_agent(),
            },
            request_id,
            route_key: "$default",
            stage: "$default",
            time: Utc::from_epoch_ms(arrived.time_ms).access_log(),
            time_epoch: arrived.time_ms,
        },
        body,
        is_base64_encoded,
    })
}
