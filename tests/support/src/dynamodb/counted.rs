//! A client of DynamoDB that counts its requests, each of which takes [`TRIP`].
//!
//! The database runs on a clock of its own. A request travels [`TRIP`] on the test's clock, which is paused and moves
//! only while every task waits: so the time a request of the server took, in trips, is the number of round trips that
//! had to wait for one another.

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
    dynamodb::{DynamoStore, http_client, sdk},
};
use sdk::config::http::HttpRequest;

use super::{Embedded, configured, tables};

/// How long a round trip takes.
pub const TRIP: Duration = Duration::from_millis(10);

/// The requests so far, by action.
#[derive(Clone, Default)]
pub struct Counted(Arc<Mutex<Vec<String>>>);

impl Counted {
    /// The actions since the last call of this.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().expect("no panic"))
    }
}

/// Stores in an embedded database, and the requests they send to it.
pub fn counted(database: &Embedded, clock: &Clock) -> (Stores, Counted) {
    // Not on the test's clock: it would move while real sockets are waited for.
    let (state, events) = database.block_on(tables(&database.url));
    let counted = Counted::default();
    let wire = Wire {
        inner: http_client(TlsRoots::Amazon).expect("TLS"),
        counted: counted.clone(),
        elsewhere: database.handle().clone(),
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
