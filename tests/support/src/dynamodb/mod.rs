//! DynamoDB for tests: embedded, over real HTTP, one that counts its requests ([`counted`]) and one that fails on
//! command ([`proxy`]).

pub mod counted;
pub mod proxy;

use std::ops::Deref;

use mcp_lambda_server::{
    config::TlsRoots,
    dynamodb::{create_tables, http_client, sdk},
    session::SessionId,
};
use tokio::{net::TcpListener, runtime::Runtime};
use tokio_util::task::TaskTracker;

/// A database in this process, on loopback, on a thread and a clock of its own.
pub struct Embedded {
    pub url: String,
    runtime: Option<Runtime>,
}

impl Embedded {
    pub fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("a socket that does not block");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let database = dynoxide::Database::memory().expect("a database");
        {
            let _entered = runtime.enter();
            let listener = TcpListener::from_std(listener).expect("a listener");
            let owner = TaskTracker::new();
            owner.spawn_on(dynoxide::server::serve_on(listener, database), runtime.handle());
        }
        Self { url, runtime: Some(runtime) }
    }
}

/// The runtime that serves the database.
impl Deref for Embedded {
    type Target = Runtime;

    fn deref(&self) -> &Runtime {
        self.runtime.as_ref().expect("it runs until the database is dropped")
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // An asynchronous test must not wait for another runtime to end.
            runtime.shutdown_background();
        }
    }
}

/// Serves a database on the test's own runtime, and returns its URL.
pub async fn serve() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let database = dynoxide::Database::memory().expect("a database");
    TaskTracker::new().spawn(dynoxide::server::serve_on(listener, database));
    format!("http://{address}")
}

/// The configuration of a client of a database that checks no credentials. Each client has a region of its own, because
/// the SDK gives the clients of one region one budget of retries.
pub fn configured(url: &str, http: sdk::config::SharedHttpClient) -> sdk::config::Builder {
    sdk::Config::builder()
        .behavior_version(sdk::config::BehaviorVersion::latest())
        .endpoint_url(url)
        .region(sdk::config::Region::new(format!("region-{}", SessionId::random())))
        .credentials_provider(sdk::config::Credentials::new("test", "test", None, None, "test"))
        .http_client(http)
}

/// A client of the database at `url`.
pub fn client(url: &str) -> sdk::Client {
    sdk::Client::from_conf(configured(url, http_client(TlsRoots::Amazon).expect("TLS")).build())
}

/// Creates a table of state and a table of events in the database at `url`, and returns their names.
pub async fn tables(url: &str) -> (String, String) {
    tables_with(&client(url)).await
}

/// As [`tables`], with a given client. DynamoDB Local shows a table only to clients of the region that created it.
pub async fn tables_with(client: &sdk::Client) -> (String, String) {
    let run = SessionId::random();
    let (state, events) = (format!("state-{run}"), format!("events-{run}"));
    create_tables(client, &state, &events).await.expect("tables");
    (state, events)
}
