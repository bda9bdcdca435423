//! Calls that run as tasks, and what clients ask about them.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use rmcp::{
    ErrorData,
    model::{
        ClientCapabilities, ClientRequest, CreateTaskResult, GetTaskResult, ServerResult, TaskAckResult,
    },
};
use serde_json::Value;
use tokio::time::sleep;

use super::{Handler, HandlerError, HandlerResult, Layer, Request};
use crate::{
    protocol::{Era, Fault},
    tasks::{Task, TaskError, TaskId, TaskOutcome, TaskSupport, described, detailed},
    time::Deadline,
};

/// Pause between two looks at a task whose result may come soon. It doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// Kept back of the time of a call that waits for the result of its task.
const CLOSING_TIME: Duration = Duration::from_secs(1);

/// Which tools run as tasks.
pub(crate) type TaskTools = BTreeMap<String, TaskSupport>;

/// What creates tasks, runs them and changes them for their clients.
pub(crate) trait TaskRunner: Send + Sync + 'static {
    /// Creates a task of a call. It is durable, and readable by its owner, when this returns.
    fn start(&self, request: Request) -> BoxFuture<'_, Result<Task, Fault>>;

    /// Reads a task of the caller.
    fn get<'a>(&'a self, request: &'a Request, id: TaskId) -> BoxFuture<'a, Result<Task, TaskError>>;

    /// Gives the answers of the caller to a task.
    fn update<'a>(
        &'a self,
        request: &'a Request,
        id: TaskId,
        answers: Vec<(String, Value)>,
    ) -> BoxFuture<'a, Result<Task, TaskError>>;

    /// Cancels a task of the caller.
    fn cancel<'a>(&'a self, request: &'a Request, id: TaskId) -> BoxFuture<'a, Result<Task, TaskError>>;
}

/// The layer: a call of a tool that runs as a task is answered with the task, if its client declares the tasks
/// extension. <https://github.com/modelcontextprotocol/ext-tasks/blob/main/specification/draft/tasks.md> (read
/// 2026-11-26).
pub(super) struct TaskCalls {
    inner: Arc<dyn Handler>,
    runner: Arc<dyn TaskRunner>,
    tools: TaskTools,
}

impl TaskCalls {
    pub(super) fn new(inner: Arc<dyn Handler>, runner: Arc<dyn TaskRunner>, tools: TaskTools) -> Self {
        Self { inner, runner, tools }
    }

    /// What becomes of a call, decided for each one.
    fn support(&self, request: &Request) -> Option<TaskSupport> {
        let ClientRequest::CallToolRequest(call) = &request.typed else { return None };
        let support = *self.tools.get(&*call.params.name)?;
        // The rounds of a request end before its task begins, and its result uses what they gathered.
        let is_first_round = call.params.input_responses.is_none();
        (support != TaskSupport::AfterInput || !is_first_round).then_some(support)
    }

    async fn start(&self, request: Request) -> HandlerResult {
        let task = self.runner.start(request).await.map_err(HandlerError::Refused)?;
        Ok(ServerResult::CreateTaskResult(CreateTaskResult::new(described(&task))))
    }

    /// Answers with the result of the task if it is there in time, else with the task. A task that asks its client is returned
    /// at once, and so is one that cannot be read.
    async fn start_and_wait(&self, request: Request, patience: Duration) -> HandlerResult {
        let mut task = self.runner.start(request.clone()).await.map_err(HandlerError::Refused)?;
        let deadline = request.context.extensions.get::<Deadline>().copied();
        let deadline = deadline.map_or_else(
            || Deadline::after(patience),
            |deadline| deadline.minus(CLOSING_TIME).capped(patience),
        );
        let mut pause = FIRST_PAUSE;
        while !deadline.remaining().is_zero() {
            tokio::select! {
                () = sleep(pause.min(deadline.remaining())) => {}
                // The client has left, or cancels its request: that is no cancellation of the task.
                () = request.context.ct.cancelled() => break,
            }
            pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
            let Ok(read) = self.runner.get(&request, task.id.clone()).await else { break };
            task = read;
            match task.state.outcome() {
                Some(TaskOutcome::Completed(result)) => {
                    let result = serde_json::from_value(Value::Object(result.clone()));
                    let unreadable =
                        |error| ErrorData::internal_error(format!("a stored task: {error}"), None);
                    return Ok(ServerResult::CallToolResult(result.map_err(unreadable)?));
                }
                Some(TaskOutcome::Failed(error)) => return Err(error.clone().into()),
                Some(TaskOutcome::Cancelled) => break,
                None if task.state.open_inputs().next().is_some() => break,
                None => {}
            }
        }
        Ok(ServerResult::CreateTaskResult(CreateTaskResult::new(described(&task))))
    }

