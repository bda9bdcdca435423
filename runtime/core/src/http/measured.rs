//! The layer that measures requests. It is within the one that observes them, and gives what was observed to the metrics with the
//! last byte of the response, or when the client leaves.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures::{FutureExt, TryFutureExt};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;

use super::{Body, BoxError, McpService};
use crate::{
    metrics::{Measured, Metrics},
    protocol::Method,
    telemetry::{Observed, RoundTrips, ServedRequest, Target},
};

/// Measures requests.
pub(crate) fn measured(metrics: Metrics) -> impl FnOnce(McpService) -> McpService {
    move |inner| {
        McpService::new(move |request| {
            let served = ServedRequest::of(request.extensions());
            let trips = RoundTrips::default();
            let response = trips.of(inner.answer(request));
            let finish = Finish { metrics: metrics.clone(), served, trips };
            let measuring = |body| Measuring { body: Some(body), finish }.boxed_unsync();
            response.map_ok(|response| response.map(measuring)).boxed()
        })
    }
}

/// Gives what was observed to the metrics when it is dropped.
struct Finish {
    metrics: Metrics,
    served: ServedRequest,
    trips: RoundTrips,
}

impl Drop for Finish {
    fn drop(&mut self) {
        let observed = self.served.observed();
        if let Some(measured) = measured_of(&observed, self.trips.count()) {
            self.metrics.served(&measured);
        }
    }
}

/// What is measured of a request. `None`: it is for a route of the program.
fn measured_of(observed: &Observed, round_trips: u64) -> Option<Measured<'_>> {
    if observed.era.is_none() && observed.refusal.is_none() {
        return None;
    }
    let method = observed.method.as_ref().filter(|method| !matches!(method, Method::Other(_)));
    let tool = match observed.target() {
        Some(Target::Tool(name)) => Some(name.as_str()),
        _ => None,
    };
    Some(Measured {
        method: method.map(Method::as_str),
        tool,
        is_fault: observed.code.is_some(),
        is_tool_error: observed.is_error == Some(true),
        duration: (!observed.is_waiting()).then(|| observed.started.elapsed()),
        bytes: observed.bytes,
        is_cold_start: observed.invocation.as_ref().is_some_and(|invocation| invocation.is_cold_start()),
        round_trips,
    })
}

/// A response body that is measured.
struct Measuring {
    /// Dropped before the request is finished: what it still asks of the store counts.
    body: Option<Body>,
    finish: Finish,
}

impl http_body::Body for Measuring {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Self { body, finish } = self.get_mut();
        let Some(body) = body else { return Poll::Ready(None) };
        finish.trips.in_poll(|| Pin::new(body).poll_frame(cx))
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(http_body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(SizeHint::default, http_body::Body::size_hint)
    }
}

impl Drop for Measuring {
    fn drop(&mut self) {
        let body = self.body.take();
        self.finish.trips.in_poll(|| drop(body));
    }
}
