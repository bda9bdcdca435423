//! The trace header on calls to AWS.

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{Intercept, context::BeforeTransmitInterceptorContextMut, dyn_dispatch_hint},
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::config_bag::ConfigBag;
use mcp_lambda_core::telemetry::trace_header;

const TRACE_HEADER: &str = "x-amzn-trace-id";

/// Puts the `X-Amzn-Trace-Id` of the invocation on each call of an SDK client, by which Lambda stops functions that invoke
/// each other in a loop, and X-Ray links their traces. The clients of this crate have it; so should those of a program:
///
/// ```
/// use mcp_lambda_server::{
///     TraceHeader,
///     dynamodb::{SdkConfig, sdk},
/// };
///
/// fn client(config: &SdkConfig) -> sdk::Client {
///     let config = sdk::config::Builder::from(config).interceptor(TraceHeader::new());
///     sdk::Client::from_conf(config.build())
/// }
/// ```
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct TraceHeader;

impl TraceHeader {
    /// Creates the interceptor.
    #[must_use]
    pub fn new() -> Self {
        Self
    }
}

#[dyn_dispatch_hint]
impl Intercept for TraceHeader {
    fn name(&self) -> &'static str {
        "TraceHeader"
    }

    // Before signing, as the SDK's own interceptor, which then finds the header and leaves it. The header is not signed.
    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // Each try of a call passes here.
        #[cfg(feature = "metrics")]
        mcp_lambda_core::telemetry::count_round_trip();
        let header = trace_header();
        if let Some(header) = header.as_ref().and_then(|header| header.to_str().ok()) {
            context.request_mut().headers_mut().insert(TRACE_HEADER, header.to_owned());
        }
        Ok(())
    }
}
