//! A receiver of OTLP over HTTP on this machine, which reads the protobuf that it is sent.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::{
    collector::{metrics::v1::ExportMetricsServiceRequest, trace::v1::ExportTraceServiceRequest},
    common::v1::{AnyValue, KeyValue, any_value::Value},
    metrics::v1::metric::Data,
};
use prost::Message;
use tokio::{net::TcpListener, task::JoinSet};

/// Attributes by name, as text.
pub type Attributes = BTreeMap<String, String>;

/// How requests are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// They are taken.
    Taken,
    /// They are refused with this status.
    Refused(u16),
    /// They are never answered.
    None,
}

/// A span as it was received.
#[derive(Debug, Clone)]
pub struct ReceivedSpan {
    pub name: String,
    /// `SERVER`, `INTERNAL`...
    pub kind: String,
    pub trace_id: String,
    pub span_id: String,
    /// Empty for a root.
    pub parent_id: String,
    pub attributes: Attributes,
    /// The trace id and the span id of each.
    pub links: Vec<(String, String)>,
    pub is_error: bool,
    /// The description of its status, and its events.
    pub texts: Vec<String>,
    pub resource: Attributes,
}

/// A point of a histogram as it was received.
#[derive(Debug, Clone)]
pub struct ReceivedPoint {
    pub metric: String,
    pub unit: String,
    pub attributes: Attributes,
    pub count: u64,
    pub bounds: Vec<f64>,
    pub is_delta: bool,
    pub resource: Attributes,
}

/// The receiver. It ends when it is dropped.
pub struct Receiver {
    pub url: String,
    shared: Arc<Shared>,
    _serving: JoinSet<()>,
}

struct Shared {
    answer: Mutex<Answer>,
    spans: Mutex<Vec<ReceivedSpan>>,
    points: Mutex<Vec<ReceivedPoint>>,
    /// The path and the headers of each request.
    requests: Mutex<Vec<(String, http::HeaderMap)>>,
}

impl Receiver {
    /// Starts one that takes everything.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let shared = Arc::new(Shared {
            answer: Mutex::new(Answer::Taken),
            spans: Mutex::default(),
            points: Mutex::default(),
            requests: Mutex::default(),
        });
        let mut serving = JoinSet::new();
        serving.spawn(serve(listener, Arc::clone(&shared)));
        Self { url, shared, _serving: serving }
    }

    /// From now on: how requests are answered.
    pub fn answer(&self, answer: Answer) {
        *self.shared.answer.lock().expect("no panic") = answer;
    }

    /// The spans so far.
    pub fn spans(&self) -> Vec<ReceivedSpan> {
        self.shared.spans.lock().expect("no panic").clone()
    }

    /// The points of histograms so far.
    pub fn points(&self) -> Vec<ReceivedPoint> {
        self.shared.points.lock().expect("no panic").clone()
    }

    /// The path and the headers of each request so far.
    pub fn requests(&self) -> Vec<(String, http::HeaderMap)> {
        self.shared.requests.lock().expect("no panic").clone()
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        let service = hyper::service::service_fn(move |request| answered(request, Arc::clone(&shared)));
        connections.spawn(async move {
            // The sender may leave before it has its response.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(socket), service)
                .await;
        });
    }
}

async fn answered(
    request: Request<Incoming>,
    shared: Arc<Shared>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let path = head.uri.path().to_owned();
    shared.requests.lock().expect("no panic").push((path.clone(), head.headers));
    let answer = *shared.answer.lock().expect("no panic");
    let status = match answer {
        Answer::None => std::future::pending().await,
        Answer::Refused(status) => StatusCode::from_u16(status).expect("a status"),
        Answer::Taken => {
            match path.as_str() {
                "/v1/traces" => shared.spans.lock().expect("no panic").extend(spans(&body)),
                "/v1/metrics" => shared.points.lock().expect("no panic").extend(points(&body)),
                other => panic!("OTLP has no path {other}"),
            }
            StatusCode::OK
        }
    };
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    Ok(response)
}

fn spans(body: &Bytes) -> Vec<ReceivedSpan> {
    let request = ExportTraceServiceRequest::decode(body.clone()).expect("spans of OTLP");
    let of_resources = request.resource_spans.into_iter().flat_map(|of_resource| {
        let resource =
            attributes(of_resource.resource.map(|resource| resource.attributes).unwrap_or_default());
        of_resource
            .scope_spans
            .into_iter()
            .flat_map(|scope| scope.spans)
            .map(move |span| (resource.clone(), span))
    });
    let received = of_resources.map(|(resource, span)| {
        let status = span.status.clone().unwrap_or_default();
        let events = span.events.iter().map(|event| format!("{event:?}"));
        ReceivedSpan {
            kind: span.kind().as_str_name().trim_start_matches("SPAN_KIND_").to_owned(),
            name: span.name,
            trace_id: hex(&span.trace_id),
            span_id: hex(&span.span_id),
            parent_id: hex(&span.parent_span_id),
            attributes: attributes(span.attributes),
            links: span.links.iter().map(|link| (hex(&link.trace_id), hex(&link.span_id))).collect(),
            is_error: status.code == 2,
            texts: std::iter::once(status.message.clone()).chain(events).collect(),
            resource,
        }
    });
    received.collect()
}

fn points(body: &Bytes) -> Vec<ReceivedPoint> {
    let request = ExportMetricsServiceRequest::decode(body.clone()).expect("metrics of OTLP");
    let mut received = Vec::new();
    for of_resource in request.resource_metrics {
        let resource =
            attributes(of_resource.resource.map(|resource| resource.attributes).unwrap_or_default());
        for metric in of_resource.scope_metrics.into_iter().flat_map(|scope| scope.metrics) {
            let Some(Data::Histogram(histogram)) = metric.data else { continue };
            received.extend(histogram.data_points.into_iter().map(|point| ReceivedPoint {
                metric: metric.name.clone(),
                unit: metric.unit.clone(),
                attributes: attributes(point.attributes),
                count: point.count,
                bounds: point.explicit_bounds,
                is_delta: histogram.aggregation_temporality == 1,
                resource: resource.clone(),
            }));
        }
    }
    received
}

fn attributes(pairs: Vec<KeyValue>) -> Attributes {
    pairs.into_iter().map(|pair| (pair.key, text(pair.value))).collect()
}

fn text(value: Option<AnyValue>) -> String {
    match value.and_then(|value| value.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::BoolValue(flag)) => flag.to_string(),
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::DoubleValue(number)) => number.to_string(),
        Some(Value::ArrayValue(list)) => {
            let items: Vec<_> = list.values.into_iter().map(|item| text(Some(item))).collect();
            items.join(",")
        }
        other => format!("{other:?}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
