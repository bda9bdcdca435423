//! The body of a request, and its unread rest.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::timeout;

use super::state::ConnectionState;
use crate::http::BoxError;

/// How much is read of a body that was refused, so that its connection can be used again.
const REST: u64 = 16 * 1024 * 1024;
/// How long that may take.
const REST_TIME: Duration = Duration::from_secs(5);

/// Where a request body that was not read to its end is left.
#[derive(Clone, Default)]
pub(super) struct Unread(Arc<Mutex<Option<Incoming>>>);

impl Unread {
    pub(super) fn take(&self) -> Option<Incoming> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn leave(&self, body: Incoming) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(body);
    }
}

/// The body of a request. When it is dropped before its end, the rest can still be read.
pub(super) struct RequestBody {
    body: Option<Incoming>,
    unread: Unread,
    state: Arc<ConnectionState>,
}

impl RequestBody {
    pub(super) fn new(body: Incoming, unread: Unread, state: Arc<ConnectionState>) -> Self {
        Self { body: Some(body), unread, state }
    }
}

impl http_body::Body for RequestBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Some(body) = self.body.as_mut() else { return Poll::Ready(None) };
        let frame = std::task::ready!(Pin::new(&mut *body).poll_frame(cx));
        let is_over = body.is_end_stream() || !matches!(frame, Some(Ok(_)));
        if is_over {
            self.body = None;
            self.state.body_arrived();
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Incoming::size_hint)
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if let Some(body) = self.body.take() {
            self.unread.leave(body);
        }
    }
}

/// Reads the rest of a body and drops it. `false` if it is too long or too slow for that.
pub(super) async fn read_away(mut body: Incoming) -> bool {
    if body.size_hint().lower() > REST {
        return false;
    }
    let read = async {
        let mut left = REST;
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else { return false };
            let size = frame.data_ref().map_or(0, |data| data.len() as u64);
            let Some(rest) = left.checked_sub(size) else { return false };
            left = rest;
        }
        true
    };
    timeout(REST_TIME, read).await.unwrap_or(false)
}
