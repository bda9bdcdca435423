//! The HTTP request to the receiver, over a connection of its own: connections do not survive the freeze of an environment.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::future::BoxFuture;
use http::{HeaderValue, Request, Response, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, client::conn::http1};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use opentelemetry_http::{HttpClient, HttpError, ResponseBodyTooLarge};
use tower::{Service, ServiceExt};

/// The largest response that is read, in bytes: it says which spans were refused.
const MAX_BYTES: usize = 64 * 1024;

/// Signs requests for a service of AWS.
pub trait SignRequest: std::fmt::Debug + Send + Sync {
    /// Signs a request for a service in a region.
    ///
    /// # Errors
    ///
    /// If there are no credentials.
    fn signed<'a>(
        &'a self,
        request: Request<Bytes>,
        service: &'a str,
        region: &'a str,
    ) -> BoxFuture<'a, Result<Request<Bytes>, HttpError>>;
}

/// The service and the region of an endpoint of AWS: `https://xray.eu-north-1.amazonaws.com/v1/traces`. `None`: another
/// endpoint, which needs no signature.
pub(crate) fn service_of_aws(uri: &Uri) -> Option<(&str, &str)> {
    let host = uri.host()?;
    let host = host.strip_suffix(".amazonaws.com").or_else(|| host.strip_suffix(".amazonaws.com.cn"))?;
    let (service, region) = host.split_once('.')?;
    (uri.scheme_str() == Some("https") && !region.contains('.')).then_some((service, region))
}

/// Sends requests.
#[derive(Debug)]
pub(crate) struct Client {
    timeout: Duration,
    /// Signs requests to endpoints of AWS.
    signer: Option<Arc<dyn SignRequest>>,
    /// Created on first use, because reading the root certificates takes time.
    secure: OnceLock<HttpsConnector<HttpConnector>>,
}

impl Client {
    pub(crate) fn new(timeout: Duration, signer: Option<Arc<dyn SignRequest>>) -> Self {
        Self { timeout, signer, secure: OnceLock::new() }
    }

    /// The request with a signature, if its endpoint needs one and it has no other authorization.
    async fn authorized(&self, request: Request<Bytes>) -> Result<Request<Bytes>, HttpError> {
        let Some(signer) = &self.signer else { return Ok(request) };
        let uri = request.uri().clone();
        match service_of_aws(&uri) {
            Some((service, region)) if !request.headers().contains_key(header::AUTHORIZATION) => {
                signer.signed(request, service, region).await
            }
            _ => Ok(request),
        }
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let request = self.authorized(request).await?;
        if request.uri().scheme_str() == Some("https") {
            let mut connector = self.connector()?;
            let socket = connector.ready().await?.call(request.uri().clone()).await?;
            return exchange(socket, request).await;
        }
        let mut connector = HttpConnector::new();
        let socket = connector.ready().await?.call(request.uri().clone()).await?;
        exchange(socket, request).await
    }

    fn connector(&self) -> Result<HttpsConnector<HttpConnector>, HttpError> {
        if let Some(connector) = self.secure.get() {
            return Ok(connector.clone());
        }
        let builder = HttpsConnectorBuilder::new()
            .with_provider_and_native_roots(rustls::crypto::ring::default_provider())?;
        let connector = builder.https_only().enable_http1().build();
        Ok(self.secure.get_or_init(|| connector).clone())
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        match tokio::time::timeout(self.timeout, self.send(request)).await {
            Ok(sent) => sent,
            Err(_) => Err(format!("there was no response within {} ms", self.timeout.as_millis()).into()),
        }
    }
}

/// One request over a connection, which is polled together with it: it needs no spawned task, and ends with the request.
async fn exchange<S>(socket: S, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError>
where
    S: hyper::rt::Read + hyper::rt::Write + Send + Unpin + 'static,
{
    let (mut sender, connection) = http1::handshake(socket).await?;
    let request = origin_form(request).map(Full::new);
    let response = async {
        let (head, body) = sender.send_request(request).await?.into_parts();
        Ok(Response::from_parts(head, collect(body).await?))
    };
    let (mut connection, mut response) = (std::pin::pin!(connection), std::pin::pin!(response));
    tokio::select! {
        biased;
        response = &mut response => response,
        ended = &mut connection => match ended {
            Ok(()) => response.await,
            Err(error) => Err(error.into()),
        },
    }
}

/// The request as a server expects it: its path alone, and the host as a header.
fn origin_form(mut request: Request<Bytes>) -> Request<Bytes> {
    let host = request.uri().authority().and_then(|host| HeaderValue::from_str(host.as_str()).ok());
    if let Some(host) = host {
        request.headers_mut().insert(header::HOST, host);
    }
    *request.uri_mut() =
        request.uri().path_and_query().map_or_else(Uri::default, |path| Uri::from(path.clone()));
    request
}

async fn collect(mut body: Incoming) -> Result<Bytes, HttpError> {
    let mut read = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        if read.len() + data.len() > MAX_BYTES {
            return Err(ResponseBodyTooLarge::new().into());
        }
        read.extend_from_slice(&data);
    }
    Ok(read.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes what it is asked to sign for into a header.
    #[derive(Debug)]
    struct Signer;

    impl SignRequest for Signer {
        fn signed<'a>(
            &'a self,
            mut request: Request<Bytes>,
            service: &'a str,
            region: &'a str,
        ) -> BoxFuture<'a, Result<Request<Bytes>, HttpError>> {
            let signature = format!("{service} {region}").parse().expect("a value");
            request.headers_mut().insert(header::AUTHORIZATION, signature);
            Box::pin(std::future::ready(Ok(request)))
        }
    }

    #[tokio::test]
    async fn requests_to_endpoints_of_aws_are_signed_for_their_service_and_region_and_no_others() {
        let client = Client::new(Duration::from_secs(1), Some(Arc::new(Signer)));
        for (url, given, expected) in [
            ("https://xray.eu-north-1.amazonaws.com/v1/traces", None, Some("xray eu-north-1")),
            (
                "https://monitoring.cn-north-1.amazonaws.com.cn/v1/metrics",
                None,
                Some("monitoring cn-north-1"),
            ),
            ("https://xray.eu-north-1.amazonaws.com/v1/traces", Some("Bearer a"), Some("Bearer a")),
            ("http://xray.eu-north-1.amazonaws.com/v1/traces", None, None),
            ("https://xray.eu-north-1.amazonaws.com.example.com/v1/traces", None, None),
            ("https://a.lambda-url.eu-north-1.amazonaws.com/v1/traces", None, None),
            ("http://localhost:4318/v1/traces", None, None),
        ] {
            let mut request = Request::post(url);
            if let Some(given) = given {
                request = request.header(header::AUTHORIZATION, given);
            }
            let request = request.body(Bytes::new()).expect("a request");
            let authorized = client.authorized(request).await.expect("signed");
            let authorization = authorized.headers().get(header::AUTHORIZATION);
            assert_eq!(authorization.map(|value| value.to_str().expect("text")), expected, "{url}");
        }
    }
}
