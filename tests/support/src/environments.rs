//! Execution environments: servers that share nothing but a store, a clock and a test's word.

use futures::FutureExt;
use mcp_lambda_server::rmcp::ServerHandler;
use mcp_lambda_server::{
    Builder, Clock, Config, Error, McpLambdaServer, MemoryStore, Server, Stores, config::NamedKey,
    time::Timestamp,
};
use tokio::sync::{Mutex, mpsc};

use crate::fixture::{Fixture, Stage};

/// `n` environments of one deployment, and the strings that a test pulls.
pub struct World {
    pub servers: Vec<Server>,
    pub clock: Clock,
    pub stores: Stores,
    pub stage: Stage,
    reports: Mutex<mpsc::UnboundedReceiver<String>>,
}

impl World {
    /// Environment `at`.
    pub fn at(&self, at: usize) -> &Server {
        &self.servers[at]
    }

    /// The next thing a tool reported: `started`, `cancelled`, `dropped`...
    pub async fn report(&self) -> String {
        self.reports.lock().await.recv().await.expect("the stage is still there")
    }

    /// Lets tools that wait take `steps` more steps.
    pub fn allow(&self, steps: usize) {
        self.stage.gate.add_permits(steps);
    }
}

/// One environment with the default configuration.
pub fn environment() -> World {
    environments(1)
}

/// `n` environments with the default configuration and one key for `requestState`.
pub fn environments(n: usize) -> World {
    environments_with(n, |_| {})
}

/// The same with another configuration.
pub fn environments_with(n: usize, change: impl Fn(&mut Config)) -> World {
    world(n, change, |builder| builder)
}

/// The same with routes and layers.
pub fn world(
    n: usize,
    change: impl Fn(&mut Config),
    build: impl Fn(Builder<Fixture>) -> Builder<Fixture>,
) -> World {
    let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
    let stores = Stores::of(MemoryStore::new(clock.clone()));
    let (stage, reports) = Stage::new();
    let mut config = Config::default();
    config.state_keys = vec![key("one", 1)];
    change(&mut config);
    let server = || {
        let builder = McpLambdaServer::builder(Fixture::new(stage.clone()))
            .config(config.clone())
            .stores(stores.clone())
            .clock(clock.clone());
        built(build(builder)).expect("a usable configuration")
    };
    let servers = (0..n).map(|_| server()).collect();
    World { servers, clock, stores, stage, reports: Mutex::new(reports) }
}

/// Builds a server with the given stores: there is nothing to wait for.
///
/// # Errors
///
/// When the configuration cannot be used.
pub fn built<H: ServerHandler>(builder: Builder<H>) -> Result<Server, Error> {
    builder.build().now_or_never().expect("a build that waits for nothing")
}

/// A key for `requestState`, of one byte repeated.
pub fn key(id: &str, byte: u8) -> NamedKey {
    NamedKey::new(id, vec![byte; 32])
}
