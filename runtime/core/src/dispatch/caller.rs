//! The sender of a request.

use std::sync::Arc;

use crate::{
    auth::Principal,
    ingress::Ingress,
    limits::{CallerKey, RequestPermit},
    telemetry::ServedRequest,
};

/// Who has sent a request, how, and until when a response is of use.
pub(crate) struct Caller {
    pub(crate) principal: Principal,
    /// Whom limits count.
    pub(crate) key: CallerKey,
    /// The head of the HTTP request.
    pub(crate) parts: http::request::Parts,
    pub(crate) accepts: Accepts,
    pub(crate) ingress: Ingress,
    pub(crate) served: ServedRequest,
    /// Counts the request until the last holder drops it: the response, and a call that runs on without its client.
    pub(crate) permit: Arc<RequestPermit>,
}

/// The content types that the client accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Accepts {
    /// `application/json`.
    pub(crate) json: bool,
    /// `text/event-stream`.
    pub(crate) events: bool,
}
