//! The sender of a request.

use crate::{auth::Principal, ingress::Ingress};

/// Who has sent a request, how, and until when a response is of use.
pub(crate) struct Caller {
    pub(crate) principal: Principal,
    /// The head of the HTTP request.
    pub(crate) parts: http::request::Parts,
    pub(crate) accepts: Accepts,
    pub(crate) ingress: Ingress,
}

/// The content types that the client accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Accepts {
    /// `application/json`.
    pub(crate) json: bool,
    /// `text/event-stream`.
    pub(crate) events: bool,
}
