//! Lambda: events in, responses out. Nothing else knows Lambda.
//!
//! * [`invocation`]: what kind of event this is, in one pass over its JSON.
//! * [`request`]: an HTTP event as the `Request` every front makes.
//! * [`response`]: a `Response` as the front behind the event wants it, streamed or whole.
//! * [`run`](mod@run): the loop.

mod direct;
mod invocation;
mod request;
mod response;
mod run;

pub(crate) use run::run;
