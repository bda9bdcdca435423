//! Lambda's rules on one machine, so that a wrong assumption fails in a test.
//!
//! An [`Emulator`] runs the real binary of a function: every execution environment is a process of it that speaks
//! the real Runtime API. An environment is started when a request needs one, serves one request at a time (or a set
//! number, as Managed Instances do), is frozen from its last answer to the next request, and is killed when an
//! invocation passes its deadline. In front of the function stand a Function URL, a REST API, an HTTP API and a load
//! balancer, each on its own port with its own event and its own error responses; beside it the Invoke API,
//! with asynchronous invocations, their retries and dead letters, and the trigger of an SQS queue.
//!
//! ```no_run
//! use std::time::Duration;
//! use lambda_emulator::{Emulator, Routing};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let emulator = Emulator::builder()
//!     .binary("target/debug/reference-server")
//!     .environments(4)
//!     .routing(Routing::RoundRobin)
//!     .spread(true)
//!     .env("RUST_LOG", "info")
//!     .timeout(Duration::from_secs(10))
//!     .start()
//!     .await?;
//!
//! let answer = emulator.invoke(r#"{"warm":true}"#, None).await?;
//! let environment = answer.environment;
//! println!("{:?}", answer.bytes().await?);
//!
//! emulator.kill(environment)?;
//! println!("the next request meets another one: {}", emulator.function_url());
//! emulator.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! A request reads top to bottom: `ingress` or `control` makes an `invocation`, `pool` finds an `environment`
//! for it, its `process` polls it from the `runtime_api`, and the `answer` goes back the same way.
//!
//! # What it does not do
//!
//! It limits no memory and no CPU, checks no IAM, and paces no stream (Lambda lets 6 MB through and then 2 MB/s). It
//! does not start a failed initialisation again, takes no snapshot (an environment that asks to be stored is restored at once), ends no stream for being idle, and delivers no extension events.
//! Error texts that AWS does not document are those observed.

mod answer;
mod asynchronous;
mod body;
mod builder;
mod clock;
mod control;
mod emulator;
mod environment;
mod event_stream;
mod failure;
mod function;
mod ingress;
mod invocation;
mod listener;
mod pool;
mod prelude;
mod process;
mod queue_trigger;
mod response_stream;
mod routing;
mod runtime_api;
mod tasks;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use self::{
    answer::{Answer, AnswerBody, Outcome, Streaming},
    asynchronous::DeadLetter,
    builder::{Builder, StartError},
    emulator::{Emulator, UnknownEnvironment},
    environment::{EnvironmentId, EnvironmentState, EnvironmentStatus},
    failure::{FunctionError, InvokeError},
    ingress::Ingress,
    listener::Acknowledge,
    routing::Routing,
};

/// Locks, also after a panic elsewhere: a test that failed must still be able to kill its processes.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
