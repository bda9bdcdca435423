//! The loop over the Runtime API: one invocation after another, or as many at once as the environment is configured for.

use std::{any::Any, fmt, future::ready, panic::AssertUnwindSafe, time::Duration};

use futures::{FutureExt, future::BoxFuture};
use tokio::task::JoinSet;

use super::{
    error::InvocationError,
    function::Function,
    runtime_api::{Api, ApiError, Connection, Event},
    shutdown::{self, Connected},
};
use mcp_lambda_core::{
    Server,
    error::{Causes, Error, panic_text},
    telemetry::with_trace_header,
};

/// How long open responses may take after SIGTERM: Lambda sends SIGKILL half a second later.
const SHUTDOWN_GRACE: Duration = Duration::from_millis(350);
/// How many connections in a row may fail before the process ends and Lambda starts another environment.
const MAX_CONNECTION_FAILURES: u32 = 3;

/// A Lambda execution environment that is starting.
pub struct Environment {
    api: Api,
    connected: BoxFuture<'static, Connected>,
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment").field("api", &self.api).finish_non_exhaustive()
    }
}

impl Environment {
    /// Connects to the Runtime API at this host and port, or URL. The call returns before the connection is open, so
    /// that the server is built in the meantime.
    ///
    /// # Errors
    ///
    /// [`Error::Lambda`] if the address is not a host and a port, or an `http` URL.
    pub async fn connect(address: &str, max_concurrency: usize) -> Result<Self, Error> {
        let api = Api::new(address).map_err(lambda_error)?;
        let mut connecting = shutdown::connect(api.connection(), max_concurrency).boxed();
        // The first poll starts the connection; the second one, after a turn of the event loop, sends the first request.
        let connected = tokio::select! {
            biased;
            connected = &mut connecting => ready(connected).boxed(),
            () = tokio::task::yield_now() => connecting,
        };
        Ok(Self { api, connected })
    }

    /// Serves the Lambda Runtime API until the environment is shut down.
    ///
    /// # Errors
    ///
    /// [`Error::Lambda`] if the Runtime API cannot be reached or rejects a request for the next event.
    pub async fn serve(self, server: Server) -> Result<(), Error> {
        let Connected { connection, extension } = self.connected.await;
        let shutdown = server.shutdown().clone();
        let function = Function::new(server);
        let mut workers = Box::pin(workers(function, &self.api, connection));
        tokio::select! {
            biased;
            ended = &mut workers => return ended.map_err(lambda_error),
            () = shutdown::requested(&self.api, extension) => {}
        }
        tracing::info!("the environment is shutting down; finishing open requests");
        shutdown.cancel();
        match tokio::time::timeout(SHUTDOWN_GRACE, workers).await {
            Ok(ended) => ended.map_err(lambda_error),
            Err(_) => {
                tracing::warn!("open requests did not finish in time");
                Ok(())
            }
        }
    }
}

fn lambda_error(error: ApiError) -> Error {
    Error::Lambda(error.into())
}

/// Runs one worker for each invocation that the environment serves at a time. The first worker uses the connection that is
/// open already. Returns when the last worker has ended.
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
        // The panic of an invocation is caught in `answer`; if a worker itself panics, the others continue.
        let Ok(Err(error)) = ended else { continue };
        tracing::error!(error = %Causes(&error), left = workers.len(), "a worker ended");
        outcome = Err(error);
    }
    outcome
}

async fn worker(function: Function, mut connection: Connection) -> Result<(), ApiError> {
    let shutdown = function.server.shutdown().clone();
    let mut failures = 0;
    loop {
        let next = tokio::select! {
            biased;
            next = connection.next() => next,
            () = shutdown.cancelled() => return Ok(()),
        };
        match next {
            Ok(event) => {
                failures = 0;
                answer(&function, &mut connection, event).await;
            }
            Err(error) if error.is_connection() && failures < MAX_CONNECTION_FAILURES => {
                failures += 1;
                tracing::warn!(error = %Causes(&error), "the connection to the Runtime API failed; retrying");
            }
            Err(error) => return Err(error),
        }
    }
}

/// Answers one invocation. Its failure is logged and reported to Lambda, and does not end the worker.
async fn answer(function: &Function, connection: &mut Connection, event: Event) {
    // Around the whole invocation: a streamed response works until its last byte.
    let trace_id = event.trace_id.clone();
    with_trace_header(trace_id, invoke(function, connection, event)).await;
}

async fn invoke(function: &Function, connection: &mut Connection, event: Event) {
    let invocation = event.invocation.clone();
    let response = AssertUnwindSafe(function.clone().answer(event)).catch_unwind().await;
    let sent = match response.unwrap_or_else(|panic| Err(panicked(&*panic))) {
        Ok(response) => connection.respond(&invocation, response).await,
        Err(error) => {
            tracing::error!(kind = error.kind, reason = error.message, "an invocation failed");
            connection.fail(&invocation, &error).await
        }
    };
    if let Err(error) = sent {
        // The response was too late or too large, or the connection failed: Lambda reports it to the invoker.
        tracing::error!(error = %Causes(&error), "the Runtime API did not accept a response");
    }
}

fn panicked(panic: &(dyn Any + Send)) -> InvocationError {
    tracing::error!(panic = panic_text(panic), "the server panicked");
    InvocationError { kind: "Panic", message: "internal error: the server panicked".to_owned() }
}
