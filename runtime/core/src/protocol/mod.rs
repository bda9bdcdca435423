//! MCP on the wire, without HTTP, stores or handlers: pure functions from bytes to calls.
//!
//! * [`envelope`]: JSON-RPC, bytes to one message.
//! * [`headers`]: the headers of MCP and how they mirror the body.
//! * [`read`](mod@read): the era of a call, decided once.
//! * [`version`]: the revisions and what each has.
//! * [`fault`]: every refusal with its code.

pub mod envelope;
pub mod fault;
pub mod headers;
pub mod read;
pub mod version;

pub use envelope::{Body, Limits, Message, Notification, Request, Response};
pub use fault::{Fault, Rejection};
pub use read::{Call, SessionPost, StatelessRequest, read};
pub use version::{Era, SessionVersion};
