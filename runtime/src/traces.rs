//! The log, and the spans of a program with the feature `otel`.

use mcp_lambda_core::{
    config::Config,
    error::ConfigError,
    handler::Handler,
    telemetry::{self, Logs},
    time::Clock,
};

use crate::backends::Sdk;

/// The spans and metrics of the server.
#[cfg(feature = "otel")]
pub(crate) type Tracing = mcp_lambda_otel::Otel;
/// A program without the feature has none.
#[cfg(not(feature = "otel"))]
pub(crate) type Tracing = std::convert::Infallible;

/// What the configuration sends. `None`: it sends nothing. The SDK configuration that the program brings has the credentials for
/// endpoints of AWS.
#[cfg(feature = "otel")]
pub(crate) fn of<H: Handler>(
    config: &Config,
    handler: &H,
    clock: &Clock,
    sdk: Option<&Sdk>,
) -> Result<Option<Tracing>, ConfigError> {
    if config.otel.traces.is_none() && config.otel.metrics.is_none() {
        return Ok(None);
    }
    let info = handler.info().server_info;
    Tracing::new(config, (&info.name, &info.version), signer(config, clock, sdk).as_ref())
}

#[cfg(not(feature = "otel"))]
#[expect(clippy::unnecessary_wraps, reason = "as in a program with the feature")]
pub(crate) fn of<H: Handler>(
    _: &Config,
    _: &H,
    _: &Clock,
    _: Option<&Sdk>,
) -> Result<Option<Tracing>, ConfigError> {
    Ok(None)
}

#[cfg(all(feature = "otel", feature = "aws"))]
#[expect(clippy::unnecessary_wraps, reason = "a binary without AWS signs nothing")]
fn signer(
    config: &Config,
    clock: &Clock,
    sdk: Option<&Sdk>,
) -> Option<std::sync::Arc<dyn mcp_lambda_otel::SignRequest>> {
    let aws = mcp_lambda_aws::sdk::AwsSdk::new(config.tls_roots, sdk.map(|sdk| (**sdk).clone()));
    Some(std::sync::Arc::new(signing::Signer::new(aws, clock.clone())))
}

#[cfg(all(feature = "otel", not(feature = "aws")))]
fn signer(
    _: &Config,
    _: &Clock,
    _: Option<&Sdk>,
) -> Option<std::sync::Arc<dyn mcp_lambda_otel::SignRequest>> {
    None
}

/// Installs the log, and the spans of the program beside it.
#[cfg(feature = "otel")]
pub(crate) fn init_logs(config: &Config, tracing: Option<&Tracing>) -> Logs {
    if let Some(tracing) = tracing {
        tracing.install();
    }
    telemetry::init_logs(config, tracing.map(Tracing::layer))
}

#[cfg(not(feature = "otel"))]
pub(crate) fn init_logs(config: &Config, _: Option<&Tracing>) -> Logs {
    telemetry::init_logs(config, None)
}

/// What gets a span of each call.
#[cfg(feature = "otel")]
pub(crate) fn tracer(tracing: &Tracing) -> std::sync::Arc<dyn telemetry::RequestTracer> {
    std::sync::Arc::new(tracing.clone())
}

#[cfg(not(feature = "otel"))]
pub(crate) fn tracer(tracing: &Tracing) -> std::convert::Infallible {
    match *tracing {}
}

/// Signatures of requests to endpoints of AWS.
#[cfg(all(feature = "otel", feature = "aws"))]
mod signing {
    use bytes::Bytes;
    use futures::{FutureExt, future::BoxFuture};
    use http::Request;
    use mcp_lambda_aws::{sdk::AwsSdk, sigv4};
    use mcp_lambda_core::{http::BoxError, time::Clock};
    use mcp_lambda_otel::SignRequest;

    /// Signs with the credentials of the SDK configuration, which is loaded with the first request.
    #[derive(Debug)]
    pub(super) struct Signer {
        aws: AwsSdk,
        clock: Clock,
    }

    impl Signer {
        pub(super) fn new(aws: AwsSdk, clock: Clock) -> Self {
            Self { aws, clock }
        }
    }

    impl SignRequest for Signer {
        fn signed<'a>(
            &'a self,
            request: Request<Bytes>,
            service: &'a str,
            region: &'a str,
        ) -> BoxFuture<'a, Result<Request<Bytes>, BoxError>> {
            async move {
                let config = self.aws.config().await?;
                sigv4::signed(config, request, service, region, self.clock.now()).await
            }
            .boxed()
        }
    }
}
