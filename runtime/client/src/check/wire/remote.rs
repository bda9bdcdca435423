//! [`Http`] through the transports of this crate.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use futures::{TryStreamExt, future::BoxFuture};
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};

use super::{Body, BoxError, Http};
use crate::sender::Sender;

/// Single requests to a server, with what proves the caller. Made by [`Remote::http`](crate::Remote::http).
#[derive(Clone)]
pub struct RemoteHttp {
    sender: Arc<dyn Sender>,
    /// Headers that requests have unless they bring their own.
    headers: HeaderMap,
}

impl fmt::Debug for RemoteHttp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteHttp").field("url", &self.url()).finish_non_exhaustive()
    }
}

impl RemoteHttp {
    pub(crate) fn new(sender: Arc<dyn Sender>, headers: HeaderMap) -> Self {
        Self { sender, headers }
    }

    /// The URL of the server.
    #[must_use]
    pub fn url(&self) -> &str {
        self.sender.url()
    }
}

impl Http for RemoteHttp {
    fn send(&self, mut request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Body>, BoxError>> {
        Box::pin(async move {
            for (name, value) in &self.headers {
                request.headers_mut().entry(name).or_insert_with(|| value.clone());
            }
            let response = self.sender.send(request).await?;
            Ok(response.map(|body| {
                let frames = body.map_ok(Frame::data).map_err(BoxError::from);
                BodyExt::boxed_unsync(StreamBody::new(frames))
            }))
        })
    }
}
