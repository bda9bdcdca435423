//! The experimental tasks of 2025-11-25: the client says which of its calls run as tasks.
//! <https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/tasks> (read 2026-11-27).
//!
//! * [`ExperimentalTasks`]: the layer. [`waiting`]: `tasks/result`. [`listed`]: which tools run as tasks.

pub(super) mod listed;
mod waiting;

use std::sync::Arc;

use futures::future::BoxFuture;
use rmcp::model::{ClientRequest, CustomResult, ServerResult};
use serde_json::Value;

use super::{
    Handler, HandlerError, HandlerResult, Layer, Request, cursors, refuse,
    request::RequestedTtl,
    tasks::{TaskRunner, TaskTools, refusal},
};
use crate::{
    protocol::{Era, Fault, Method},
    tasks::{
        Task, TaskCursor, TaskError, TaskId, TaskSupport, Tasks,
        experimental::{self, CallParams, IdParams, ListParams, TaskParams},
    },
};

/// Tasks of one page of `tasks/list`.
const PAGE: usize = 50;

/// The layer: a call that its client wants as a task is answered with the task.
pub(super) struct ExperimentalTasks {
    inner: Arc<dyn Handler>,
    runner: Arc<dyn TaskRunner>,
    tasks: Tasks,
    tools: TaskTools,
}

impl ExperimentalTasks {
    pub(super) fn new(
        inner: Arc<dyn Handler>,
        runner: Arc<dyn TaskRunner>,
        tasks: Tasks,
        tools: TaskTools,
    ) -> Self {
        Self { inner, runner, tasks, tools }
    }

    /// Serves a call. In a revision without tasks a tool that runs as a task only cannot be called.
    fn call(&self, request: Request) -> BoxFuture<'_, HandlerResult> {
        let ClientRequest::CallToolRequest(call) = &request.typed else { return self.inner.request(request) };
        let tool = call.params.name.to_string();
        let support = self.tools.get(&tool).copied();
        let asked = match request.has_experimental_tasks() {
            true => task_params(&request),
            false => Ok(None),
        };
        match (support, asked) {
            (_, Err(fault)) => refuse(fault),
            (
                Some(TaskSupport::Optional | TaskSupport::Required | TaskSupport::IfSlow(_)),
                Ok(Some(asked)),
            ) => Box::pin(self.start(request, asked)),
            (Some(TaskSupport::AfterInput) | None, Ok(Some(_))) => refuse(Fault::NoTaskTool { tool }),
            (Some(TaskSupport::Required), Ok(None)) => refuse(Fault::TaskRequired { tool }),
            (
                Some(TaskSupport::Optional | TaskSupport::AfterInput | TaskSupport::IfSlow(_)) | None,
                Ok(None),
            ) => self.inner.request(request),
        }
    }

    async fn start(&self, mut request: Request, asked: TaskParams) -> HandlerResult {
        let ttl = asked.ttl().map_err(HandlerError::Refused)?;
        request.context.extensions.insert(RequestedTtl(ttl));
        request.name_client();
        let task = self.runner.start(request).await.map_err(HandlerError::Refused)?;
        Ok(custom(experimental::created(&task)))
    }

    async fn get(&self, request: Request) -> HandlerResult {
        Ok(custom(experimental::task(&self.task(&request).await?)))
    }

    /// Cancels a task. It has ended when this is answered, and its worker finds that out.
    async fn cancel(&self, request: Request) -> HandlerResult {
        let id = task_id(&request)?;
        let cancelled = match self.tasks.end(&request.principal, &id).await {
            Err(TaskError::Ended(_)) => {
                return Err(HandlerError::Refused(Fault::invalid_params(
                    "params.taskId names a task that has ended, so that it cannot be cancelled",
                )));
            }
            cancelled => cancelled.map_err(refusal)?,
        };
        // The worker looks at its task at once if it is one of this process.
        let _ = self.runner.cancel(&request, id).await;
        Ok(custom(experimental::task(&cancelled)))
    }

    async fn list(&self, request: Request) -> HandlerResult {
        let owner = &request.principal;
        // It would see the tasks of all anonymous callers.
        if owner.is_anonymous() {
            return Err(HandlerError::Refused(Fault::MethodNotFound(request.message.method.to_string())));
        }
        let ListParams { cursor } = request.message.parse().map_err(HandlerError::Refused)?;
        let after = match cursor {
            Some(cursor) => Some(self.cursor(&request, &cursor).await?),
            None => None,
        };
        let (tasks, next) = self.tasks.list(owner, after.as_ref(), PAGE).await.map_err(refusal)?;
        Ok(custom(experimental::page(&tasks, next.as_ref())))
    }

    /// Reads a cursor. The ones that were issued name a task of the caller.
    async fn cursor(&self, request: &Request, text: &str) -> Result<TaskCursor, HandlerError> {
        let unknown = || HandlerError::Refused(cursors::unknown(text));
        let cursor: TaskCursor = text.parse().map_err(|_| unknown())?;
        match self.tasks.get(&request.principal, &cursor.id).await {
            Ok(task) if TaskCursor::behind(&task) == cursor => Ok(cursor),
            Ok(_) | Err(TaskError::NotFound) => Err(unknown()),
            Err(error) => Err(refusal(error)),
        }
    }

    /// The task that a request names.
    async fn task(&self, request: &Request) -> Result<Task, HandlerError> {
        let id = task_id(request)?;
        self.runner.get(request, id).await.map_err(refusal)
    }
}

impl Layer for ExperimentalTasks {
    fn inner(&self) -> &dyn Handler {
        &*self.inner
    }

    fn request(&self, request: Request) -> BoxFuture<'_, HandlerResult> {
        if request.era != Era::Session {
            return self.inner.request(request);
        }
        match request.message.method {
            Method::CallTool => self.call(request),
            Method::GetTask if request.has_experimental_tasks() => Box::pin(self.get(request)),
            Method::TaskResult if request.has_experimental_tasks() => Box::pin(self.wait(request)),
            Method::ListTasks if request.has_experimental_tasks() => Box::pin(self.list(request)),
            Method::CancelTask if request.has_experimental_tasks() => Box::pin(self.cancel(request)),
            _ => self.inner.request(request),
        }
    }
}

/// What a call says about tasks. Most calls say nothing, and are not read twice.
fn task_params(request: &Request) -> Result<Option<TaskParams>, Fault> {
    if !request.message.params.text().contains("\"task\"") {
        return Ok(None);
    }
    request.message.parse().map(|CallParams { task }| task)
}

/// The id that a request names. A text that is no id names no task.
fn task_id(request: &Request) -> Result<TaskId, HandlerError> {
    let IdParams { task_id } = request.message.parse().map_err(HandlerError::Refused)?;
    task_id.parse().map_err(|_| refusal(TaskError::NotFound))
}

fn custom(result: Value) -> ServerResult {
    ServerResult::CustomResult(CustomResult(result))
}
