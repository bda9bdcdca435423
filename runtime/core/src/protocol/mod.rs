//! MCP on the wire, without HTTP bodies, stores or handlers: functions from bytes and headers to calls.
//!
//! * [`envelope`]: JSON-RPC, from bytes to one message.
//! * [`method`]: the methods, and what the server has to know about each.
//! * [`headers`]: the headers of MCP, and how they mirror the body.
//! * [`client`]: what a client says about itself. [`explain`]: errors in the words of JSON.
//! * [`read`]: a request of any HTTP method as a [`Call`], with its era decided once.
//! * [`version`]: the revisions, and what each has.
//! * [`meta`]: reserved `_meta` keys and methods of notifications.
//! * [`fault`]: every refusal, with its JSON-RPC code. [`response`]: a response as it is sent.

pub mod client;
pub mod envelope;
pub mod explain;
pub mod fault;
pub mod headers;
pub mod meta;
pub mod method;
pub mod read;
pub mod response;
pub mod version;

pub use envelope::{Body, Limits, Message, Notification, Params, Request, Response};
pub use fault::{Fault, Rejection};
pub use method::{Capability, Method};
pub use read::{Call, Post, SessionDelete, SessionGet, SessionPost, StatelessRequest};
pub use response::{JsonRpcResponse, encode};
pub use version::{Era, SessionVersion};
