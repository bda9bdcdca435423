//! How one HTTP request reaches a server: over a socket, or inside of an invocation of its function.

mod authorize;
mod aws;
mod bearer;
mod http;
mod signed_or_oauth;
mod sigv4;
mod wire;

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

pub(crate) use self::{
    authorize::{Again, Anonymous, Authorize},
    aws::AwsOptions,
    bearer::Bearer,
    http::{HttpSender, http_client},
    signed_or_oauth::SignedOrOAuth,
    sigv4::{SigV4, region_of},
    wire::{Watched, Watcher, Wire},
};
use crate::Error;

/// The body of a response, as it arrives.
pub(crate) type ResponseBody = BoxStream<'static, Result<Bytes, Error>>;

/// Sends HTTP requests of MCP to one server.
#[async_trait]
pub(crate) trait Sender: Send + Sync + fmt::Debug {
    /// Sends a request, and returns the response as soon as its head is there.
    async fn send(&self, request: ::http::Request<Bytes>) -> Result<::http::Response<ResponseBody>, Error>;

    /// The URL to which requests are made. Of a function, its host has no meaning.
    fn url(&self) -> &str;

    /// The name of the server in the texts of errors.
    fn address(&self) -> &str;

    /// What a person can do about a response 401 or 403, as a sentence.
    fn advice(&self) -> String;
}
