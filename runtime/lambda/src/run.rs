//! The loop over the Runtime API: one invocation after another, or as many at once as the environment is configured for.

use std::{fmt, future::ready, time::Duration};

use futures::{FutureExt, future::BoxFuture};
use http::HeaderValue;
use tokio::{task::JoinSet, time::Instant};

use super::{
    function::Function,
    hooked_function::HookedFunction,
    hooks::Hooks,
    invocation_response::InvocationResponse,
    runtime_api::{Api, ApiError, Connection, Event},
    shutdown::{self, Connected},
    snapshot,
};
use mcp_lambda_core::{
    InvocationDetails, Server,
    error::{Causes, Error},
    telemetry::{DeferredSpan, Logs, trace_id, with_trace_header},
};

/// How long open responses may take after SIGTERM: Lambda sends SIGKILL half a second later.
const SHUTDOWN_GRACE: Duration = Duration::from_millis(350);
/// The part of it in which calls that are still open are answered as interrupted.
const INTERRUPT_TIME: Duration = Duration::from_millis(100);
/// How long open responses and the program's hook may take together after SIGTERM.
const SHUTDOWN_TIME: Duration = Duration::from_millis(450);
/// How long an environment waits for the reader of its log before it asks for another event, until which Lambda may freeze
/// it.
const FLUSH_TIME: Duration = Duration::from_millis(100);
/// The name by which a log filter switches the span of an invocation.
const INVOCATION: &str = "mcp_lambda_server::invocation";
/// The longest value of a header in a span, in characters.
const LONGEST_VALUE: usize = 300;
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
    /// that the server is built in the meantime. `registers`: the process is an extension, so that Lambda tells it of its
    /// end, which costs a round trip before the first poll.
    ///
    /// # Errors
    ///
    /// [`Error::Lambda`] if the address is not a host and a port, or an `http` URL.
    pub async fn connect(address: &str, registers: bool) -> Result<Self, Error> {
        let api = Api::new(address).map_err(lambda_error)?;
        let mut connecting = shutdown::connect(api.connection(), registers).boxed();
        // The first poll starts the connection; the second one, after a turn of the event loop, sends the first request.
        let connected = tokio::select! {
            biased;
            connected = &mut connecting => ready(connected).boxed(),
            () = tokio::task::yield_now() => connecting,
        };
        Ok(Self { api, connected })
    }

    /// Serves the Lambda Runtime API until the environment is shut down. The log is written before the environment asks for
    /// another event, because Lambda may freeze it until there is one.
    ///
    /// # Errors
    ///
    /// [`Error::Lambda`] if the Runtime API cannot be reached or rejects a request for the next event, or if the environment
    /// could not be stored or restored.
    pub async fn serve(self, server: Server, hooks: Hooks, logs: Logs) -> Result<(), Error> {
        let Connected { connection, extension } = self.connected.await;
        let (shutdown, interrupt) = (server.shutdown().clone(), server.interrupt().clone());
        let last = server.clone();
        let mut served = Box::pin(start_and_serve(server, &self.api, connection, &hooks, logs));
        let ended = tokio::select! {
            biased;
            ended = &mut served => Some(ended),
            () = shutdown::requested(&self.api, extension) => None,
        };
        let end = Instant::now() + SHUTDOWN_TIME;
        let left = || end.saturating_duration_since(Instant::now());
        let ended = match ended {
            // The Runtime API can be gone before the signal arrives.
            Some(ended) => ended,
            None => {
                tracing::info!("the environment is shutting down; finishing open requests");
                shutdown.cancel();
                finished(served, || interrupt.cancel()).await.unwrap_or_else(|| {
                    tracing::warn!("open requests did not finish in time");
                    Ok(())
                })
            }
        };
        if let Some(hook) = &hooks.on_shutdown {
            hook.run_logged(left()).await;
        }
        last.flush_spans(left()).await;
        ended.map_err(lambda_error)
    }
}

