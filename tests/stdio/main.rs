//! Servers of the stdio transport behind ours: what passes, and how their processes live.

mod asks;
mod bounds;
mod children;
mod composed;
mod environments;
mod frozen;
mod isolation;
mod lambda;
mod passing;
mod suspended;
mod tasks;

use mcp_lambda_server::{
    Clock, Config, McpLambdaServer, MemoryStore, Server, Stores, config::NamedKey, stdio::StdioServer,
};
use serde_json::{Value, json};
use test_support::{McpRequest, Reply, call, process::Watched, result, session::Client, stateless};

/// A scripted server with these options.
fn scripted(options: &[&str]) -> StdioServer {
    StdioServer::new(env!("CARGO_BIN_EXE_scripted-server")).args(options).name("scripted")
}

/// A server in front of it, ready to serve.
async fn serving(stdio: StdioServer) -> Server {
    let clock = Clock::system();
    let mut config = Config::default();
    config.state_keys = vec![NamedKey::new("one", vec![1; 32])];
    let stores = Stores::of(MemoryStore::new(clock.clone()));
    let builder = McpLambdaServer::builder(stdio).config(config).stores(stores).clock(clock);
    builder.build().await.expect("a command that starts")
}

/// One in each era that a scripted server speaks, with the name of that.
async fn in_both_eras() -> Vec<(&'static str, Server)> {
    let mut servers = Vec::new();
    for speaks in ["2025-11-25", "2026-07-28"] {
        servers.push((speaks, serving(scripted(&["--speaks", speaks])).await));
    }
    servers
}

/// What a tool returns as structured content, to a client of 2026-07-28.
async fn structured(server: &Server, tool: &str, arguments: Value) -> Value {
    result(call(tool, arguments).send(server).await).await["structuredContent"].clone()
}

/// Watches a process by its id in JSON.
fn watched(pid: &Value) -> Watched {
    Watched::of(pid.as_u64().and_then(|pid| u32::try_from(pid).ok()).expect("the id of a process"))
}
