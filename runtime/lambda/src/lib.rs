//! The AWS Lambda side of [`mcp-lambda-server`](https://docs.rs/mcp-lambda-server): use that crate, which
//! contains this one with its feature `lambda`.
//!
//! * `classify`: the kind of an event, in one pass over its JSON.
//! * `request`, `identity`: an HTTP event as a request, with the caller that its gateway has authenticated.
//! * `gateway_details`: what a gateway knows of a request besides HTTP.
//! * `response`, `response_body`: a response as its gateway expects it, streamed or buffered.
//! * `roles`: the kinds of events that a function serves.
//! * `events`: SNS deliveries and EventBridge events.
//! * `worker`: SQS deliveries of tasks. `task_action`, `task_update`: what the deployment and other systems
//!   do to tasks.
//! * `agentcore`: calls of tools by an AgentCore Gateway. `self_test`: the self-test of the function.
//! * `authorizer`: the Lambda authorizer of an API Gateway.
//! * `function`: from an event to its response.
//! * `hooks`, `hooked_function`, `snapshot`: what a program runs around invocations, and around the life of an environment.
//! * `invocation_request`, `invocation_response`: an invocation as a layer of the program sees it.
//! * `runtime_address`, `runtime_api`, `run`, `shutdown`: the Runtime API, the loop over it, and its end.

#![warn(missing_debug_implementations)]

mod agentcore;
mod authorizer;
mod classify;
mod deadline;
mod error;
mod events;
mod function;
#[cfg(test)]
mod fuzz;
mod gateway_details;
mod hooked_function;
mod hooks;
mod identity;
mod invocation_line;
mod invocation_request;
mod invocation_response;
mod request;
mod response;
mod response_body;
mod roles;
mod run;
mod runtime_address;
mod runtime_api;
mod self_test;
mod shutdown;
mod snapshot;
mod task_action;
mod task_update;
mod worker;

pub use error::InvocationError;
pub use hooks::{Hooks, InvocationService};
pub use invocation_request::InvocationRequest;
pub use invocation_response::InvocationResponse;
pub use roles::EventKind;
pub use run::Environment;
