//! Requests over a socket.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use http::{Request, Response, StatusCode};
use reqwest::redirect::Policy;

use super::{Again, Authorize, ResponseBody, Sender, Wire};
use crate::Error;

/// Time limit of a connect.
const CONNECT: Duration = Duration::from_secs(10);
/// Tries of a request that is refused with 401 or 403.
const TRIES: u32 = 4;

/// Creates a client of HTTP/1.1 with rustls, the certificates of the system, and the proxies of the environment.
///
/// # Errors
///
/// [`Error::Protocol`] if TLS cannot be configured.
pub(crate) fn http_client() -> Result<reqwest::Client, Error> {
    // The first caller of a process decides; another provider that a program has installed stays.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .connect_timeout(CONNECT)
        // A redirection to another host would take along what proves the caller.
        .redirect(Policy::none())
        // A monitor reads the end of the server's certificate.
        .tls_info(true)
        .tcp_keepalive(Duration::from_secs(30))
        .tcp_nodelay(true)
        // Gateways of AWS close a connection that was idle for a minute.
        .pool_idle_timeout(Duration::from_secs(50))
        .user_agent(concat!("mcp-lambda/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| {
            Error::Protocol(format!("TLS cannot be configured: {}", crate::error::chain(&error)))
        })
}

/// Sends requests to a URL.
#[derive(Debug)]
pub(crate) struct HttpSender {
    client: reqwest::Client,
    url: String,
    address: String,
    authorize: Arc<dyn Authorize>,
    /// Time limit of the head of a response.
    timeout: Duration,
    wire: Option<Wire>,
}

impl HttpSender {
    pub(crate) fn new(
        url: String,
        address: String,
        authorize: Arc<dyn Authorize>,
        timeout: Duration,
    ) -> Result<Self, Error> {
        Ok(Self { client: http_client()?, url, address, authorize, timeout, wire: None })
    }

    /// Shows requests and responses.
    pub(crate) fn watched(mut self, wire: Option<Wire>) -> Self {
        self.wire = wire;
        self
    }

    async fn watched_once(&self, request: Request<Bytes>) -> Result<Response<ResponseBody>, Error> {
        let number = self.wire.as_ref().map(|wire| (wire, wire.request(&request)));
        let response = self.once(request).await.inspect_err(|error| {
            if let Some((wire, number)) = number {
                wire.failed(number, error);
            }
        });
        let response: Response<reqwest::Body> = response?.into();
        let (head, body) = response.into_parts();
        let address = self.address.clone();
        let body =
            http_body_util::BodyDataStream::new(body).map_err(move |error| failure(&address, error)).boxed();
        let body = match number {
            Some((wire, number)) => wire.response(number, &head, body),
            None => body,
        };
        Ok(Response::from_parts(head, body))
    }

    /// Sends to another URL with the same connections.
    #[cfg(feature = "checks")]
    pub(crate) fn to(&self, url: String, address: String, authorize: Arc<dyn Authorize>) -> Self {
        Self { client: self.client.clone(), url, address, authorize, timeout: self.timeout, wire: None }
    }

    async fn once(&self, request: Request<Bytes>) -> Result<reqwest::Response, Error> {
        let request = reqwest::Request::try_from(request.map(reqwest::Body::from))
            .map_err(|error| Error::Protocol(crate::error::chain(&error)))?;
        let response = tokio::time::timeout(self.timeout, self.client.execute(request)).await;
        let timed_out = |_| Error::TimedOut { address: self.address.clone(), limit: self.timeout };
        response.map_err(timed_out)?.map_err(|error| failure(&self.address, error))
    }
}

/// After a failed connect the request can be sent again: the server has not seen it.
fn failure(address: &str, error: reqwest::Error) -> Error {
    let (before, address) = (error.is_connect(), address.to_owned());
    let source = Box::new(error.without_url());
    if before { Error::Unreachable { address, source } } else { Error::Broken { address, source } }
}

#[async_trait]
impl Sender for HttpSender {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<ResponseBody>, Error> {
        let mut tries = 0;
        loop {
            tries += 1;
            let mut request = request.clone();
            self.authorize.authorize(&mut request).await?;
            let (head, body) = self.watched_once(request).await?.into_parts();
            let refused = matches!(head.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
            if refused && tries < TRIES && self.authorize.refused(&head, tries).await? == Again::Yes {
                continue;
            }
            return Ok(Response::from_parts(head, body));
        }
    }

    fn url(&self) -> &str {
        &self.url
    }

    fn address(&self) -> &str {
        &self.address
    }

    fn advice(&self) -> String {
        self.authorize.advice()
    }
}
