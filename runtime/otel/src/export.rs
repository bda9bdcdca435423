//! Sends spans and metrics, within a bounded time.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use mcp_lambda_core::{
    config::{OtelConfig, OtlpEndpoint},
    error::{Causes, ConfigError},
};
use opentelemetry_otlp::{
    ExporterBuildError, MetricExporter, Protocol, RetryPolicy, SpanExporter, WithExportConfig, WithHttpConfig,
};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    metrics::{
        InstrumentKind, ManualReader, Pipeline, Temporality, data::ResourceMetrics,
        exporter::PushMetricExporter, reader::MetricReader,
    },
    trace::SpanExporter as _,
};
use tokio::time::Instant;

use crate::{
    client::{Client, SignRequest, service_of_aws},
    queue::SpanQueue,
};

/// How long nothing is sent after a receiver has failed: each try may take all the time that there is, and on Lambda that time
/// is billed.
const PAUSE: Duration = Duration::from_secs(30);

/// Sends what has ended.
#[derive(Debug)]
pub(crate) struct Exporter {
    queue: SpanQueue,
    spans: Option<SpanExporter>,
    metrics: Option<(Reader, MetricExporter)>,
    paused_until: Mutex<Option<Instant>>,
}

impl Exporter {
    pub(crate) fn new(
        config: &OtelConfig,
        resource: &Resource,
        queue: SpanQueue,
        reader: Reader,
        signer: Option<&Arc<dyn SignRequest>>,
    ) -> Result<Self, ConfigError> {
        let client = || Client::new(config.timeout, signer.cloned());
        for endpoint in config.traces.iter().chain(&config.metrics) {
            check(endpoint, signer.is_some())?;
        }
        let spans = config.traces.as_ref().map(|endpoint| {
            let builder = SpanExporter::builder().with_http().with_http_client(client());
            let built = configured(builder, config, endpoint).build();
            built.map_err(|error| invalid(endpoint, &error))
        });
        let metrics = config.metrics.as_ref().map(|endpoint| {
            let builder = MetricExporter::builder().with_temporality(reader.temporality).with_http();
            let builder = builder.with_http_client(client());
            let built = configured(builder, config, endpoint).build();
            built.map(|exporter| (reader, exporter)).map_err(|error| invalid(endpoint, &error))
        });
        let mut spans = spans.transpose()?;
        if let Some(spans) = &mut spans {
            spans.set_resource(resource);
        }
        Ok(Self { queue, spans, metrics: metrics.transpose()?, paused_until: Mutex::default() })
    }

    /// Sends what has ended, for so long at most.
    pub(crate) async fn flush(&self, budget: Duration) {
        if budget.is_zero() || self.is_paused() {
            return;
        }
        let failed = match tokio::time::timeout(budget, self.send()).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(Causes(&error).to_string()),
            Err(_) => Some(format!("there was no response within {} ms", budget.as_millis())),
        };
        if let Some(error) = failed {
            *self.paused_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + PAUSE);
            let seconds = PAUSE.as_secs();
            tracing::warn!(error, seconds, "spans and metrics were not sent, and wait before the next try");
        }
    }

    async fn send(&self) -> OTelSdkResult {
        if let Some(exporter) = &self.spans {
            let dropped = self.queue.take_dropped();
            if dropped > 0 {
                tracing::warn!(dropped, "spans were dropped: more ended than were sent");
            }
            loop {
                let spans = self.queue.take();
                if spans.is_empty() {
                    break;
                }
                exporter.export(spans).await?;
            }
        }
        if let Some((reader, exporter)) = &self.metrics {
            let mut metrics = ResourceMetrics::default();
            reader.collect(&mut metrics)?;
            if metrics.scope_metrics().next().is_some() {
                exporter.export(&metrics).await?;
            }
        }
        Ok(())
    }

    fn is_paused(&self) -> bool {
        let until = *self.paused_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| Instant::now() < until)
    }
}

/// An exporter of OTLP as protobuf. A request that fails is not sent again: the time for it is short.
fn configured<B: WithExportConfig + WithHttpConfig>(
    builder: B,
    config: &OtelConfig,
    endpoint: &OtlpEndpoint,
) -> B {
    let headers: HashMap<String, String> = endpoint.headers.iter().cloned().collect();
    builder
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(endpoint.url.clone())
        .with_timeout(config.timeout)
        .with_headers(headers)
        .with_retry_policy(RetryPolicy::disabled())
}

/// Refuses an endpoint of AWS that no request could be signed for.
fn check(endpoint: &OtlpEndpoint, has_signer: bool) -> Result<(), ConfigError> {
    let is_of_aws = endpoint.url.parse().is_ok_and(|uri| service_of_aws(&uri).is_some());
    let has_token = endpoint.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization"));
    if !is_of_aws || has_signer || has_token {
        return Ok(());
    }
    let expected = "an endpoint that needs no signature, or the feature `aws` in this binary, or an authorization in \
                    OTEL_EXPORTER_OTLP_HEADERS";
    Err(ConfigError::new("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint.url, expected))
}

fn invalid(endpoint: &OtlpEndpoint, error: &ExporterBuildError) -> ConfigError {
    ConfigError::new(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        &endpoint.url,
        format!("an endpoint that can be used: {error}"),
    )
}

/// Collects the metrics. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Reader {
    reader: Arc<ManualReader>,
    temporality: Temporality,
}

impl Reader {
    /// On Lambda each request has what was measured since the last one: an environment may end at any time, and series of those
    /// that have ended would be sent for ever by none.
    pub(crate) fn new(is_on_lambda: bool) -> Self {
        let temporality = if is_on_lambda { Temporality::Delta } else { Temporality::Cumulative };
        let reader = Arc::new(ManualReader::builder().with_temporality(temporality).build());
        Self { reader, temporality }
    }
}

impl MetricReader for Reader {
    fn register_pipeline(&self, pipeline: Weak<Pipeline>) {
        self.reader.register_pipeline(pipeline);
    }

    fn collect(&self, metrics: &mut ResourceMetrics) -> OTelSdkResult {
        self.reader.collect(metrics)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.reader.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.reader.shutdown_with_timeout(timeout)
    }

    fn temporality(&self, kind: InstrumentKind) -> Temporality {
        self.reader.temporality(kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_of_aws_needs_a_signer_or_a_token() {
        let aws = OtlpEndpoint::new("https://xray.eu-north-1.amazonaws.com/v1/traces");
        let error = check(&aws, false).expect_err("refused");
        assert!(error.to_string().contains("the feature `aws`"), "{error}");
        let mut with_token = aws.clone();
        with_token.headers.push(("Authorization".to_owned(), "Bearer a".to_owned()));
        assert!(check(&aws, true).is_ok() && check(&with_token, false).is_ok());
        assert!(check(&OtlpEndpoint::new("http://localhost:4318/v1/traces"), false).is_ok());
    }
}
