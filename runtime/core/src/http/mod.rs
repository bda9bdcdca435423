//! HTTP: the endpoint, and the routes and layers around it.

mod application;
mod body;
#[cfg(feature = "compression")]
mod compression;
mod cors;
mod endpoint;
mod guard;
mod head;
#[cfg(feature = "metrics")]
mod measured;
mod message;
mod metadata;
mod observed;
#[cfg(feature = "metrics")]
mod page;
mod refusal;
mod reply;
mod routes;
pub mod sse;
#[cfg(feature = "start-page")]
mod start_page;

#[doc(hidden)]
pub use application::Application;
pub(crate) use application::application;
#[doc(hidden)]
pub use body::full;
pub use body::{Body, BoxError};
#[cfg(feature = "compression")]
pub(crate) use compression::compressed;
pub(crate) use endpoint::Endpoint;
pub(crate) use head::{browsers, check_heads};
#[cfg(feature = "metrics")]
pub(crate) use measured::measured;
#[doc(hidden)]
pub use message::{request_of_message, result_of_response, stateless_message, take_server_info};
pub(crate) use metadata::document as metadata;
pub(crate) use observed::observed;
#[cfg(feature = "metrics")]
pub(crate) use page::page;
#[doc(hidden)]
pub use reply::{bad_request, internal_error};
pub use routes::Routes;
pub(crate) use routes::{McpService, ResponseFuture};
