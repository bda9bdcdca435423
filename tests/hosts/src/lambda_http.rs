//! The server under `lambda_http`, with response streaming. A layer tells it what `lambda_http` knows of a request: its
//! deadline, its invocation, and that AWS has routed it by its host name.

use std::{sync::Arc, time::Duration};

use hosted::Hosted;
use lambda_http::{BoxFuture, Context, Error, Request, RequestExt, SnapStartResource, streaming_runtime};
use mcp_lambda_server::{
    Clock, Config, Deadline, Delivery, Ingress, Invocation, InvocationDetails, McpLambdaServer,
    time::Timestamp,
};
use tower::ServiceExt;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let clock = Clock::system();
    let server = McpLambdaServer::builder(Hosted)
        .config(Config::from_env()?)
        .layer(tower::layer::layer_fn(hosted::breaking))
        .build()
        .await?;
    let service = server.map_request(move |mut request: Request| {
        let deadline = request.lambda_context_ref().map_or(u64::MAX, |context| context.deadline);
        let left = Duration::from_millis(deadline.saturating_sub(clock.now().as_millis()));
        let ingress = Ingress::behind_gateway(Deadline::after(left), Delivery::Stream);
        let invocation = request.lambda_context_ref().map(invocation);
        request.extensions_mut().insert(ingress);
        if let Some(invocation) = invocation {
            request.extensions_mut().insert(invocation);
        }
        request
    });
    streaming_runtime(service).register_snapstart_resource(Arc::new(Resource)).run().await
}

/// The hooks around a snapshot.
struct Resource;

impl SnapStartResource for Resource {
    fn before_snapshot(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(hosted::hook("BEFORE_SNAPSHOT"))
    }

    fn after_restore(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(hosted::hook("AFTER_RESTORE"))
    }
}

/// What the tools of the server see of the invocation.
fn invocation(context: &Context) -> Invocation {
    let mut details = InvocationDetails::default();
    details.request_id.clone_from(&context.request_id);
    details.invoked_arn = context.invoked_function_arn.parse().ok();
    details.deadline = Some(Timestamp::from_millis(context.deadline));
    details.trace_header = context.xray_trace_id.as_ref().and_then(|header| header.parse().ok());
    details.tenant_id = context.tenant_id.as_ref().and_then(|tenant| tenant.parse().ok());
    details.client_context =
        context.client_context.as_ref().and_then(|context| serde_json::to_vec(context).ok()).map(Into::into);
    Invocation::new(details)
}
