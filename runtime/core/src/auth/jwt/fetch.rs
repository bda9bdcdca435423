//! A small document from the network, soon or not at all.

use std::{sync::OnceLock, time::Duration};

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Empty};
use hyper::{body::Incoming, client::conn::http1};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::crypto::ring;
use tower::{Service, ServiceExt};

/// How long one document may take, from the first question to its last byte.
const PATIENCE: Duration = Duration::from_secs(3);
/// No metadata and no key set is larger.
const LARGEST: usize = 512 * 1024;

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("the certificates of this machine cannot be read")]
    Roots(#[source] std::io::Error),
    #[error("it cannot be reached")]
    Connect(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the connection broke")]
    Connection(#[source] hyper::Error),
    #[error("it answered {0}")]
    Status(StatusCode),
    #[error("its answer is larger than {LARGEST} bytes")]
    TooLarge,
    #[error("it did not answer within {} s", PATIENCE.as_secs())]
    TooLate,
}

/// Reads documents, each over a connection of its own: minutes lie between them, and no connection outlives the freeze of
/// an environment.
#[derive(Default)]
pub(super) struct Fetcher {
    /// Made when it is first needed: reading the machine's certificates takes its time.
    connector: OnceLock<HttpsConnector<HttpConnector>>,
}

impl Fetcher {
    pub(super) async fn get(&self, uri: &Uri) -> Result<Bytes, FetchError> {
        tokio::time::timeout(PATIENCE, self.read(uri)).await.unwrap_or(Err(FetchError::TooLate))
    }

    async fn read(&self, uri: &Uri) -> Result<Bytes, FetchError> {
        let mut connector = self.connector()?;
        let connect = |error| FetchError::Connect(error);
        let socket = connector.ready().await.map_err(connect)?.call(uri.clone()).await.map_err(connect)?;
        let (mut sender, connection) = http1::handshake(socket).await.map_err(FetchError::Connection)?;
        let exchange = async {
            let response = sender.send_request(request(uri)).await.map_err(FetchError::Connection)?;
            // A redirection would be somebody else's word.
            if response.status() != StatusCode::OK {
                return Err(FetchError::Status(response.status()));
            }
            collect(response.into_body()).await
        };
        // The connection is polled beside its one exchange, so that it needs no task and ends with it.
        let mut connection = std::pin::pin!(connection);
        let mut exchange = std::pin::pin!(exchange);
        tokio::select! {
            biased;
            document = &mut exchange => document,
            ended = &mut connection => match ended {
                Ok(()) => exchange.await,
                Err(error) => Err(FetchError::Connection(error)),
            },
        }
    }

    fn connector(&self) -> Result<HttpsConnector<HttpConnector>, FetchError> {
        if let Some(connector) = self.connector.get() {
            return Ok(connector.clone());
        }
        let builder = HttpsConnectorBuilder::new()
            .with_provider_and_native_roots(ring::default_provider())
            .map_err(FetchError::Roots)?;
        let made = builder.https_or_http().enable_http1().build();
        Ok(self.connector.get_or_init(|| made).clone())
    }
}

fn request(uri: &Uri) -> Request<Empty<Bytes>> {
    let mut request = Request::new(Empty::new());
    *request.uri_mut() = uri.path_and_query().map_or_else(Uri::default, |path| Uri::from(path.clone()));
    let headers = request.headers_mut();
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    if let Some(host) = uri.authority().and_then(|host| HeaderValue::from_str(host.as_str()).ok()) {
        headers.insert(header::HOST, host);
    }
    request
}

async fn collect(mut body: Incoming) -> Result<Bytes, FetchError> {
    let mut document = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(FetchError::Connection)?.into_data() else { continue };
        if document.len() + data.len() > LARGEST {
            return Err(FetchError::TooLarge);
        }
        document.extend_from_slice(&data);
    }
    Ok(document.freeze())
}
