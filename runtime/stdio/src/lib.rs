//! Any MCP server of the stdio transport behind [`mcp-lambda-server`](https://docs.rs/mcp-lambda-server).
//!
//! Most servers are programs that a client starts and speaks to over standard input and output. [`StdioServer`] is such a program as a
//! handler: it is started once and kept, across the invocations of an execution environment too, and its clients come over HTTP, in
//! either era, with the sessions, authentication, events and limits of the server.
//!
//! * [`StdioServer`]: the command, and how its process lives.
//! * [`ChildPer`]: which calls share a process, and what that means for what it keeps of them.

#![warn(missing_debug_implementations)]

mod asking;
mod call;
mod caller;
mod child;
mod command;
#[cfg(test)]
mod fuzz;
mod pool;
mod reports;
mod running;
mod server;
mod settings;
mod slot;
mod suspended;
mod time;
mod translate;

pub use self::{
    server::StdioServer,
    settings::{ChildPer, Start, UnknownChildPer},
};
