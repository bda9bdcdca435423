//! Lambda: events in, responses out. Nothing else knows Lambda.
//!
//! * [`invocation`]: what kind of event this is, in one pass over its JSON.
//! * [`request`]: an HTTP event as the `Request` every front makes.
//! * [`response`]: a `Response` as the front behind the event wants it, streamed or whole.
//! * [`chunks`]: a response body that is written as it comes.
//! * [`authorizer`]: what an API Gateway is told that asks about a token.
//! * [`invoked`]: from an event to its answer.
//! * [`api`]: the Runtime API.
//! * [`shutdown`]: being told of the end.
//! * [`run`](mod@run): the loop.

mod api;
mod authorizer;
mod chunks;
mod direct;
mod invocation;
mod invoked;
mod request;
mod response;
mod run;
mod shutdown;

pub(crate) use run::Start;
