//! rmcp's `StreamableHttpService`, stateless, on `lambda_http`: an MCP server on Lambda without this repository.
//!
//! `bench-rmcp-service default` runs on tokio's default runtime, `bench-rmcp-service current-thread` on one thread.

use std::sync::Arc;

use bench_tools::Tools;
use lambda_http::{Error, run_with_streaming_response};
use rmcp::transport::streamable_http_server::{
    StreamableHttpServerConfig, StreamableHttpService, session::never::NeverSessionManager,
};
use tokio::runtime::Builder;

fn main() -> Result<(), Error> {
    let mut builder = match std::env::args().nth(1).as_deref() {
        Some("current-thread") => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    builder.enable_all().build()?.block_on(serve())
}

async fn serve() -> Result<(), Error> {
    let tools = Tools::new();
    let config = StreamableHttpServerConfig::default()
        .disable_allowed_hosts()
        .with_legacy_session_mode(false)
        .with_json_response(true);
    let service = StreamableHttpService::new(
        move || Ok(tools.clone()),
        Arc::new(NeverSessionManager::default()),
        config,
    );
    run_with_streaming_response(service).await
}
