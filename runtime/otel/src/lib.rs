//! The OpenTelemetry side of [`mcp-lambda-server`](https://docs.rs/mcp-lambda-server): a span of each call of MCP, the spans of
//! the program's own code within it, and the duration of calls, by the conventions for MCP. They are sent with OTLP over HTTP.
//!
//! Use that crate, with its feature `otel`.
//!
//! The conventions: <https://github.com/open-telemetry/semantic-conventions-genai/blob/main/docs/gen-ai/mcp.md> (read 2026-11-27).
//!
//! * [`Otel`]: what the configuration sends, and where.
//! * [`call_spans`]: the span and the duration of a call. [`traces`]: the contexts that a call comes with.
//! * [`queue`]: spans that have ended. [`export`]: sends them, with the metrics. [`client`]: the HTTP request.
//! * [`resource`]: the attributes of the service. [`ids`]: the ids of traces and spans.
//!
//! The processors and readers of the SDK are not used: each runs a thread of its own, which a frozen environment stops, and
//! which cannot wait within an event loop of one thread.

#![warn(missing_debug_implementations)]

mod call_spans;
mod client;
mod export;
mod ids;
mod known_names;
mod queue;
mod resource;
mod traces;

use std::{sync::Arc, time::Duration};

pub use client::SignRequest;
use futures::{FutureExt, future::BoxFuture};
pub use ids::random_trace_id;
use mcp_lambda_core::{
    config::Config,
    error::ConfigError,
    telemetry::{BegunCall, Beside, RequestSpan, RequestTracer},
};
pub use opentelemetry;
use opentelemetry::{
    global, metrics::MeterProvider, propagation::TextMapCompositePropagator, trace::TracerProvider,
};
use opentelemetry_sdk::{
    metrics::SdkMeterProvider,
    propagation::{BaggagePropagator, TraceContextPropagator},
    trace::{Sampler, SdkTracerProvider},
};
use tracing_subscriber::{Layer, filter::Targets};

use crate::{call_spans::CallSpans, export::Exporter};

/// The scope of the spans and metrics of the server.
const SCOPE: &str = "mcp-lambda-server";

/// The spans and metrics of a server. Clones share them.
#[derive(Debug, Clone)]
pub struct Otel(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    tracers: SdkTracerProvider,
    meters: SdkMeterProvider,
    calls: CallSpans,
    exporter: Exporter,
}

impl Otel {
    /// What the configuration sends, with the name and the version of the server. `None`: it sends nothing.
    ///
    /// # Errors
    ///
    /// When an endpoint or a header cannot be used, or an endpoint of AWS is to be used without a signer.
    pub fn new(
        config: &Config,
        (name, version): (&str, &str),
        signer: Option<&Arc<dyn SignRequest>>,
    ) -> Result<Option<Self>, ConfigError> {
        let otel = &config.otel;
        if otel.traces.is_none() && otel.metrics.is_none() {
            return Ok(None);
        }
        let resource = resource::resource(config, name, version);
        let (spans, queue) = queue::queue();
        let mut tracers = SdkTracerProvider::builder()
            .with_resource(resource.clone())
            .with_sampler(sampler(config))
            .with_id_generator(ids::Ids);
        if otel.traces.is_some() {
            tracers = tracers.with_span_processor(spans);
        }
        let reader = export::Reader::new(config.runtime_api.is_some());
        let mut meters = SdkMeterProvider::builder().with_resource(resource.clone());
        if otel.metrics.is_some() {
            meters = meters.with_reader(reader.clone());
        }
        let (tracers, meters) = (tracers.build(), meters.build());
        let exporter = Exporter::new(otel, &resource, queue, reader, signer)?;
        let calls = CallSpans::new(tracers.tracer(SCOPE), otel.traces.is_some(), &meters.meter(SCOPE));
        Ok(Some(Self(Arc::new(Parts { tracers, meters, calls, exporter }))))
    }

    /// Makes this the process's OpenTelemetry: of `opentelemetry::global`, which the code of the program uses.
    pub fn install(&self) {
        global::set_tracer_provider(self.0.tracers.clone());
        global::set_meter_provider(self.0.meters.clone());
        global::set_text_map_propagator(TextMapCompositePropagator::new(vec![
            Box::new(TraceContextPropagator::new()),
            Box::new(BaggagePropagator::new()),
        ]));
    }

    /// A layer that makes spans of the program's spans, from level INFO on. The spans and lines of the server itself are left
    /// out: the span of a call has what they say, and lines can hold payloads.
    #[must_use]
    pub fn layer(&self) -> Beside {
        let own = [
            "mcp_lambda_core",
            "mcp_lambda_otel",
            "mcp_lambda_runtime",
            "mcp_lambda_aws",
            "mcp_lambda_server",
            "rmcp",
            "hyper",
        ];
        let filter = Targets::new()
            .with_default(tracing::level_filters::LevelFilter::INFO)
            .with_targets(own.map(|target| (target, tracing::level_filters::LevelFilter::OFF)));
        let layer = tracing_opentelemetry::layer().with_tracer(self.0.tracers.tracer(SCOPE));
        layer.with_filter(filter).boxed()
    }
}

impl RequestTracer for Otel {
    fn begin(&self, call: &BegunCall<'_>) -> Arc<dyn RequestSpan> {
        self.0.calls.begin(call)
    }

    fn flush(&self, budget: Duration) -> BoxFuture<'_, ()> {
        self.0.exporter.flush(budget).boxed()
    }
}

fn sampler(config: &Config) -> Sampler {
    let sampler = config.otel.sampler;
    let own = if sampler.ratio >= 1.0 {
        Sampler::AlwaysOn
    } else if sampler.ratio <= 0.0 {
        Sampler::AlwaysOff
    } else {
        Sampler::TraceIdRatioBased(sampler.ratio)
    };
    if sampler.is_parent_based { Sampler::ParentBased(Box::new(own)) } else { own }
}
