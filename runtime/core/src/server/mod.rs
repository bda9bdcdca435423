//! The server: the endpoint with its routes and layers around it, as one tower service.
//!
//! * [`built`]: the server, and what it is made of. [`assembly`]: puts together what serves calls and what observes them.
//! * `defined_tools`: checks the names of `tool_definitions`.
//! * [`bound`]: serves on a local address, or takes tasks from a queue.

mod assembly;
mod bound;
mod built;
#[cfg(feature = "tool-definitions")]
mod defined_tools;

pub use self::{
    bound::BoundServer,
    built::{Server, ServerParts},
};