/// Waits until every open request has its response. Calls that do not end by themselves are answered as interrupted: they
/// may be open in an environment that serves several requests at once. `None`: some have not ended in time.
async fn finished<F: Future + Unpin>(mut served: F, interrupt: impl FnOnce()) -> Option<F::Output> {
    if let Ok(ended) = tokio::time::timeout(SHUTDOWN_GRACE - INTERRUPT_TIME, &mut served).await {
        return Some(ended);
    }
    tracing::warn!("open calls are interrupted: the environment is shutting down");
    interrupt();
    tokio::time::timeout(INTERRUPT_TIME, served).await.ok()
}

/// Serves invocations, in each restored copy if Lambda stores the environment first.
async fn start_and_serve(
    server: Server,
    api: &Api,
    mut connection: Connection,
    hooks: &Hooks,
    logs: Logs,
) -> Result<(), ApiError> {
    if server.config().snap_start {
        snapshot::stored_and_restored(&mut connection, hooks).await?;
    }
    workers(HookedFunction::new(Function::new(server), hooks), api, connection, logs).await
}

fn lambda_error(error: ApiError) -> Error {
    Error::Lambda(error.into())
}

/// Runs one worker for each invocation that the environment serves at a time. The first worker uses the connection that is
/// open already. Returns when the last worker has ended.
async fn workers(
    function: HookedFunction,
    api: &Api,
    connection: Connection,
    logs: Logs,
) -> Result<(), ApiError> {
    let count = function.function.server.config().max_concurrency;
    if count <= 1 {
        return worker(function, connection, logs).await;
    }
    let mut workers = JoinSet::new();
    for _ in 1..count {
        workers.spawn(worker(function.clone(), api.connection(), logs.clone()));
    }
    workers.spawn(worker(function, connection, logs));
    let mut outcome = Ok(());
    while let Some(ended) = workers.join_next().await {
        // The panic of an invocation is caught in `HookedFunction::answer`; if a worker itself panics, the others continue.
        let Ok(Err(error)) = ended else { continue };
        tracing::error!(error = %Causes(&error), left = workers.len(), "a worker ended");
        outcome = Err(error);
    }
    outcome
}

async fn worker(function: HookedFunction, mut connection: Connection, logs: Logs) -> Result<(), ApiError> {
    let shutdown = function.function.server.shutdown().clone();
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
                logs.flush(FLUSH_TIME).await;
                function.function.server.flush_metrics().await;
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
async fn answer(function: &HookedFunction, connection: &mut Connection, mut event: Event) {
    event.request.details.cold_start = function.function.take_cold_start();
    // Around the whole invocation: a streamed response works until its last byte.
    let (trace_header, deadline) =
        (event.request.details.trace_header.clone(), event.request.details.deadline);
    let span = span(&event.request.details);
    with_trace_header(trace_header, span.around(invoke(function, connection, event))).await;
    function.after(deadline).await;
}

/// The span of an invocation: each line that is logged within it has the request id.
fn span(details: &InvocationDetails) -> DeferredSpan {
    if !tracing::span_enabled!(target: INVOCATION, tracing::Level::INFO) {
        return DeferredSpan::default();
    }
    let InvocationDetails { request_id, invoked_arn, trace_header, tenant_id, cold_start, .. } = details;
    let (request_id, cold_start) = (request_id.clone(), *cold_start);
    let (invoked_arn, tenant_id) = (invoked_arn.clone(), tenant_id.clone());
    let trace_header = trace_header.clone();
    DeferredSpan::new(move || {
        let text = |value: &Option<HeaderValue>| -> Option<String> {
            Some(value.as_ref()?.to_str().ok()?.chars().take(LONGEST_VALUE).collect())
        };
        tracing::info_span!(
            target: INVOCATION,
            "invocation",
            requestId = request_id,
            traceId = trace_header.as_ref().and_then(trace_id),
            invokedArn = text(&invoked_arn),
            tenantId = text(&tenant_id),
            coldStart = cold_start,
        )
    })
}

async fn invoke(function: &HookedFunction, connection: &mut Connection, event: Event) {
    let Event { invocation, request } = event;
    let sent = match function.answer(request).await {
        Ok(InvocationResponse { payload, kept }) => {
            let sent = connection.respond(&invocation, payload).await;
            drop(kept);
            sent
        }
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
