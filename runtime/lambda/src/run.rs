//! The loop: one invocation after another, or as many at once as the environment is set to.

use std::{any::Any, future::ready, panic::AssertUnwindSafe, time::Duration};

use futures::{FutureExt, future::BoxFuture};
use tokio::task::JoinSet;

use super::{
    function::Function,
    runtime_api::{Api, ApiError, Connection, Event, InvocationError},
    shutdown::{self, Ready},
};
use mcp_lambda_core::{
    Server,
    error::{Causes, Error},
};

/// How long open answers may take once the environment is asked to stop: Lambda gives it half a second.
const SHUTDOWN_GRACE: Duration = Duration::from_millis(350);
/// How many connections in a row may break before the environment gives up and Lambda starts another.
const BROKEN_CONNECTIONS: u32 = 3;

/// An execution environment that starts.
pub struct Environment {
    api: Api,
    preparing: BoxFuture<'static, Ready>,
}

impl Environment {
    /// Begins, before anything is built: the Runtime API is reached while the server is put together.
    pub async fn connect(address: &str, max_concurrency: usize) -> Result<Self, Error> {
        let api = Api::new(address).map_err(failed)?;
        let mut preparing = shutdown::prepare(api.connection(), max_concurrency).boxed();
        // One turn of the event loop connects, the other one asks.
        let preparing = tokio::select! {
            biased;
            prepared = &mut preparing => ready(prepared).boxed(),
            () = tokio::task::yield_now() => preparing,
        };
        Ok(Self { api, preparing })
    }

    /// Serves the Lambda Runtime API until the environment is shut down.
    pub async fn serve(self, server: Server) -> Result<(), Error> {
        let Ready { connection, extension } = self.preparing.await;
        let shutdown = server.shutdown().clone();
        let function = Function::new(server);
        let mut workers = Box::pin(workers(function, &self.api, connection));
        tokio::select! {
            biased;
            ended = &mut workers => return ended.map_err(failed),
            () = shutdown::asked(&self.api, extension) => {}
        }
        tracing::info!("asked to stop; finishing open requests");
        shutdown.cancel();
        match tokio::time::timeout(SHUTDOWN_GRACE, workers).await {
            Ok(ended) => ended.map_err(failed),
            Err(_) => {
                tracing::warn!("open requests did not finish in time");
                Ok(())
            }
        }
    }
}

fn failed(error: ApiError) -> Error {
    Error::Lambda(error.into())
}

/// One worker for each request at a time, the first of them on a connection that is open. The environment ends when
/// the last of them does.
async fn workers(function: Function, api: &Api, connection: Connection) -> Result<(), ApiError> {
    let count = function.server.config().max_concurrency;
    if count <= 1 {
        return worker(function, connection).await;
    }
    let mut workers = JoinSet::new();
    for _ in 1..count {
        workers.spawn(worker(function.clone(), api.connection()));
    }
    workers.spawn(worker(function, connection));
    let mut outcome = Ok(());
    while let Some(ended) = workers.join_next().await {
        // A worker panics only if this loop does: the others go on without it.
        let Ok(Err(error)) = ended else { continue };
        tracing::error!(error = %Causes(&error), left = workers.len(), "a worker ended");
        outcome = Err(error);
    }
    outcome
}

async fn worker(function: Function, mut connection: Connection) -> Result<(), ApiError> {
    let shutdown = function.server.shutdown().clone();
    let mut broken = 0;
    loop {
        let next = tokio::select! {
            biased;
            next = connection.next() => next,
            () = shutdown.cancelled() => return Ok(()),
        };
        match next {
            Ok(event) => {
                broken = 0;
                answer(&function, &mut connection, event).await;
            }
            Err(error) if error.is_connection() && broken < BROKEN_CONNECTIONS => {
                broken += 1;
                tracing::warn!(
                    error = %Causes(&error),
                    "the Runtime API was lost; asking again"
                );
            }
            Err(error) => return Err(error),
        }
    }
}

/// Whatever happens to one invocation, the next one is served.
async fn answer(function: &Function, connection: &mut Connection, event: Event) {
    let invocation = event.invocation.clone();
    let output = AssertUnwindSafe(function.clone().answer(event)).catch_unwind().await;
    let told = match output.unwrap_or_else(|panic| Err(panicked(&*panic))) {
        Ok(output) => connection.respond(&invocation, output).await,
        Err(refusal) => {
            tracing::error!(kind = refusal.kind, reason = refusal.message, "an invocation was refused");
            connection.fail(&invocation, &refusal).await
        }
    };
    if let Err(error) = told {
        // Too late, too large, or cut off: Lambda has told the invoker already.
        tracing::error!(
            error = %Causes(&error),
            "an answer was not taken"
        );
    }
}

fn panicked(panic: &(dyn Any + Send)) -> InvocationError {
    let text =
        panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(panic = text.unwrap_or("(no text)"), "the server panicked");
    InvocationError { kind: "Panic", message: "internal error: the server panicked".to_owned() }
}
