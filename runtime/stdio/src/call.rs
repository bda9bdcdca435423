//! One call of a child, until its result: what the child sends meanwhile goes to the client of the call.

// SEP-2577 deprecates logging; servers and clients use it until it is gone.
#![allow(deprecated)]

use std::sync::Arc;

use futures::{StreamExt, stream::FuturesUnordered};
use mcp_lambda_core::{
    McpContext,
    events::Events,
    handler::{HandlerError, HandlerResult, Request},
    random,
};
use rmcp::{
    ErrorData,
    model::{
        ClientRequest, CustomNotification, LoggingMessageNotification, LoggingMessageNotificationParam,
        ProgressNotification, ProgressNotificationParam, ServerNotification, ServerResult,
    },
};
use serde_json::{Map, Value, json};

use crate::{
    asking::{Asked, Client, ask_of_task},
    child::{Audience, CallEvent, Child, Failed, Owner},
    pool::{Lease, Pool},
    running::{ChildTask, KeptForTask, Running},
    settings::Settings,
    suspended::name_of_task,
    time::run_time,
    translate::{asks, params, result},
};

/// How often a child of 2026-07-28 may ask before its call fails.
const MOST_ROUNDS: usize = 10;

/// A call of a child.
pub(crate) struct Call<'a> {
    pub(crate) pool: &'a Arc<Pool>,
    pub(crate) settings: &'a Settings,
    pub(crate) lease: &'a Lease,
    pub(crate) request: &'a Request,
    pub(crate) owner: Owner,
    pub(crate) audience: Audience,
    pub(crate) events: Option<&'a Events>,
}

