//! Callers with tokens.

use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderValue, Request, Response, header::AUTHORIZATION};
use mcp_lambda::{
    Remote,
    check::{Body, BoxError, Http, RemoteHttp},
};

/// A caller with this token. All callers share one client: each would load the certificates of the system.
pub(crate) struct Caller {
    pub(crate) http: Arc<RemoteHttp>,
    pub(crate) token: String,
}

impl Http for Caller {
    fn send(&self, mut request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Body>, BoxError>> {
        let value = HeaderValue::from_str(&format!("Bearer {}", self.token)).expect("a header value");
        request.headers_mut().entry(AUTHORIZATION).or_insert(value);
        self.http.send(request)
    }
}

/// A client of any URL.
pub(crate) fn client() -> Arc<RemoteHttp> {
    let remote = Remote::new("http://127.0.0.1:9/mcp").expect("a URL").auth(mcp_lambda::Auth::Anonymous);
    Arc::new(remote.http().expect("a client"))
}