    async fn get(&self, request: Request, id: String) -> HandlerResult {
        let task = match id.parse() {
            Ok(id) => self.runner.get(&request, id).await,
            Err(_) => Err(TaskError::NotFound),
        };
        Ok(ServerResult::GetTaskResult(GetTaskResult::new(detailed(&task.map_err(refusal)?)?)))
    }

    async fn update(&self, request: Request, id: String, answers: Vec<(String, Value)>) -> HandlerResult {
        let task = match id.parse() {
            Ok(id) => self.runner.update(&request, id, answers).await,
            Err(_) => Err(TaskError::NotFound),
        };
        task.map_err(refusal)?;
        Ok(ServerResult::TaskAckResult(TaskAckResult::new()))
    }

    async fn cancel(&self, request: Request, id: String) -> HandlerResult {
        let task = match id.parse() {
            Ok(id) => self.runner.cancel(&request, id).await,
            Err(_) => Err(TaskError::NotFound),
        };
        task.map_err(refusal)?;
        Ok(ServerResult::TaskAckResult(TaskAckResult::new()))
    }
}

impl Layer for TaskCalls {
    fn inner(&self) -> &dyn Handler {
        &*self.inner
    }

    fn request(&self, request: Request) -> BoxFuture<'_, HandlerResult> {
        // The tasks of 2025-11-25 are another protocol.
        if request.era != Era::Stateless {
            return self.inner.request(request);
        }
        let is_declared = request.context.client_capabilities().is_some_and(|client| client.supports_tasks());
        match &request.typed {
            ClientRequest::CallToolRequest(_) => match self.support(&request) {
                Some(TaskSupport::IfSlow(patience)) if is_declared => {
                    Box::pin(self.start_and_wait(request, patience))
                }
                Some(_) if is_declared => Box::pin(self.start(request)),
                Some(TaskSupport::Required) => undeclared(),
                Some(TaskSupport::Optional | TaskSupport::AfterInput | TaskSupport::IfSlow(_)) | None => {
                    self.inner.request(request)
                }
            },
            ClientRequest::GetTaskRequest(_)
            | ClientRequest::UpdateTaskRequest(_)
            | ClientRequest::CancelTaskRequest(_)
                if !is_declared =>
            {
                undeclared()
            }
            ClientRequest::GetTaskRequest(get) => {
                let id = get.params.task_id.clone();
                Box::pin(self.get(request, id))
            }
            ClientRequest::UpdateTaskRequest(update) => {
                let answers = update.params.input_responses.clone().into_iter().collect();
                let id = update.params.task_id.clone();
                Box::pin(self.update(request, id, answers))
            }
            ClientRequest::CancelTaskRequest(cancel) => {
                let id = cancel.params.task_id.clone();
                Box::pin(self.cancel(request, id))
            }
            _ => self.inner.request(request),
        }
    }
}

/// Refuses the request of a client that does not declare the tasks extension.
fn undeclared() -> BoxFuture<'static, HandlerResult> {
    let needed = ClientCapabilities::builder().enable_tasks().build();
    Box::pin(std::future::ready(Err(ErrorData::missing_required_client_capability(needed).into())))
}

pub(super) fn refusal(error: TaskError) -> HandlerError {
    HandlerError::Refused(match error {
        TaskError::Store(error) => Fault::of_store(&error),
        TaskError::NotFound => Fault::invalid_params(
            "params.taskId names no task of this caller: it was never one, or has expired",
        ),
        error => Fault::invalid_params(error.to_string()),
    })
}
