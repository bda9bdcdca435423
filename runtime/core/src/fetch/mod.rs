//! Requests to other HTTP servers, with a timeout, a size limit and a choice of the addresses that may be reached.
//!
//! * [`Fetcher`]: sends one request over a connection of its own.
//! * [`reach`]: which addresses a request may go to.

mod reach;

use std::{io, sync::OnceLock, time::Duration};

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, client::conn::http1};
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use tower::{Service, ServiceExt};

use self::reach::Resolver;
pub use self::reach::{Lookup, Reach, is_public};

/// The limits of one request and its response.
#[derive(Debug, Clone, Copy)]
pub struct FetchLimits {
    /// The timeout, from the resolution of the name to the last byte.
    pub timeout: Duration,
    /// The largest body of a response, in bytes.
    pub max_bytes: usize,
}

impl Default for FetchLimits {
    /// 3 s and 512 KiB.
    fn default() -> Self {
        Self { timeout: Duration::from_secs(3), max_bytes: 512 * 1024 }
    }
}

/// Why a document was not fetched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The root certificates of the operating system cannot be read.
    #[error("the root certificates of the operating system cannot be read")]
    Roots(#[source] io::Error),
    /// The host of the URL is an address that may not be reached.
    #[error("the host is an address of a private or special network")]
    Address,
    /// There is no connection. The name of the host may have no address that may be reached.
    #[error("the connection failed")]
    Connect(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The connection ended too early.
    #[error("the connection was closed")]
    Connection(#[source] hyper::Error),
    /// The response has another status than 200.
    #[error("the status of the response is {0}")]
    Status(StatusCode),
    /// The response is too large.
    #[error("the response is larger than {0} bytes")]
    TooLarge(usize),
    /// There was no whole response in time.
    #[error("there was no response within {} s", .0.as_secs_f64())]
    Timeout(Duration),
}

/// Sends requests, each over a connection of its own: there are minutes between them, and connections do not survive the
/// freeze of an environment. Redirects are not followed.
#[derive(Debug, Default)]
pub struct Fetcher {
    reach: Reach,
    /// The root certificates, and those of the operating system if there are none.
    roots: Option<RootCertStore>,
    resolver: Resolver,
    /// Created on first use, because reading the root certificates takes time.
    connector: OnceLock<HttpsConnector<HttpConnector<Resolver>>>,
}

impl Fetcher {
    /// A fetcher that reaches these addresses.
    #[must_use]
    pub fn new(reach: Reach) -> Self {
        Self { reach, resolver: Resolver::new(reach, None), ..Self::default() }
    }

    /// The same, with another resolver of names and other root certificates than those of the operating system: for tests.
    #[must_use]
    pub fn with(reach: Reach, lookup: Option<Lookup>, roots: Option<RootCertStore>) -> Self {
        Self { reach, roots, resolver: Resolver::new(reach, lookup), connector: OnceLock::new() }
    }

    /// Fetches a JSON document with the default limits. A response with another status than 200 is an error.
    ///
    /// # Errors
    ///
    /// See [`FetchError`].
    pub async fn get(&self, uri: &Uri) -> Result<Bytes, FetchError> {
        let mut request = Request::new(Bytes::new());
        *request.uri_mut() = uri.clone();
        request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        let response = self.send(request, FetchLimits::default()).await?;
        match response.status() {
            StatusCode::OK => Ok(response.into_body()),
            status => Err(FetchError::Status(status)),
        }
    }

    /// Sends a request with an absolute URI, and collects the response. The body of a redirect is not read.
    ///
    /// # Errors
    ///
    /// See [`FetchError`]; no status is an error.
    pub async fn send(
        &self,
        request: Request<Bytes>,
        limits: FetchLimits,
    ) -> Result<Response<Bytes>, FetchError> {
        let timeout = FetchError::Timeout(limits.timeout);
        tokio::time::timeout(limits.timeout, self.exchange(request, limits.max_bytes))
            .await
            .unwrap_or(Err(timeout))
    }

    async fn exchange(
        &self,
        request: Request<Bytes>,
        max_bytes: usize,
    ) -> Result<Response<Bytes>, FetchError> {
        let uri = request.uri().clone();
        if !self.reach.allows_host(&uri) {
            return Err(FetchError::Address);
        }
        let mut connector = self.connector()?;
        let connect = |error| FetchError::Connect(error);
        let socket = connector.ready().await.map_err(connect)?.call(uri).await.map_err(connect)?;
        let (mut sender, connection) = http1::handshake(socket).await.map_err(FetchError::Connection)?;
        let exchange = async {
            let response = sender.send_request(to_origin(request)).await.map_err(FetchError::Connection)?;
            let (head, body) = response.into_parts();
            if head.status.is_redirection() {
                return Ok(Response::from_parts(head, Bytes::new()));
            }
            let body = collect(body, max_bytes).await?;
            Ok(Response::from_parts(head, body))
        };
        // The connection is polled together with its one exchange, so it needs no spawned task and ends with the exchange.
        let mut connection = std::pin::pin!(connection);
        let mut exchange = std::pin::pin!(exchange);
        tokio::select! {
            biased;
            response = &mut exchange => response,
            ended = &mut connection => match ended {
                Ok(()) => exchange.await,
                Err(error) => Err(FetchError::Connection(error)),
            },
        }
    }

    fn connector(&self) -> Result<HttpsConnector<HttpConnector<Resolver>>, FetchError> {
        if let Some(connector) = self.connector.get() {
            return Ok(connector.clone());
        }
        let builder = ClientConfig::builder_with_provider(ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .map_err(|error| FetchError::Roots(io::Error::other(error)))?;
        let tls = match &self.roots {
            Some(roots) => builder.with_root_certificates(roots.clone()),
            None => builder.with_native_roots().map_err(FetchError::Roots)?,
        };
        let mut http = HttpConnector::new_with_resolver(self.resolver.clone());
        http.enforce_http(false);
        let builder = HttpsConnectorBuilder::new().with_tls_config(tls.with_no_client_auth());
        let connector = builder.https_or_http().enable_http1().wrap_connector(http);
        Ok(self.connector.get_or_init(|| connector).clone())
    }
}

/// The request as an origin server takes it: the path alone in the first line, and the host in a header.
fn to_origin(request: Request<Bytes>) -> Request<Full<Bytes>> {
    let mut request = request.map(Full::new);
    let uri = std::mem::take(request.uri_mut());
    *request.uri_mut() = uri.path_and_query().map_or_else(Uri::default, |path| Uri::from(path.clone()));
    if let Some(host) = uri.authority().and_then(|host| HeaderValue::from_str(host.as_str()).ok()) {
        request.headers_mut().insert(header::HOST, host);
    }
    request
}

async fn collect(mut body: Incoming, max_bytes: usize) -> Result<Bytes, FetchError> {
    let mut document = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(FetchError::Connection)?.into_data() else { continue };
        if document.len() + data.len() > max_bytes {
            return Err(FetchError::TooLarge(max_bytes));
        }
        document.extend_from_slice(&data);
    }
    Ok(document.freeze())
}
