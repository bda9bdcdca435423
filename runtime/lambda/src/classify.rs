//! The kind of event that an invocation carries.
//!
//! One pass over the JSON reads the fields that distinguish the kinds and the fields of HTTP requests; it skips the others.
//! Shapes: <https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html>,
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>,
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html> (read 2026-11-20).

use std::{
    borrow::{Borrow, Cow},
    collections::BTreeMap,
    ops::Deref,
};

use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;

use super::{roles::EventKind, self_test, task_action::TaskAction, task_update};

/// An event, by its kind.
#[derive(Debug)]
pub(super) enum Invocation<'a> {
    /// An HTTP request.
    Http(Box<HttpEvent<'a>>, IngressKind),
    /// A JSON-RPC message, sent with the Invoke API.
    DirectInvoke,
    /// A request of an API Gateway to its Lambda authorizer.
    Authorizer,
    /// Messages of an SNS topic.
    Sns,
    /// An event of an EventBridge bus.
    EventBridge,
    /// Messages of an SQS queue.
    Sqs,
    /// An action on tasks.
    TaskAction,
    /// A tool call of an AgentCore Gateway.
    AgentCore,
    /// The self-test of the function.
    SelfTest,
    /// Lambda's report that a streamed response has ended. It needs no action.
    Completion,
    /// A scheduled event that keeps the environment warm. It needs no action.
    WarmUp,
    /// An event of no known kind, with its top-level keys.
    Unknown(Vec<String>),
}

impl Invocation<'_> {
    /// The kind of the event. `None` when it is unknown.
    pub(super) fn kind(&self) -> Option<EventKind> {
        Some(match self {
            Self::Http(..) => EventKind::Http,
            Self::DirectInvoke => EventKind::DirectInvoke,
            Self::Authorizer => EventKind::Authorizer,
            Self::Sns => EventKind::Sns,
            Self::EventBridge => EventKind::EventBridge,
            Self::Sqs => EventKind::Sqs,
            Self::TaskAction => EventKind::TaskAction,
            Self::AgentCore => EventKind::AgentCore,
            Self::SelfTest => EventKind::SelfTest,
            Self::Completion => EventKind::Completion,
            Self::WarmUp => EventKind::WarmUp,
            Self::Unknown(_) => return None,
        })
    }
}

/// The kinds of gateways, by the format of their events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IngressKind {
    /// A Lambda Function URL: payload 2.0 under AWS's own host name.
    FunctionUrl,
    /// API Gateway HTTP API: payload 2.0 under any other name.
    HttpApi,
    /// API Gateway REST API: payload 1.0.
    RestApi,
    /// Application Load Balancer.
    Alb {
        /// Whether multi-value headers are enabled for the target group.
        multi_value: bool,
    },
}

/// Text of an event. It is copied only if it contains escapes. serde borrows a `Cow<str>` field, but always copies a
/// `Cow<str>` inside an `Option` or a collection; this type is borrowed there too.
#[derive(Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(transparent)]
pub(super) struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Text<'_> {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// Values by name, sorted by name.
pub(super) type Named<'a, T> = BTreeMap<Text<'a>, T>;

/// The fields of the HTTP events of all gateways. Which of them an event has depends on its gateway.
#[derive(Debug, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct HttpEvent<'a> {
    #[serde(borrow)]
    pub(super) raw_path: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) raw_query_string: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) path: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) http_method: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) headers: Option<Named<'a, Text<'a>>>,
    #[serde(borrow)]
    pub(super) multi_value_headers: Option<Named<'a, Vec<Text<'a>>>>,
    #[serde(borrow)]
    pub(super) query_string_parameters: Option<Named<'a, Option<Text<'a>>>>,
    #[serde(borrow)]
    pub(super) multi_value_query_string_parameters: Option<Named<'a, Option<Vec<Text<'a>>>>>,
    #[serde(borrow)]
    pub(super) cookies: Option<Vec<Text<'a>>>,
    #[serde(borrow)]
    pub(super) body: Option<Text<'a>>,
    pub(super) is_base64_encoded: Option<bool>,
    #[serde(borrow)]
    pub(super) request_context: Option<RequestContext<'a>>,
    #[serde(borrow)]
    pub(super) path_parameters: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) stage_variables: Option<&'a RawValue>,
    // An authorizer's event has the fields of the request, and these besides.
    #[serde(borrow, rename = "type")]
    kind: Option<&'a RawValue>,
    method_arn: Option<IgnoredAny>,
    route_arn: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct RequestContext<'a> {
    pub(super) http: Option<HttpContext<'a>>,
    pub(super) elb: Option<IgnoredAny>,
    #[serde(borrow)]
    pub(super) stage: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) domain_name: Option<Text<'a>>,
    // Raw text: they are parsed only for the gateways that set them.
    #[serde(borrow)]
    pub(super) authorizer: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) identity: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
pub(super) struct HttpContext<'a> {
    #[serde(borrow)]
    pub(super) method: Text<'a>,
    #[serde(borrow, default, rename = "sourceIp")]
    pub(super) source_ip: Option<Text<'a>>,
}

/// The fields that distinguish the kinds, as raw text: a wrong type in one field must not hide another field.
#[derive(Deserialize, Default)]
#[serde(default)]
struct EventProbe<'a> {
    #[serde(borrow, rename = "Records")]
    records: Option<&'a RawValue>,
    #[serde(borrow, rename = "detail-type")]
    detail_type: Option<&'a RawValue>,
    #[serde(borrow, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(rename = "methodArn")]
    method_arn: Option<IgnoredAny>,
    #[serde(rename = "routeArn")]
    route_arn: Option<IgnoredAny>,
    #[serde(rename = "requestContext")]
    request_context: Option<IgnoredAny>,
    #[serde(rename = "invokeCompletionStatus")]
    completion: Option<IgnoredAny>,
    jsonrpc: Option<IgnoredAny>,
    #[serde(borrow)]
    source: Option<&'a RawValue>,
    #[serde(borrow)]
    action: Option<&'a RawValue>,
    warmup: Option<IgnoredAny>,
    ping: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Record<'a> {
    // SNS calls the field `EventSource`, SQS calls it `eventSource`.
    #[serde(borrow, default, rename = "EventSource")]
    sns: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "eventSource")]
    sqs: Option<Cow<'a, str>>,
}

