//! Fetches small documents over HTTP, with a timeout and a size limit.

use std::{sync::OnceLock, time::Duration};

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Empty};
use hyper::{body::Incoming, client::conn::http1};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::crypto::ring;
use tower::{Service, ServiceExt};

/// The timeout of a fetch, from the connection to the last byte.
const FETCH_TIMEOUT: Duration = Duration::from_secs(3);
/// The largest document, in bytes.
const MAX_BYTES: usize = 512 * 1024;

/// Why a document was not fetched.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("the root certificates of the operating system cannot be read")]
    Roots(#[source] std::io::Error),
    #[error("the connection failed")]
    Connect(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the connection was closed")]
    Connection(#[source] hyper::Error),
    #[error("the status of the response is {0}")]
    Status(StatusCode),
    #[error("the response is larger than {MAX_BYTES} bytes")]
    TooLarge,
    #[error("there was no response within {} s", FETCH_TIMEOUT.as_secs())]
    Timeout,
}

/// Fetches documents, each over a connection of its own: there are minutes between them, and connections do not survive
/// the freeze of an environment.
#[derive(Default)]
pub(super) struct Fetcher {
    /// Created on first use, because reading the root certificates takes time.
    connector: OnceLock<HttpsConnector<HttpConnector>>,
}

impl Fetcher {
    pub(super) async fn get(&self, uri: &Uri) -> Result<Bytes, FetchError> {
        tokio::time::timeout(FETCH_TIMEOUT, self.fetch(uri)).await.unwrap_or(Err(FetchError::Timeout))
    }

    async fn fetch(&self, uri: &Uri) -> Result<Bytes, FetchError> {
        let mut connector = self.connector()?;
        let connect = |error| FetchError::Connect(error);
        let socket = connector.ready().await.map_err(connect)?.call(uri.clone()).await.map_err(connect)?;
        let (mut sender, connection) = http1::handshake(socket).await.map_err(FetchError::Connection)?;
        let exchange = async {
            let response = sender.send_request(request(uri)).await.map_err(FetchError::Connection)?;
            // Redirects are not followed: their target would not be the configured issuer.
            if response.status() != StatusCode::OK {
                return Err(FetchError::Status(response.status()));
            }
            collect(response.into_body()).await
        };
        // The connection is polled together with its one exchange, so it needs no spawned task and ends with the exchange.
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
        let connector = builder.https_or_http().enable_http1().build();
        Ok(self.connector.get_or_init(|| connector).clone())
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
        if document.len() + data.len() > MAX_BYTES {
            return Err(FetchError::TooLarge);
        }
        document.extend_from_slice(&data);
    }
    Ok(document.freeze())
}
