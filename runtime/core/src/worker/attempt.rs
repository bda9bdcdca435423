//! One attempt of a task: the handler runs, and the lease is extended beside it.

use std::{sync::Arc, time::Duration};

use rmcp::{
    ErrorData,
    model::{
        ClientJsonRpcMessage, CustomResult, JsonObject, JsonRpcError, ServerJsonRpcMessage, ServerResult,
    },
};
use serde_json::Value;
use tokio::{
    sync::Notify,
    time::{sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    parts::WorkerParts,
    stored_call::{RestoredCall, StoredCall},
};
use crate::{
    dispatch::stateless_peer_info,
    error::{Causes, StoreError},
    exchange::{HandlerCall, HandlerContext, HandlerEvent},
    handler::{Handler, HandlerError, HandlerResult},
    protocol::{Era, Fault},
    tasks::{Continue, HeldTask, Task, TaskError, TaskHandle, TaskOutcome, TaskStatus},
    telemetry::{AttemptSpan, ServedRequest, TraceContext, with_trace_context},
    time::Deadline,
};

/// How often a running task looks for what its client has done elsewhere.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// Extensions of a lease before it would expire.
const HEARTBEATS_PER_LEASE: u64 = 4;
/// How long a tool waits for its client before it is stopped, to be started again with the answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a tool may go on after its task was cancelled.
const CANCEL_GRACE: Duration = Duration::from_secs(1);
/// Tries of the last write, while the store is away.
const TRIES: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// What became of a task that a worker was to run.
#[derive(Debug)]
pub(super) enum Attempted {
    /// It has ended.
    Ended,
    /// It was given back: another attempt goes on, after a pause or an update.
    GivenBack,
    /// It is not to be claimed yet: it waits, or another worker has it.
    NotDue,
    /// Another worker has taken it over.
    Lost,
    /// There is no such task, or it has expired.
    Unknown,
    /// The store has failed. Another attempt follows when the lease has expired.
    Failed(TaskError),
}

/// How an attempt ends.
enum End {
    Outcome(TaskOutcome),
    /// The tool goes on later, or its client takes long to answer.
    Continue(Continue),
    /// The time of the worker is over, or its tool could not keep something because the store was away: another one goes on.
    HandOver,
    /// The process stops: another worker goes on.
    GiveBack,
    /// Another worker has the task, or it has ended or expired.
    Lost(TaskError),
}

impl End {
    fn outcome(&self) -> Option<&TaskOutcome> {
        match self {
            Self::Outcome(outcome) => Some(outcome),
            Self::Continue(_) | Self::HandOver | Self::GiveBack | Self::Lost(_) => None,
        }
    }
}

/// Runs a task until it has an outcome, goes on later, the process stops, the deadline passes, or it is another worker's.
pub(super) async fn run(
    handler: &Arc<dyn Handler>,
    parts: &WorkerParts,
    held: HeldTask,
    woken: &Notify,
    deadline: Option<Deadline>,
) -> Attempted {
    let task = held.task().clone();
    let cancel = CancellationToken::new();
    let handle = TaskHandle::of(held, parts.program.clone(), cancel.clone());
    let end = match call(handler, parts, &task, &handle, cancel.clone(), deadline) {
        Ok((call, span, trace)) => {
            let end = tokio::select! {
                biased;
                end = with_trace_context(trace, span.around(drive(call, &handle, &cancel))) => end,
                end = watch(&handle, woken, &cancel, parts.lease) => end,
                () = handle.waits_for(PATIENCE) => End::Continue(Continue::after_update()),
                () = parts.shutdown.cancelled() => End::GiveBack,
                () = passed(deadline) => End::HandOver,
            };
            span.end(end.outcome());
            end
        }
        Err(fault) => End::Outcome(TaskOutcome::Failed(fault.to_error())),
    };
    let written = match end {
        End::Outcome(outcome) => finish(&handle, outcome).await.map(|()| Attempted::Ended),
        End::Continue(how) => handle.continue_as(how).await.map(|()| Attempted::GivenBack),
        End::HandOver => handle.hand_over().await.map(|()| Attempted::GivenBack),
        End::GiveBack => handle.release().await.map(|()| Attempted::GivenBack),
        End::Lost(error) => Err(error),
    };
    written.unwrap_or_else(|error| {
        tracing::warn!(task = %task.id, error = %Causes(&error), "an attempt of a task has ended without an outcome");
        match error {
            TaskError::Ended(_) => Attempted::Ended,
            TaskError::NotFound => Attempted::Unknown,
            TaskError::Superseded => Attempted::Lost,
            error => Attempted::Failed(error),
        }
    })
}

/// Returns when the deadline has passed, if there is one.
pub(super) async fn passed(deadline: Option<Deadline>) {
    match deadline {
        Some(deadline) => sleep_until(deadline.instant()).await,
        None => std::future::pending().await,
    }
}

fn call(
    handler: &Arc<dyn Handler>,
    parts: &WorkerParts,
    task: &Task,
    handle: &TaskHandle,
    cancel: CancellationToken,
    deadline: Option<Deadline>,
) -> Result<(HandlerCall, AttemptSpan, Option<TraceContext>), Fault> {
    let RestoredCall { request, typed, principal, trace } = StoredCall::restore(task)?;
    let span = AttemptSpan::begin(&parts.tracing, task, trace.as_ref());
    // A span that is sent nowhere would be a gap in the trace of the client.
    let trace = span.trace().or(trace);
    let mut extensions = parts.services.of_principal(&principal);
    if let Some(trace) = &trace {
        extensions.insert(trace.clone());
    }
    let left = task.expires_at.since(parts.clock.now());
    extensions.insert(deadline.map_or_else(|| Deadline::after(left), |deadline| deadline.capped(left)));
    extensions.insert(handle.clone());
    let peer_info = stateless_peer_info(&typed);
    // The request is answered long before: there is nothing to observe.
    let served = ServedRequest::of(&http::Extensions::new());
    let context = HandlerContext { era: Era::Stateless, principal, peer_info, extensions, cancel, served };
    Ok((HandlerCall::start(Arc::clone(handler), request, typed, context), span, trace))
}

/// Calls the handler. A task has no stream: what the handler sends on the way goes nowhere, and what it asks that way is
/// refused.
async fn drive(mut call: HandlerCall, handle: &TaskHandle, cancel: &CancellationToken) -> End {
    loop {
        match call.next().await {
            HandlerEvent::Message(ServerJsonRpcMessage::Request(message)) => {
                let text = "a task asks its client with context.task().request_input";
                let error = JsonRpcError::new(Some(message.id), ErrorData::invalid_request(text, None));
                call.deliver(ClientJsonRpcMessage::Error(error));
            }
            HandlerEvent::Message(_) => {}
            HandlerEvent::Result(result) => return end(result, handle, cancel.is_cancelled()),
        }
    }
}

/// How the attempt ends with the result of the call. A tool that was cancelled does not go on later. The error of a
/// tool that met a store that was away does not end the task: another attempt follows.
fn end(result: HandlerResult, handle: &TaskHandle, is_cancelled: bool) -> End {
    match &result {
        Err(HandlerError::Handler(error)) if !is_cancelled => match Continue::of(error) {
            Some(how) => End::Continue(how),
            None if handle.has_failed() => End::HandOver,
            None => End::Outcome(outcome(result, is_cancelled)),
        },
        _ => End::Outcome(outcome(result, is_cancelled)),
    }
}

/// The outcome of a call. A tool that was cancelled and ends with an error has done what it was asked to.
fn outcome(result: HandlerResult, is_cancelled: bool) -> TaskOutcome {
    let error = match result {
        Ok(ServerResult::CallToolResult(result)) => match serde_json::to_value(result) {
            Ok(result) => {
                return TaskOutcome::Completed(result.as_object().cloned().unwrap_or_else(JsonObject::new));
            }
            Err(error) => ErrorData::internal_error(format!("the result is no JSON: {error}"), None),
        },
        // That of another server, as JSON.
        Ok(ServerResult::CustomResult(CustomResult(Value::Object(result)))) => {
            return TaskOutcome::Completed(result);
        }
        Ok(ServerResult::InputRequiredResult(_)) => {
            let text = "a tool that runs as a task asks its client with context.task().request_input, not with an \
                        InputRequiredResult";
            ErrorData::internal_error(text, None)
        }
        Ok(_) => ErrorData::internal_error("the tool returned what is no result of a tool", None),
        Err(HandlerError::Handler(error)) => error,
        Err(HandlerError::Refused(fault)) => fault.to_error(),
    };
    if is_cancelled { TaskOutcome::Cancelled } else { TaskOutcome::Failed(error) }
}

/// Keeps the lease, and looks for what the client has done. Ends when the task is lost, or some time after it was cancelled.
async fn watch(handle: &TaskHandle, woken: &Notify, cancel: &CancellationToken, lease: Duration) -> End {
    let looks_per_heartbeat = (lease.as_secs() / HEARTBEATS_PER_LEASE).max(1);
    let mut looks = 0_u64;
    while !cancel.is_cancelled() {
        tokio::select! {
            () = woken.notified() => {}
            () = sleep(LOOK_INTERVAL) => looks += 1,
        }
        match handle.look(looks.is_multiple_of(looks_per_heartbeat)).await {
            // The lease is longer than a store is away.
            Ok(()) | Err(TaskError::Store(_)) => {}
            Err(error) => {
                cancel.cancel();
                // Its client has ended it, and the tool may clean up all the same.
                if matches!(error, TaskError::Ended(TaskStatus::Cancelled)) {
                    sleep(CANCEL_GRACE).await;
                }
                return End::Lost(error);
            }
        }
    }
    sleep(CANCEL_GRACE).await;
    End::Outcome(TaskOutcome::Cancelled)
}

/// Writes the outcome. One that no store takes becomes an error with the reason.
async fn finish(handle: &TaskHandle, mut outcome: TaskOutcome) -> Result<(), TaskError> {
    let mut pause = FIRST_PAUSE;
    let mut tries = 0;
    loop {
        tries += 1;
        match handle.finish(&outcome).await {
            Err(error @ (TaskError::TooLarge { .. } | TaskError::Store(StoreError::Full { .. })))
                if tries < TRIES =>
            {
                outcome = TaskOutcome::Failed(ErrorData::internal_error(error.to_string(), None));
            }
            Err(TaskError::Store(error)) if error.is_retryable() && tries < TRIES => sleep(pause).await,
            written => return written,
        }
        pause *= 2;
    }
}
