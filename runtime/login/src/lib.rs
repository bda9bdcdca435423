//! The login of [`mcp-lambda-server`](https://docs.rs/mcp-lambda-server): an OAuth 2.1 authorization server, with which
//! any MCP client signs its user in at a provider that knows no MCP clients. Use that crate, which contains this one with
//! its feature `login`.
//!
//! A client registers itself or names a document that describes it. Its user signs in at the upstream provider, sees a page
//! with the name of the client and what it will be allowed, and the client gets tokens of this server: those of the provider
//! never leave it.
//!
//! * `server`: the parts. `service`: from a request to its response, and what is at which path. `metadata`: the paths, and the document that names
//!   them.
//! * `client`: the clients, by registration and by document.
//! * `request`, `authorize`, `upstream`, `callback`: a user signs in at the upstream provider. `sign_in`: or here, on one machine.
//! * `consent`: the pages that users see.
//! * `grant`, `token`, `revoke`: codes and tokens.
//! * `upstream_tokens`: the tokens of the provider, for tools that act as their caller.
//! * `keys`, `signing`, `sealing`: sign and seal. `secrets`: what is read from secrets while the server runs. `cookies`: binds a login to one browser. `limits`: what a caller may send.
//! * `parameters`, `reply`, `error`: the parts of requests and responses.

#![warn(missing_debug_implementations)]

mod authorize;
mod callback;
mod client;
mod consent;
mod cookies;
mod error;
mod grant;
mod keys;
mod limits;
mod metadata;
mod parameters;
mod reply;
mod request;
mod revoke;
mod sealing;
mod secrets;
mod server;
mod service;
mod sign_in;
mod signing;
mod token;
mod upstream;
mod upstream_tokens;

pub use secrets::{LoginSecrets, application_with};
pub use service::application;
pub use upstream_tokens::upstream_tokens;
