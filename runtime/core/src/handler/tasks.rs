//! Calls that run as tasks, and what clients ask about them.

use std::{collections::BTreeMap, sync::Arc};

use futures::future::BoxFuture;
use rmcp::{
    ErrorData,
    model::{
        ClientCapabilities, ClientRequest, CreateTaskResult, DetailedTask, GetTaskResult, InputRequests,
        ServerResult, Task as WireTask, TaskAckResult, TaskPayload,
    },
};
use serde_json::Value;

use super::{Handler, HandlerResult, Layer, Request};
use crate::{
    protocol::{Era, Fault},
    tasks::{Task, TaskError, TaskId, TaskOutcome, TaskSupport},
};

/// How often a client should ask for a task, in milliseconds.
const POLL_INTERVAL_MS: u64 = 1_000;

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
        let task = self.runner.start(request).await.map_err(super::HandlerError::Refused)?;
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
        // The tasks of 2025-11-25 are another protocol: there, calls run as they are.
        if request.era != Era::Stateless {
            return self.inner.request(request);
        }
        let is_declared = request.context.client_capabilities().is_some_and(|client| client.supports_tasks());
        match &request.typed {
            ClientRequest::CallToolRequest(_) => match self.support(&request) {
                Some(_) if is_declared => Box::pin(self.start(request)),
                Some(TaskSupport::Required) => undeclared(),
                Some(TaskSupport::Optional | TaskSupport::AfterInput) | None => self.inner.request(request),
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

fn refusal(error: TaskError) -> super::HandlerError {
    super::HandlerError::Refused(match error {
        TaskError::Store(error) => Fault::of_store(&error),
        TaskError::NotFound => Fault::invalid_params(
            "params.taskId names no task of this caller: it was never one, or has expired",
        ),
        error => Fault::invalid_params(error.to_string()),
    })
}

fn described(task: &Task) -> WireTask {
    let (created, updated) = (task.created_at.to_rfc3339(), task.state.updated_at().to_rfc3339());
    let ttl = u64::try_from(task.ttl().as_millis()).unwrap_or(u64::MAX);
    let mut described = WireTask::new(task.id.as_str(), task.status(), created, updated)
        .with_ttl_ms(ttl)
        .with_poll_interval_ms(POLL_INTERVAL_MS);
    described.status_message = task.state.message().map(str::to_owned);
    described
}

/// The task with what its status adds: the questions, the result or the error.
fn detailed(task: &Task) -> Result<DetailedTask, ErrorData> {
    let unreadable =
        |error: serde_json::Error| ErrorData::internal_error(format!("a stored task: {error}"), None);
    let payload = match task.state.outcome() {
        Some(TaskOutcome::Completed(result)) => TaskPayload::Completed { result: result.clone() },
        Some(TaskOutcome::Failed(error)) => {
            let error = serde_json::to_value(error).map_err(unreadable)?;
            TaskPayload::Failed { error: error.as_object().cloned().unwrap_or_default() }
        }
        Some(TaskOutcome::Cancelled) => TaskPayload::Cancelled,
        None => {
            let open = task.state.open_inputs().map(|(key, request)| {
                Ok((key.to_owned(), serde_json::from_value(request.clone()).map_err(unreadable)?))
            });
            let open = open.collect::<Result<InputRequests, ErrorData>>()?;
            if open.is_empty() {
                TaskPayload::Working
            } else {
                TaskPayload::InputRequired { input_requests: open }
            }
        }
    };
    Ok(DetailedTask::new(described(task), payload))
}
