//! The attributes of the service, which all its spans and metrics have:
//! <https://opentelemetry.io/docs/specs/semconv/resource/>, <https://opentelemetry.io/docs/specs/semconv/resource/faas/> (read
//! 2026-11-27).

use mcp_lambda_core::config::Config;
use opentelemetry::{Array, KeyValue, StringValue, Value};
use opentelemetry_sdk::{
    Resource,
    resource::{ResourceDetector, TelemetryResourceDetector},
};

/// The name of the service is that of the deployment, else that of the function, else that of the server.
pub(crate) fn resource(config: &Config, name: &str, version: &str) -> Resource {
    let otel = &config.otel;
    let mut attributes = vec![
        KeyValue::new("service.name", config.function_name.clone().unwrap_or_else(|| name.to_owned())),
        KeyValue::new("service.version", version.to_owned()),
    ];
    if config.runtime_api.is_some() {
        attributes.extend(of_function(config));
    }
    attributes.extend(otel.resource.iter().map(|(name, value)| KeyValue::new(name.clone(), value.clone())));
    attributes.extend(otel.service_name.clone().map(|name| KeyValue::new("service.name", name)));
    let detector: Box<dyn ResourceDetector> = Box::new(TelemetryResourceDetector);
    Resource::builder_empty().with_detector(detector).with_attributes(attributes).build()
}

fn of_function(config: &Config) -> Vec<KeyValue> {
    let function = &config.otel.function;
    let text = |name: &'static str, value: &Option<String>| Some(KeyValue::new(name, value.clone()?));
    let bytes = |mebibytes: u64| i64::try_from(mebibytes.saturating_mul(1024 * 1024)).unwrap_or(i64::MAX);
    let group = config.function_name.as_ref().map(|name| StringValue::from(format!("/aws/lambda/{name}")));
    let known = [
        Some(KeyValue::new("cloud.provider", "aws")),
        Some(KeyValue::new("cloud.platform", "aws_lambda")),
        text("cloud.region", &function.region),
        text("faas.name", &config.function_name),
        text("faas.version", &function.version),
        text("faas.instance", &function.log_stream),
        function.memory.map(|memory| KeyValue::new("faas.max_memory", bytes(memory))),
        group.map(|group| KeyValue::new("aws.log.group.names", Value::Array(Array::String(vec![group])))),
    ];
    known.into_iter().flatten().collect()
}
