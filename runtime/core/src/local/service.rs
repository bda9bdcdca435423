//! One request of a connection.

use std::{
    convert::Infallible,
    net::IpAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures::{FutureExt, future::BoxFuture};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tower::Service;

use super::{
    request_body::{self, RequestBody, Unread},
    state::ConnectionState,
};
use crate::{
    config::Config,
    http::{Body, BoxError, McpService},
    ingress::Ingress,
    time::Deadline,
};

/// Serves the requests of one connection.
pub(super) struct ConnectionService {
    config: Arc<Config>,
    service: McpService,
    state: Arc<ConnectionState>,
}

impl ConnectionService {
    pub(super) fn new(config: Arc<Config>, service: McpService, state: Arc<ConnectionState>) -> Self {
        Self { config, service, state }
    }
}

impl hyper::service::Service<Request<Incoming>> for ConnectionService {
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let deadline = Deadline::after(self.config.request_timeout);
        let state = Arc::clone(&self.state);
        let has_body = !request.body().is_end_stream();
        let response_deadline = state.requested(deadline, has_body);
        let client = client(request.headers(), state.peer, &self.config.connections.trusted_proxies);
        request.extensions_mut().insert(Ingress::local(deadline).with_client(client));
        request.extensions_mut().insert(response_deadline);
        let is_awaiting_continue = request.headers().contains_key(header::EXPECT);
        let unread = has_body.then(Unread::default);
        let request = request.map(|body| match &unread {
            Some(unread) => RequestBody::new(body, unread.clone(), Arc::clone(&state)).boxed_unsync(),
            None => crate::http::full(Bytes::new()),
        });
        // The outermost layer is the server's own, and is always ready.
        let response = self.service.clone().call(request);
        async move {
            let mut response = match response.await {
                Ok(response) => response,
                Err(never) => match never {},
            };
            let rest = unread.and_then(|unread| unread.take());
            if let Some(rest) = rest {
                // A client that waits to be asked for its body sends none, and one that was too slow has had its time.
                let is_over = is_awaiting_continue || response.status() == StatusCode::REQUEST_TIMEOUT;
                if is_over || !request_body::read_away(rest).await {
                    state.leave_body();
                    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
                }
            }
            Ok(response.map(|body| ResponseBody { body, state }))
        }
        .boxed()
    }
}

/// The address of the client. A trusted proxy appends the address that it received the request from; the sender of the
/// request may have written what stands before that.
fn client(headers: &HeaderMap, peer: IpAddr, trusted: &[IpAddr]) -> IpAddr {
    if !trusted.contains(&peer) {
        return peer;
    }
    let forwarded: Vec<_> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|address| address.trim().parse::<IpAddr>().ok())
        .collect();
    let mut client = peer;
    for address in forwarded.into_iter().rev() {
        let Some(address) = address else { break };
        client = address.to_canonical();
        if !trusted.contains(&client) {
            break;
        }
    }
    client
}

/// A response body that reports its end.
pub(super) struct ResponseBody {
    body: Body,
    state: Arc<ConnectionState>,
}

impl http_body::Body for ResponseBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        let body = std::mem::replace(&mut self.body, crate::http::full(Bytes::new()));
        self.state.responded(body);
    }
}
