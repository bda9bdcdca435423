//! The server under `lambda_http`, with response streaming. A layer tells it what `lambda_http` knows of a request: its
//! deadline, and that AWS has routed it by its host name.

use std::time::Duration;

use hosted::Hosted;
use lambda_http::{Request, RequestExt, run_with_streaming_response};
use mcp_lambda_server::{Clock, Config, Deadline, Delivery, Ingress, McpLambdaServer};
use tower::ServiceExt;

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    let clock = Clock::system();
    let server = McpLambdaServer::builder(Hosted).config(Config::from_env()?).build().await?;
    let service = server.map_request(move |mut request: Request| {
        let deadline = request.lambda_context_ref().map_or(u64::MAX, |context| context.deadline);
        let left = Duration::from_millis(deadline.saturating_sub(clock.now().as_millis()));
        let ingress = Ingress::behind_gateway(Deadline::after(left), Delivery::Stream);
        request.extensions_mut().insert(ingress);
        request
    });
    run_with_streaming_response(service).await
}
