//! Write an MCP server once, as any rmcp [`ServerHandler`](rmcp::ServerHandler), and run it on a laptop and on AWS
//! Lambda with the same behaviour.
//!
//! Nothing that a client relies on lives only in a process: sessions, state, events, replies and pending responses live
//! in stores, and a process is only a place where a request happens to run.
//!
//! * [`McpLambdaServer`]: the entry point. [`McpLambdaServer::run`] is the whole of `main`.
//! * [`Server`]: a built server, which other hosts can run as a [`tower::Service`].
//! * [`McpContext`]: what a tool finds in its `RequestContext`: its session, state, events, principal and deadline.
//! * [`Config`]: what the environment variables set.
//! * [`Stores`]: where state lives, and [`session`], [`stream`] and [`events`]: the traits that a store implements.
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `lambda` | yes | the Lambda Runtime API and the events of Function URLs, API Gateway, load balancers, SNS and EventBridge |
//! | `compression` | yes | gzip of JSON responses |
//! | `brotli` | no | brotli beside gzip, for 1.1 MB of binary |
//! | `dynamodb` | no | sessions, state, replies and events in DynamoDB |
//! | `sns` | no | publishing events to an SNS topic |
//! | `jwt` | no | bearer tokens of an OAuth 2.1 or OpenID Connect issuer, checked by the server |

mod backends;
mod builder;
mod server;

pub use rmcp;

#[doc(inline)]
pub use mcp_lambda_core::{
    BoundServer, Delivery, HostCheck, Ingress, McpContext, Tools,
    auth::{AuthenticatedBy, Principal},
    config::Config,
    error::{Error, StoreError},
    events::{Event, EventFilter, Events, GlobalEvent},
    http::Body,
    session::{Handles, Session, State},
    store::{MemoryStore, Stores},
    stream::ReplyStream,
    time::{Clock, Deadline},
};

pub use crate::{
    builder::{Builder, McpLambdaServer},
    server::Server,
};

pub use mcp_lambda_core::{auth, config, error, events, http, session, store, stream, time};

#[cfg(feature = "dynamodb")]
#[doc(inline)]
pub use mcp_lambda_aws::dynamodb;
#[cfg(feature = "sns")]
#[doc(inline)]
pub use mcp_lambda_aws::sns;

/// Compiles the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
