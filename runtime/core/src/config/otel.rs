//! OpenTelemetry, by the variables of its specification:
//! <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>,
//! <https://opentelemetry.io/docs/specs/otel/protocol/exporter/> (read 2026-11-27).

use std::{fmt, time::Duration};

use http::Uri;
use percent_encoding::percent_decode_str;

use super::{Env, Variable, invalid_value, variables::*};
use crate::error::ConfigError;

/// What is sent to OpenTelemetry, and where.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct OtelConfig {
    /// Where spans are sent. Default: none, and there are no spans.
    pub traces: Option<OtlpEndpoint>,
    /// Where metrics are sent. Default: none, and there are no metrics.
    pub metrics: Option<OtlpEndpoint>,
    /// The timeout of a request to the receiver. Default: 10 s.
    pub timeout: Duration,
    /// The name of the service. Default: the name of the function, else that of the server.
    pub service_name: Option<String>,
    /// Other attributes of the service, by name.
    pub resource: Vec<(String, String)>,
    /// Which traces are sent. Default: those that the client records, and those that begin here.
    pub sampler: Sampler,
    /// The Lambda function that the server is.
    pub function: FunctionConfig,
}

/// A URL to which OTLP is sent.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OtlpEndpoint {
    /// The URL, with its path.
    pub url: String,
    /// Headers of each request. They may be secret.
    pub headers: Vec<(String, String)>,
}

/// Which traces are sent.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Sampler {
    /// The share of the traces that are sent, from 0 to 1.
    pub ratio: f64,
    /// Whether the trace of the client decides, if the client has one.
    pub is_parent_based: bool,
}

/// What Lambda tells a function of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FunctionConfig {
    /// The version.
    pub version: Option<String>,
    /// The memory, in MiB.
    pub memory: Option<u64>,
    /// The log stream of the environment.
    pub log_stream: Option<String>,
    /// The region.
    pub region: Option<String>,
}

impl OtlpEndpoint {
    /// An endpoint at a URL, without headers.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), headers: Vec::new() }
    }
}

impl Default for OtelConfig {
    fn default() -> Self {
        Self {
            traces: None,
            metrics: None,
            timeout: Duration::from_secs(10),
            service_name: None,
            resource: Vec::new(),
            sampler: Sampler { ratio: 1.0, is_parent_based: true },
            function: FunctionConfig::default(),
        }
    }
}

impl OtelConfig {
    pub(super) fn read(env: &Env<'_>) -> Result<Self, ConfigError> {
        let default = Self::default();
        let is_on = !env.switch(&OTEL_DISABLED, false)?;
        let headers = env.pairs(&OTLP_HEADERS)?;
        let endpoint = |own: &Variable, path| -> Result<Option<OtlpEndpoint>, ConfigError> {
            let url = match env.url(own)? {
                Some(url) => Some(url),
                None => env.url(&OTLP_ENDPOINT)?.map(|base| format!("{}/{path}", base.trim_end_matches('/'))),
            };
            let url = url.filter(|_| is_on);
            Ok(url.map(|url| OtlpEndpoint { url, headers: headers.clone() }))
        };
        let timeout = env.optional(&OTLP_TIMEOUT, 1)?;
        Ok(Self {
            traces: endpoint(&OTLP_TRACES_ENDPOINT, "v1/traces")?,
            metrics: endpoint(&OTLP_METRICS_ENDPOINT, "v1/metrics")?,
            timeout: timeout.map_or(default.timeout, Duration::from_millis),
            service_name: env.get(&OTEL_SERVICE),
            resource: env.pairs(&OTEL_RESOURCE)?,
            sampler: env.sampler()?,
            function: FunctionConfig {
                version: env.get(&FUNCTION_VERSION),
                memory: env.optional(&FUNCTION_MEMORY, 1)?,
                log_stream: env.get(&LOG_STREAM),
                region: env.get(&REGION),
            },
        })
    }
}

impl Env<'_> {
    fn url(&self, variable: &Variable) -> Result<Option<String>, ConfigError> {
        let Some(text) = self.get(variable) else { return Ok(None) };
        let uri = text.parse::<Uri>().ok();
        let is_valid =
            uri.is_some_and(|uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some());
        let expected = "a URL such as http://localhost:4318";
        if is_valid { Ok(Some(text)) } else { Err(invalid_value(variable, &text, expected)) }
    }

    /// A list such as `a=1,b=2`. Errors do not quote the value, because a header may be a secret.
    fn pairs(&self, variable: &Variable) -> Result<Vec<(String, String)>, ConfigError> {
        let text = self.get(variable).unwrap_or_default();
        let items = text.split(',').map(str::trim).enumerate().filter(|(_, item)| !item.is_empty());
        items
            .map(|(index, item)| {
                let pair = item.split_once('=').and_then(|(name, value)| {
                    let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
                    Some((name.trim().to_owned(), value.into_owned()))
                });
                pair.filter(|(name, _)| !name.is_empty()).ok_or_else(|| {
                    let found = format!("(entry {})", index + 1);
                    invalid_value(variable, &found, "a list such as name=value,other=value")
                })
            })
            .collect()
    }

    fn sampler(&self) -> Result<Sampler, ConfigError> {
        let share = |text: String| match text.parse::<f64>() {
            Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
            _ => Err(invalid_value(&OTEL_SAMPLER_ARG, &text, "a number from 0 to 1")),
        };
        let share = self.get(&OTEL_SAMPLER_ARG).map(share).transpose()?.unwrap_or(1.0);
        let Some(text) = self.get(&OTEL_SAMPLER) else { return Ok(OtelConfig::default().sampler) };
        let (own, is_parent_based) = match text.strip_prefix("parentbased_") {
            Some(own) => (own, true),
            None => (text.as_str(), false),
        };
        let ratio = match own {
            "always_on" => 1.0,
            "always_off" => 0.0,
            "traceidratio" => share,
            _ => {
                let expected =
                    "always_on, always_off or traceidratio, with or without parentbased_ before it";
                return Err(invalid_value(&OTEL_SAMPLER, &text, expected));
            }
        };
        Ok(Sampler { ratio, is_parent_based })
    }
}

impl fmt::Debug for OtlpEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtlpEndpoint").field("url", &self.url).finish_non_exhaustive()
    }
}
