//! The login of [`mcp-lambda-server`](https://docs.rs/mcp-lambda-server): an OAuth 2.1 authorization server, with which
//! any MCP client signs its user in at a provider that knows no MCP clients. Use that crate, which contains this one with
//! its feature `login`.
//!
//! A client registers itself or names a document that describes it. Its user signs in at the upstream provider, sees a page
//! with the name of the client and what it will be allowed, and the client gets tokens of this server: those of the provider
//! never leave it.
//!
//! * [`client`]: the clients, by registration and by document.
//! * [`upstream`]: the providers that sign users in.
//! * [`consent`]: the pages that users see.

#![warn(missing_debug_implementations)]
#![allow(dead_code, reason = "until the routes use every part")]

mod client;
mod consent;
mod upstream;
