//! Requests and responses as they are on the wire: what a client library would repair or hide is what checks look at.

mod answer;
mod draft;
mod remote;
mod sse;

use std::error::Error;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;

pub(crate) use self::{
    answer::{Answer, Next, Transcript, brief},
    draft::Draft,
    sse::{SseEvent, SseParser},
};

pub use self::remote::RemoteHttp;

/// An error of any type.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// The body of a response.
pub type Body = UnsyncBoxBody<Bytes, BoxError>;

/// What carries requests to a server: it adds what proves the caller, and changes nothing else.
pub trait Http: Send + Sync {
    /// Sends a request and returns the response as soon as its head is there.
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Body>, BoxError>>;
}
