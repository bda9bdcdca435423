//! The runtime on Lambda, from outside: events and requests in, bytes out. A test is named as the sentence it proves.
//!
//! The function is `fixture-function`, the binary of this package; [`lambda_emulator`] runs it under Lambda's rules.
//! Nothing here knows how the runtime is made: the Runtime API is all that is seen of it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod agentcore;
mod answers;
mod authorizer;
mod bodyless;
mod breaking;
mod browsers;
mod concurrency;
mod environments;
mod events;
mod function_isolation;
mod function_log;
mod hooks;
mod hostile;
mod ingresses;
mod kinds;
mod login;
mod metrics;
mod otel;
mod principals;
mod request_lines;
mod requests;
mod sessions;
mod streams;
mod support;
mod tasks;
mod tokens;
mod traces;
mod unread_log;
