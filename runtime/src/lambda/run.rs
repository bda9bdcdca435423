//! The loop: one invocation after another, or as many at once as the environment is set to.

use std::{any::Any, future::ready, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::{FutureExt, future::BoxFuture};
use tokio::task::JoinSet;

use super::{
    api::{Api, ApiError, Connection, Event, Refusal},
    invoked::Invoked,
    shutdown::{self, Ready},
};
use crate::{
    dispatch::App,
    error::{Causes, Error},
    http::McpService,
};

/// How long open answers may take once the environment is asked to stop: Lambda gives it half a second.
const LAST_WORDS: Duration = Duration::from_millis(350);
/// How many connections in a row may break before the environment gives up and Lambda starts another.
const BROKEN_CONNECTIONS: u32 = 3;

/// An execution environment that starts.
pub(crate) struct Start {
    api: Api,
    preparing: BoxFuture<'static, Ready>,
}

impl Start {
    /// Begins, before anything is built: the Runtime API is reached while the server is put together.
    pub(crate) async fn begin(address: &str, max_concurrency: usize) -> Result<Self, Error> {
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
    pub(crate) async fn serve(self, app: Arc<App>, service: McpService) -> Result<(), Error> {
        let Ready { connection, extension } = self.preparing.await;
        let invoked = Invoked { app: Arc::clone(&app), service };
        let mut workers = Box::pin(workers(invoked, &self.api, connection));
        tokio::select! {
            biased;
            ended = &mut workers => return ended.map_err(failed),
            () = shutdown::asked(&self.api, extension) => {}
        }
        tracing::info!("asked to stop; finishing open requests");
        app.shutdown.cancel();
        match tokio::time::timeout(LAST_WORDS, workers).await {
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
async fn workers(invoked: Invoked, api: &Api, connection: Connection) -> Result<(), ApiError> {
    let count = invoked.app.config.max_concurrency;
    if count <= 1 {
        return worker(invoked, connection).await;
    }
    let mut workers = JoinSet::new();
    for _ in 1..count {
        workers.spawn(worker(invoked.clone(), api.connection()));
    }
    workers.spawn(worker(invoked, connection));
    let mut outcome = Ok(());
    while let Some(ended) = workers.join_next().await {
        // A worker panics only if this loop does: the others go on without it.
        let Ok(Err(error)) = ended else { continue };
        tracing::error!(error = %Causes(&error), left = workers.len(), "a worker ended");
        outcome = Err(error);
    }
    outcome
}

async fn worker(invoked: Invoked, mut connection: Connection) -> Result<(), ApiError> {
    let shutdown = invoked.app.shutdown.clone();
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
                answer(&invoked, &mut connection, event).await;
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
async fn answer(invoked: &Invoked, connection: &mut Connection, event: Event) {
    let receipt = event.receipt.clone();
    let output = AssertUnwindSafe(invoked.clone().answer(event)).catch_unwind().await;
    let told = match output.unwrap_or_else(|panic| Err(panicked(&*panic))) {
        Ok(output) => connection.respond(&receipt, output).await,
        Err(refusal) => {
            tracing::error!(kind = refusal.kind, reason = refusal.message, "an invocation was refused");
            connection.fail(&receipt, &refusal).await
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

fn panicked(panic: &(dyn Any + Send)) -> Refusal {
    let text =
        panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(panic = text.unwrap_or("(no text)"), "the server panicked");
    Refusal { kind: "Panic", message: "internal error: the server panicked".to_owned() }
}
