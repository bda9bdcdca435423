//! The event of a REST API with Lambda proxy integration: payload format 1.0.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html> (read 2026-11-20)

use std::{borrow::Cow, collections::BTreeMap};

use base64::{Engine, prelude::BASE64_STANDARD};
use http::header::{ACCEPT, CONTENT_TYPE};
use percent_encoding::percent_decode_str;
use serde::Serialize;

use super::event::{Arrived, last, some};
use crate::{clock::Utc, function::ACCOUNT};

/// The API: one `{proxy+}` resource with an `ANY` method, deployed to one stage.
#[derive(Clone, Debug)]
pub(crate) struct RestApi {
    pub(crate) stage: String,
    /// Media types of bodies that are passed on as base64; all others are converted to text, even if that damages them.
    pub(crate) binary_media_types: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    resource: &'static str,
    path: &'a str,
    http_method: &'a str,
    headers: BTreeMap<String, Cow<'a, str>>,
    multi_value_headers: BTreeMap<String, Vec<Cow<'a, str>>>,
    query_string_parameters: Option<BTreeMap<String, String>>,
    multi_value_query_string_parameters: Option<BTreeMap<String, Vec<String>>>,
    path_parameters: Option<BTreeMap<&'static str, &'a str>>,
    stage_variables: Option<()>,
    request_context: RequestContext<'a>,
    body: Option<Cow<'a, str>>,
    is_base64_encoded: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext<'a> {
    resource_id: &'static str,
    resource_path: &'static str,
    http_method: &'a str,
    extended_request_id: &'a str,
    request_time: String,
    path: &'a str,
    account_id: &'static str,
    protocol: &'static str,
    stage: &'a str,
    domain_prefix: &'static str,
    request_time_epoch: u64,
    request_id: &'a str,
    identity: Identity<'a>,
    domain_name: Cow<'a, str>,
    api_id: &'static str,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Identity<'a> {
    cognito_identity_pool_id: Option<()>,
    account_id: Option<()>,
    cognito_identity_id: Option<()>,
    caller: Option<()>,
    source_ip: String,
    principal_org_id: Option<()>,
    access_key: Option<()>,
    cognito_authentication_type: Option<()>,
    cognito_authentication_provider: Option<()>,
    user_arn: Option<()>,
    user_agent: Cow<'a, str>,
    user: Option<()>,
}

impl RestApi {
    /// The event for one request. A path below `/<stage>` is one of the execute-api URL; any other is taken for one
    /// of a custom domain with an empty base path, by the name in `Host`.
    pub(crate) fn event(
        &self,
        arrived: &Arrived,
        region: &str,
        request_id: &str,
    ) -> serde_json::Result<Vec<u8>> {
        let whole = percent_decode_str(&arrived.path).decode_utf8_lossy();
        let below = whole.strip_prefix('/').and_then(|path| path.strip_prefix(self.stage.as_str()));
        let (path, domain_name) = match below {
            Some("") => ("/", None),
            Some(path) if path.starts_with('/') => (path, None),
            _ => (whole.as_ref(), Some(arrived.host())),
        };
        let domain_name =
            domain_name.unwrap_or_else(|| format!("emulator.execute-api.{region}.amazonaws.com").into());
        let proxy = path.trim_start_matches('/');
        let resource = if proxy.is_empty() { "/" } else { "/{proxy+}" };
        let query = arrived.decoded_query();
        let (body, is_base64_encoded) = self.body(arrived);
        serde_json::to_vec(&Event {
            resource,
            path,
            http_method: arrived.method.as_str(),
            headers: titled(arrived.last_headers()),
            multi_value_headers: titled(arrived.all_headers()),
            query_string_parameters: some(last(&query)),
            multi_value_query_string_parameters: some(query),
            path_parameters: (!proxy.is_empty()).then(|| BTreeMap::from([("proxy", proxy)])),
            stage_variables: None,
            request_context: self.context(arrived, (&whole, resource), domain_name, request_id),
            body,
            is_base64_encoded,
        })
    }

    fn context<'a>(
        &'a self,
        arrived: &'a Arrived,
        (path, resource_path): (&'a str, &'static str),
        domain_name: Cow<'a, str>,
        request_id: &'a str,
    ) -> RequestContext<'a> {
        RequestContext {
            resource_id: "emulator",
            resource_path,
            http_method: arrived.method.as_str(),
            extended_request_id: request_id,
            request_time: Utc::from_epoch_ms(arrived.time_ms).access_log(),
            path,
            account_id: ACCOUNT,
            protocol: arrived.protocol,
            stage: &self.stage,
            domain_prefix: "emulator",
            request_time_epoch: arrived.time_ms,
            request_id,
            identity: Identity {
                source_ip: arrived.peer.ip().to_string(),
                user_agent: arrived.user_agent(),
                ..Identity::default()
            },
            domain_name,
            api_id: "emulator",
        }
    }

    fn body<'a>(&self, arrived: &'a Arrived) -> (Option<Cow<'a, str>>, bool) {
        if arrived.body.is_empty() {
            (None, false)
        } else if self.is_binary(&arrived.header(CONTENT_TYPE)) {
            (Some(BASE64_STANDARD.encode(&arrived.body).into()), true)
        } else {
            (Some(String::from_utf8_lossy(&arrived.body)), false)
        }
    }

    /// Whether a base64 response is decoded: the first media type the client accepts decides.
    pub(crate) fn decodes_for(&self, arrived: &Arrived) -> bool {
        let accept = arrived.header(ACCEPT);
        self.is_binary(accept.split(',').next().unwrap_or_default())
    }

    fn is_binary(&self, media_type: &str) -> bool {
        let media_type = media_type.split(';').next().unwrap_or_default().trim();
        self.binary_media_types.iter().any(|binary| {
            binary == "*/*"
                || binary.eq_ignore_ascii_case(media_type)
                || binary.strip_suffix('*').is_some_and(|prefix| media_type.starts_with(prefix))
        })
    }
}

/// `content-type` as `Content-Type`: REST APIs keep the case clients of HTTP/1.1 write.
fn titled<V>(headers: BTreeMap<&str, V>) -> BTreeMap<String, V> {
    let title = |name: &str| {
        let words = name.split('-').map(|word| {
            let mut letters = word.chars();
            letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str())
        });
        words.map(Option::unwrap_or_default).collect::<Vec<_>>().join("-")
    };
    headers.into_iter().map(|(name, value)| (title(name), value)).collect()
}
