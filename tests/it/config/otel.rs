//! The variables of OpenTelemetry.

use std::{collections::HashMap, time::Duration};

use mcp_lambda_server::{Config, config::VARIABLES, error::ConfigError, otel::OtelConfig};

const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318");
const TRACES: (&str, &str) =
    ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://xray.eu-north-1.amazonaws.com/v1/traces");
const METRICS: (&str, &str) = ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://[::1]:4318/m");

/// Reads a configuration from these variables alone.
fn with(variables: &[(&str, &str)]) -> Result<OtelConfig, ConfigError> {
    let variables: HashMap<_, _> = variables.iter().copied().collect();
    Config::from_lookup(|name| variables.get(name).map(|value| (*value).to_owned())).map(|config| config.otel)
}

/// The URLs of spans and of metrics.
fn urls(variables: &[(&str, &str)]) -> [Option<String>; 2] {
    let otel = with(variables).expect("valid");
    [otel.traces, otel.metrics].map(|endpoint| endpoint.map(|endpoint| endpoint.url))
}

#[test]
fn an_endpoint_is_for_both_and_one_of_its_own_goes_first_with_its_path() {
    let both = ["http://localhost:4318/v1/traces", "http://localhost:4318/v1/metrics"]
        .map(|url| Some(url.to_owned()));
    assert_eq!(urls(&[]), [None, None]);
    assert_eq!(urls(&[ENDPOINT]), both);
    assert_eq!(urls(&[(ENDPOINT.0, "http://localhost:4318/")]), both);
    assert_eq!(urls(&[TRACES]), [Some(TRACES.1.to_owned()), None]);
    assert_eq!(urls(&[ENDPOINT, METRICS]), [both[0].clone(), Some(METRICS.1.to_owned())]);
    assert_eq!(urls(&[ENDPOINT, METRICS, ("OTEL_SDK_DISABLED", "true")]), [None, None]);
}

#[test]
fn lists_are_pairs_and_values_may_be_percent_encoded() {
    let text = "authorization=Basic%20YWJj, x-tenant = a ,";
    let expected = [("authorization", "Basic YWJj"), ("x-tenant", "a")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let headers = with(&[ENDPOINT, ("OTEL_EXPORTER_OTLP_HEADERS", text)])
        .expect("valid")
        .traces
        .expect("an endpoint")
        .headers;
    assert_eq!(headers, expected);
    assert_eq!(with(&[("OTEL_RESOURCE_ATTRIBUTES", text)]).expect("valid").resource, expected);
    let service = with(&[("OTEL_SERVICE_NAME", "notes")]).expect("valid").service_name;
    assert_eq!(service.as_deref(), Some("notes"));
}

#[test]
fn a_sampler_has_its_name_and_its_share() {
    for (name, share, ratio, is_parent_based) in [
        ("", "", 1.0, true),
        ("always_on", "0.5", 1.0, false),
        ("always_off", "", 0.0, false),
        ("traceidratio", "0.25", 0.25, false),
        ("traceidratio", "", 1.0, false),
        ("parentbased_always_on", "", 1.0, true),
        ("parentbased_always_off", "", 0.0, true),
        ("parentbased_traceidratio", "0.1", 0.1, true),
    ] {
        let sampler = with(&[("OTEL_TRACES_SAMPLER", name), ("OTEL_TRACES_SAMPLER_ARG", share)])
            .expect("valid")
            .sampler;
        assert_eq!((sampler.ratio, sampler.is_parent_based), (ratio, is_parent_based), "{name} {share}");
    }
}

#[test]
fn a_timeout_is_in_milliseconds() {
    assert_eq!(with(&[]).expect("valid").timeout, Duration::from_secs(10));
    assert_eq!(
        with(&[("OTEL_EXPORTER_OTLP_TIMEOUT", "250")]).expect("valid").timeout,
        Duration::from_millis(250)
    );
}

#[test]
fn a_wrong_value_stops_with_the_name_and_what_was_expected() {
    let url = "a URL such as http://localhost:4318";
    let pairs = "a list such as name=value,other=value";
    for (name, value, expected) in [
        ("OTEL_SDK_DISABLED", "maybe", "on or off"),
        (ENDPOINT.0, "localhost:4318", url),
        (TRACES.0, "grpc://localhost:4317", url),
        (METRICS.0, "/v1/metrics", url),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization", pairs),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=%ff", pairs),
        ("OTEL_RESOURCE_ATTRIBUTES", "=1", pairs),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s", "a whole number from 1"),
        ("OTEL_TRACES_SAMPLER", "xray", "always_on, always_off or traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "2", "a number from 0 to 1"),
        ("OTEL_TRACES_SAMPLER_ARG", "NaN", "a number from 0 to 1"),
    ] {
        let error = with(&[(name, value)]).expect_err(name);
        assert_eq!(error.variable(), name);
        assert!(error.expected().contains(expected), "{error}");
    }
}

/// A log that shows a configuration or its error shows no header.
#[test]
fn a_header_is_never_shown() {
    let otel = with(&[ENDPOINT, ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=secret")]).expect("valid");
    assert!(!format!("{otel:?}").contains("secret"), "{otel:?}");
    let error = with(&[("OTEL_EXPORTER_OTLP_HEADERS", "a=1,secret")]).expect_err("refused");
    assert!(!format!("{error} {error:?}").contains("secret"), "{error}");
}

#[test]
fn every_variable_of_opentelemetry_is_used_here() {
    let file = include_str!("otel.rs");
    let names = VARIABLES.iter().map(|variable| variable.name).filter(|name| name.starts_with("OTEL_"));
    let unused: Vec<_> = names.filter(|name| !file.contains(&format!("\"{name}\""))).collect();
    assert_eq!(unused, [""; 0]);
}
