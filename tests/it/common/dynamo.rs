//! A DynamoDB for tests that count what it is asked: embedded, real HTTP, and every round trip takes as long.
//!
//! The database runs on a thread and a clock of its own. What a test's client sends travels [`TRIP`] on the test's clock,
//! which is paused and moves only while everybody waits: so the time a request took, in trips, is the number of round
//! trips that had to wait for one another.

use std::{
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_smithy_runtime_api::client::{
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
        SharedHttpConnector,
    },
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use aws_smithy_types::body::SdkBody;
use http_body_util::BodyExt;
use mcp_lambda_server::{
    Clock, Stores,
    config::TlsRoots,
    session::SessionId,
    store::dynamodb::{DynamoStore, create_tables, http_client, sdk},
};
use sdk::config::http::HttpRequest;

/// How long a round trip takes.
pub(crate) const TRIP: Duration = Duration::from_millis(10);

/// A database in this process, on loopback.
pub(crate) struct Embedded {
    pub(crate) url: String,
    pub(crate) runtime: tokio::runtime::Runtime,
}

impl Embedded {
    pub(crate) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("a socket that does not block");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let database = dynoxide::Database::memory().expect("a database");
        let _entered = runtime.enter();
        let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
        let owner = tokio_util::task::TaskTracker::new();
        owner.spawn_on(dynoxide::server::serve_on(listener, database), runtime.handle());
        Self { url, runtime }
    }
}

/// A client's configuration for a database that checks no credentials. Each client has a region of its own, because
/// clients of one region share what they may still try again.
pub(crate) fn configured(url: &str, http: SharedHttpClient) -> sdk::config::Builder {
    sdk::Config::builder()
        .behavior_version(sdk::config::BehaviorVersion::latest())
        .endpoint_url(url)
        .region(sdk::config::Region::new(format!("region-{}", SessionId::random())))
        .credentials_provider(sdk::config::Credentials::new("test", "test", None, None, "test"))
        .http_client(http)
}

/// Two tables of their own in the database at `url`.
pub(crate) async fn tables(url: &str) -> (String, String) {
    let run = SessionId::random();
    let (state, events) = (format!("state-{run}"), format!("events-{run}"));
    let client = sdk::Client::from_conf(configured(url, http_client(TlsRoots::Amazon).expect("TLS")).build());
    create_tables(&client, &state, &events).await.expect("tables");
    (state, events)
}

/// What went over the wire, by action.
#[derive(Clone, Default)]
pub(crate) struct Counted(Arc<Mutex<Vec<String>>>);

impl Counted {
    /// What was asked since the last look.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().expect("no panic"))
    }
}

/// Stores in an embedded database, and what they ask of it.
pub(crate) fn counted(database: &Embedded, clock: &Clock) -> (Stores, Counted) {
    // Not on the test's clock: it would move while real sockets are waited for.
    let (state, events) = database.runtime.block_on(tables(&database.url));
    let counted = Counted::default();
    let wire = Wire {
        inner: http_client(TlsRoots::Amazon).expect("TLS"),
        counted: counted.clone(),
        elsewhere: database.runtime.handle().clone(),
    };
    let client = sdk::Client::from_conf(configured(&database.url, SharedHttpClient::new(wire)).build());
    (Stores::of(DynamoStore::new(client, &state, &events, clock.clone())), counted)
}

/// Counts, and takes [`TRIP`].
#[derive(Clone)]
struct Wire {
    inner: SharedHttpClient,
    counted: Counted,
    elsewhere: tokio::runtime::Handle,
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}

impl HttpClient for Wire {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let connector = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(Trip { wire: self.clone(), connector })
    }
}

#[derive(Debug)]
struct Trip {
    wire: Wire,
    connector: SharedHttpConnector,
}

impl HttpConnector for Trip {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let action = request.headers().get("x-amz-target").unwrap_or("?").rsplit('.').next().unwrap_or("?");
        self.wire.counted.0.lock().expect("no panic").push(action.to_owned());
        let (connector, elsewhere) = (self.connector.clone(), self.wire.elsewhere.clone());
        HttpConnectorFuture::new(async move {
            tokio::time::sleep(TRIP).await;
            // While a blocking task runs, a paused clock stands still: so it has to see to the last byte.
            let answer = async move {
                let mut response = connector.call(request).await?;
                let body = response.take_body().collect().await;
                let body = body.map_err(ConnectorError::io)?.to_bytes();
                *response.body_mut() = SdkBody::from(body);
                Ok(response)
            };
            tokio::task::spawn_blocking(move || elsewhere.block_on(answer)).await.expect("no panic")
        })
    }
}