impl Call<'_> {
    /// Runs the call. `running`: what it goes on with.
    pub(crate) async fn run(self, running: Option<Running>) -> HandlerResult {
        let Some(limit) = self.settings.call_timeout else { return self.rounds(running).await };
        tokio::select! {
            biased;
            result = self.rounds(running) => result,
            () = run_time(limit) => {
                // What was kept for another attempt of the task is out of time as well.
                let principal = self.request.principal.key();
                let kept = self.task_name().and_then(|name| self.pool.suspended.take(&name, principal));
                drop(kept);
                Err(self.out_of_time().into())
            }
        }
    }

    /// Asks the child, and as long as it wants to know something first, its client.
    async fn rounds(&self, mut suspended: Option<Running>) -> HandlerResult {
        let method = &self.request.message.method;
        let client = self.client();
        let mut more = Map::new();
        for round in 0..MOST_ROUNDS {
            let mut running = match suspended.take() {
                Some(running) => self.answered(running).await,
                None => self.start(std::mem::take(&mut more)).await?,
            };
            let result = match (&client, self.task_name()) {
                (Client::Task(_), Some(name)) => self.result_in_task(running, &client, name).await?,
                _ => match self.result(&mut running, &client).await? {
                    Some(result) => result,
                    None => return self.suspend(running),
                },
            };
            if matches!(client, Client::Result) || !result::asks(&result) {
                return Ok(result::for_client(self.request.era, method, &self.child().handshake, result)?);
            }
            more = self.ask_all(&result, &client, round).await?;
        }
        let text = format!("the server asks for more input after {MOST_ROUNDS} rounds");
        Err(ErrorData::internal_error(text, None).into())
    }

    pub(crate) fn child(&self) -> &Arc<Child> {
        &self.lease.child
    }

    /// The name under which the call is kept between two attempts of its task.
    pub(crate) fn task_name(&self) -> Option<String> {
        self.request.context.task().id().map(name_of_task)
    }

    /// Sends the request to the child.
    async fn start(&self, more: Map<String, Value>) -> Result<Running, HandlerError> {
        let questions = self.questions()?;
        let token = self.child().link.next_id();
        let mut params = params::for_child(self.request, self.child(), token, self.settings);
        params.extend(more);
        if self.task_tool() {
            params.insert("task".to_owned(), json!({}));
        }
        let method = self.request.message.method.as_str();
        let sent = self.child().link.call(method, &Value::Object(params), self.owner.clone(), token).await;
        let (pending, messages) = sent.map_err(|error| self.failed(error))?;
        let (owner, lease) = (self.owner.clone(), self.lease.clone());
        Ok(Running { pending, messages, questions, task: None, token, owner, lease })
    }

    /// Gives a suspended call the answers that the client has brought.
    async fn answered(&self, mut running: Running) -> Running {
        let (_, responses) = asks::carried(&self.request.typed);
        for (id, answer) in running.questions.answered(responses) {
            running.lease.child.link.respond(&id, &Ok(answer)).await;
        }
        running
    }

    /// Keeps the call until its client brings the answer, and asks the client.
    fn suspend(&self, running: Running) -> HandlerResult {
        let name = random::token();
        let result = running.questions.result(Some(&name))?;
        self.pool.suspended.keep(self.pool, &name, self.request.principal.key(), running);
        Ok(ServerResult::InputRequiredResult(result))
    }

    /// Whether the child runs the tool as one of its tasks only, and the client has none of the child's tasks.
    fn task_tool(&self) -> bool {
        match &self.request.typed {
            ClientRequest::CallToolRequest(call) => self.child().requires_task(&call.params.name),
            _ => false,
        }
    }

    /// The result of a call that runs as a task. An attempt that ends while the client thinks leaves the call to the next one.
    async fn result_in_task(
        &self,
        running: Running,
        client: &Client,
        name: String,
    ) -> Result<Value, HandlerError> {
        let mut kept = KeptForTask {
            running: None,
            pool: self.pool,
            name,
            principal: self.request.principal.key(),
            cancelled: &self.request.context.ct,
        };
        let result = self.result(kept.running.insert(running), client).await;
        // With its result or error, the call is over.
        drop(kept.running.take());
        result?.ok_or_else(|| {
            ErrorData::internal_error("a task asks its client through its questions", None).into()
        })
    }

    /// Waits for the result of a request, and then for that of the task of the child that it has begun. `None`: the client is to be
    /// asked by the result.
    async fn result(&self, running: &mut Running, client: &Client) -> Result<Option<Value>, HandlerError> {
        loop {
            let Some(result) = self.reply(running, client).await? else { return Ok(None) };
            let created = result["task"]["taskId"].as_str().filter(|_| running.task.is_none());
            let (true, Some(id)) = (self.task_tool(), created) else {
                if let Some(task) = &mut running.task {
                    task.is_over = true;
                }
                return Ok(Some(result));
            };
            let link = Arc::clone(&self.child().link);
            let params = json!({ "taskId": id });
            running.task = Some(ChildTask { link: Arc::clone(&link), id: id.to_owned(), is_over: false });
            let sent = link.call("tasks/result", &params, running.owner.clone(), running.token).await;
            (running.pending, running.messages) = sent.map_err(|error| self.failed(error))?;
        }
    }

    fn out_of_time(&self) -> ErrorData {
        let seconds = self.settings.call_timeout.unwrap_or_default().as_secs_f64();
        let name = &self.settings.name;
        ErrorData::internal_error(
            format!("the server {name:?} has not answered within {seconds} s (the call time-out)"),
            None,
        )
    }

    /// Passes on what the child sends until it answers. `None`: the client is to be asked by the result.
    async fn reply(&self, running: &mut Running, client: &Client) -> Result<Option<Value>, HandlerError> {
        let Running { pending, messages, questions, lease, .. } = running;
        let link = &lease.child.link;
        let mut asking: FuturesUnordered<Asked<'_>> = FuturesUnordered::new();
        match client {
            Client::Result if questions.is_open() => return Ok(None),
            Client::Task(task) => {
                asking.extend(questions.open().iter().map(|one| ask_of_task(task.clone(), one.clone())));
            }
            Client::Stream | Client::Result => {}
        }
        let cancelled = &self.request.context.ct;
        let reply = loop {
            tokio::select! {
                biased;
                Some(message) = messages.recv() => match message {
                    CallEvent::Ask { id, method, params } => match client {
                        Client::Stream => asking.push(self.ask_on_stream(id, method, params)),
                        Client::Task(task) => {
                            if let Some(question) = self.answer_or_ask(questions, id, &method, params).await {
                                asking.push(ask_of_task(task.clone(), question));
                            }
                        }
                        Client::Result => {
                            self.answer_or_ask(questions, id, &method, params).await;
                            if questions.is_open() {
                                self.ask_the_rest(questions, messages).await;
                                return Ok(None);
                            }
                        }
                    },
                    message => self.pass(message).await,
                },
                reply = pending.reply() => break reply,
                Some((key, id, answer)) = asking.next() => {
                    link.respond(&id, &answer).await;
                    if let Some(key) = key {
                        questions.close(&key);
                    }
                }
                () = cancelled.cancelled() => return Err(ErrorData::internal_error("cancelled", None).into()),
            }
        };
        // All that came before the response is there.
        while let Ok(message) = messages.try_recv() {
            if !matches!(message, CallEvent::Ask { .. }) {
                self.pass(message).await;
            }
        }
        reply.map(Some).map_err(|error| self.failed(error))
    }

    /// Passes a message of the child on.
    pub(crate) async fn pass(&self, message: CallEvent) {
        let notification = match message {
            CallEvent::Progress(params) => self.progress(params),
            // Of a task that its client does not see.
            CallEvent::Notification { method, .. } if method == "notifications/tasks/status" => None,
            CallEvent::Notification { method, params } => Some(notification(method, params)),
            CallEvent::Notice(notice) => {
                if let Some(events) = self.events {
                    self.audience.publish(events, &notice).await;
                }
                None
            }
            CallEvent::Withdrawn(id) => {
                tracing::debug!(%id, "the server no longer waits for an answer, and drops it when it comes");
                None
            }
            CallEvent::Ask { .. } => None,
        };
        if let Some(notification) = notification {
            // An error says that the call has ended.
            let _ = self.request.context.peer.send_notification(notification).await;
        }
    }

    /// Progress, with the token of the client.
    fn progress(&self, mut params: Map<String, Value>) -> Option<ServerNotification> {
        let token = self.request.context.meta.get_progress_token()?;
        params.insert("progressToken".to_owned(), json!(token));
        let params: ProgressNotificationParam = serde_json::from_value(Value::Object(params)).ok()?;
        Some(ServerNotification::ProgressNotification(ProgressNotification::new(params)))
    }

    fn failed(&self, failed: Failed) -> HandlerError {
        HandlerError::Handler(error_of(failed, self.settings))
    }
}

/// The error of a request that the child has not answered, or has refused.
pub(crate) fn error_of(failed: Failed, settings: &Settings) -> ErrorData {
    let name = &settings.name;
    let text = match failed {
        Failed::Error(error) => return error,
        Failed::Ended(reason) => format!("the server {name:?} {reason}"),
        Failed::Busy(limit) => {
            format!("the server {name:?} answers {limit} requests already, and takes no more (max_pending)")
        }
        Failed::TooLong { size, limit } => {
            format!(
                "the server {name:?} answers with a line of {size} bytes, where at most {limit} are read (max_line)"
            )
        }
    };
    ErrorData::internal_error(text, None)
}

/// A notification of the child, in rmcp's type where the server has rules for it.
fn notification(method: String, params: Option<Value>) -> ServerNotification {
    if method == "notifications/message"
        && let Some(params) = params.clone()
        && let Ok(message) = serde_json::from_value::<LoggingMessageNotificationParam>(params)
    {
        return ServerNotification::LoggingMessageNotification(LoggingMessageNotification::new(message));
    }
    ServerNotification::CustomNotification(CustomNotification::new(method, params))
}