/// Why an event cannot be served.
#[derive(Debug, thiserror::Error)]
pub(super) enum EventError {
    #[error("the event is an HTTP request that cannot be read: {0}")]
    Http(serde_json::Error),
    #[error("the event is not a JSON object")]
    NotAnObject,
}

/// Determines the kind of an event. `is_agent_core` comes from the client context, because the event does not show it.
pub(super) fn classify(event: &str, is_agent_core: bool) -> Result<Invocation<'_>, EventError> {
    if is_agent_core {
        return Ok(Invocation::AgentCore);
    }
    if !event.trim_start().starts_with('{') {
        return Err(EventError::NotAnObject);
    }
    // Nearly every event is an HTTP request: one pass recognises it. A valid HTTP request takes precedence over any
    // field of another kind that a client could add to it.
    if let Ok(http) = serde_json::from_str::<HttpEvent<'_>>(event)
        && let Some(ingress) = http.ingress()
        && !http.is_for_authorizer()
    {
        return Ok(Invocation::Http(Box::new(http), ingress));
    }
    let probe: EventProbe<'_> = serde_json::from_str(event).map_err(|_| EventError::NotAnObject)?;
    if probe.is_for_authorizer() {
        return Ok(Invocation::Authorizer);
    }
    if probe.request_context.is_some() {
        let http: HttpEvent<'_> = serde_json::from_str(event).map_err(EventError::Http)?;
        if let Some(ingress) = http.ingress() {
            return Ok(Invocation::Http(Box::new(http), ingress));
        }
    }
    Ok(probe.other(event))
}

impl EventProbe<'_> {
    fn is_for_authorizer(&self) -> bool {
        asks_authorizer(self.kind) && (self.method_arn.is_some() || self.route_arn.is_some())
    }

    fn other<'e>(&self, event: &str) -> Invocation<'e> {
        let source = self.source.map(RawValue::get);
        if let Some(invocation) = self.records.and_then(of_records) {
            invocation
        } else if self.detail_type.is_some() && source.is_some() {
            match self
                .detail_type
                .map(RawValue::get)
                .is_some_and(|kind| is_text(kind, task_update::DETAIL_TYPE))
            {
                true => Invocation::TaskAction,
                false => Invocation::EventBridge,
            }
        } else if let Some(action) = self.action
            && source.is_some_and(|source| is_text(source, TaskAction::SOURCE))
        {
            if is_text(action.get(), self_test::ACTION) {
                Invocation::SelfTest
            } else {
                Invocation::TaskAction
            }
        } else if self.jsonrpc.is_some() {
            Invocation::DirectInvoke
        } else if self.completion.is_some() {
            Invocation::Completion
        } else if self.warmup.is_some()
            || self.ping.is_some()
            || source == Some(r#""serverless-plugin-warmup""#)
        {
            Invocation::WarmUp
        } else {
            Invocation::Unknown(top_level_keys(event))
        }
    }
}

/// Whether JSON is this text, which needs no escapes.
fn is_text(json: &str, text: &str) -> bool {
    json.strip_prefix('"').and_then(|json| json.strip_suffix('"')) == Some(text)
}

fn asks_authorizer(kind: Option<&RawValue>) -> bool {
    kind.is_some_and(|kind| matches!(kind.get(), r#""REQUEST""# | r#""TOKEN""#))
}

fn of_records<'e>(records: &RawValue) -> Option<Invocation<'e>> {
    let records: Vec<Record<'_>> = serde_json::from_str(records.get()).ok()?;
    let first = records.first()?;
    match (first.sns.as_deref(), first.sqs.as_deref()) {
        (Some("aws:sns"), _) => Some(Invocation::Sns),
        (_, Some("aws:sqs")) => Some(Invocation::Sqs),
        _ => None,
    }
}

/// The keys of an event, for the error text. Its values could be secrets.
fn top_level_keys(event: &str) -> Vec<String> {
    let keys: BTreeMap<String, IgnoredAny> = serde_json::from_str(event).unwrap_or_default();
    keys.into_keys().take(20).map(|key| key.chars().take(64).collect()).collect()
}

impl HttpEvent<'_> {
    fn is_for_authorizer(&self) -> bool {
        asks_authorizer(self.kind) && (self.method_arn.is_some() || self.route_arn.is_some())
    }

    /// The kind of gateway that sent the event. `None` if it is not an HTTP event.
    fn ingress(&self) -> Option<IngressKind> {
        let context = self.request_context.as_ref()?;
        if context.elb.is_some() && self.http_method.is_some() {
            return Some(IngressKind::Alb { multi_value: self.multi_value_headers.is_some() });
        }
        if context.http.is_some() {
            let domain = context.domain_name.as_deref().unwrap_or_default();
            // `cargo lambda watch` calls the Function URLs that it serves by this name.
            let is_url =
                domain.contains(".lambda-url.") && domain.ends_with(".on.aws") || domain == "localhost";
            return Some(if is_url { IngressKind::FunctionUrl } else { IngressKind::HttpApi });
        }
        self.http_method.is_some().then_some(IngressKind::RestApi)
    }
}
