//! One call of a child, until its result: what the child sends meanwhile goes to the client of the call.

// SEP-2577 deprecates logging; servers and clients use it until it is gone.
#![allow(deprecated)]

use std::sync::Arc;

use futures::{StreamExt, stream::FuturesUnordered};
use mcp_lambda_core::{
    events::Events,
    handler::{HandlerError, HandlerResult, Request},
    protocol::Era,
};
use rmcp::{
    ErrorData,
    model::{
        ClientRequest, CustomNotification, ErrorCode, LoggingMessageNotification,
        LoggingMessageNotificationParam, ProgressNotification, ProgressNotificationParam, ServerNotification,
        ServerResult,
    },
};
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

use crate::{
    child::{Audience, CallEvent, Child, Failed, Link, Owner, Reply, Speaks},
    settings::Settings,
    time::run_time,
    translate::{
        asks::{self, Questions},
        params, result,
    },
};

/// How often a child of 2026-07-28 may ask before its call fails.
const MOST_ROUNDS: usize = 10;

/// A call of a child.
pub(crate) struct Call<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) child: &'a Arc<Child>,
    pub(crate) request: &'a Request,
    pub(crate) owner: Owner,
    pub(crate) audience: Audience,
    pub(crate) events: Option<&'a Events>,
}

/// How one request to the child ends.
enum Outcome {
    Result(Value),
    /// The client has to be asked first.
    Ask(Questions),
}

impl Call<'_> {
    /// Runs the call.
    pub(crate) async fn run(self) -> HandlerResult {
        let Some(limit) = self.settings.call_timeout else { return self.rounds().await };
        tokio::select! {
            biased;
            result = self.rounds() => result,
            () = run_time(limit) => Err(self.out_of_time().into()),
        }
    }

    /// Asks the child, and as long as it wants to know something first, its client.
    async fn rounds(&self) -> HandlerResult {
        let method = &self.request.message.method;
        let mut more = Map::new();
        for _ in 0..MOST_ROUNDS {
            let token = self.child.link.next_id();
            let mut params = params::for_child(self.request, self.child, token, self.settings);
            params.extend(std::mem::take(&mut more));
            let task_tool = self.task_tool();
            if task_tool {
                params.insert("task".to_owned(), json!({}));
            }
            let mut outcome = self.round(method.as_str(), params, token).await?;
            if let (true, Outcome::Result(created)) = (task_tool, &outcome)
                && let Some(id) = created["task"]["taskId"].as_str()
            {
                outcome = self.task_result(id, token).await?;
            }
            let result = match outcome {
                Outcome::Result(result) => result,
                Outcome::Ask(questions) => return Ok(ServerResult::InputRequiredResult(questions.result()?)),
            };
            if self.request.era == Era::Stateless || !result::asks(&result) {
                return Ok(result::for_client(self.request.era, method, &self.child.handshake, result)?);
            }
            more = self.ask_all(&result).await?;
        }
        let text = format!("the server asks for more input after {MOST_ROUNDS} rounds");
        Err(ErrorData::internal_error(text, None).into())
    }

    /// Whether the child runs the tool as one of its tasks only, and the client has none of the child's tasks.
    fn task_tool(&self) -> bool {
        match &self.request.typed {
            ClientRequest::CallToolRequest(call) => self.child.requires_task(&call.params.name),
            _ => false,
        }
    }

    /// Waits for the result of a task of the child. A call that ends before it cancels the task.
    async fn task_result(&self, id: &str, token: u64) -> Result<Outcome, HandlerError> {
        let params = Map::from_iter([("taskId".to_owned(), id.into())]);
        let cancelled = CancelTask { link: &self.child.link, id, is_over: false };
        let outcome = self.round("tasks/result", params, token).await?;
        if matches!(outcome, Outcome::Result(_)) {
            cancelled.disarm();
        }
        Ok(outcome)
    }

    fn out_of_time(&self) -> ErrorData {
        let seconds = self.settings.call_timeout.unwrap_or_default().as_secs_f64();
        let name = &self.settings.name;
        ErrorData::internal_error(
            format!("the server {name:?} has not answered within {seconds} s (the call time-out)"),
            None,
        )
    }

    /// Asks a client of up to 2025-11-25 what a child of 2026-07-28 wants to know.
    async fn ask_all(&self, result: &Value) -> Result<Map<String, Value>, ErrorData> {
        let peer = &self.request.context.peer;
        let questions = asks::of_result(result).into_iter();
        let asked = questions.map(async |(key, method, params)| {
            Ok::<_, ErrorData>((key, asks::ask(peer, method, params).await?))
        });
        let answers: Map<String, Value> = futures::future::try_join_all(asked).await?.into_iter().collect();
        let mut more = Map::from_iter([("inputResponses".to_owned(), answers.into())]);
        if let Some(state) = result.get("requestState") {
            more.insert("requestState".to_owned(), state.clone());
        }
        Ok(more)
    }

    /// Sends the request, and passes on what the child sends until it answers.
    async fn round(
        &self,
        method: &str,
        params: Map<String, Value>,
        token: u64,
    ) -> Result<Outcome, HandlerError> {
        let mut questions = self.questions()?;
        let sent = self.child.link.call(method, &Value::Object(params), self.owner.clone(), token).await;
        let (mut pending, mut messages) = sent.map_err(|error| self.failed(error))?;
        let mut asking = FuturesUnordered::new();
        let cancelled = &self.request.context.ct;
        let reply: Reply = loop {
            tokio::select! {
                biased;
                Some(message) = messages.recv() => match message {
                    CallEvent::Ask { id, method, params } if self.request.era == Era::Session => {
                        asking.push(self.ask_client(id, method, params));
                    }
                    CallEvent::Ask { id, method, params } => {
                        self.answer_or_ask(&mut questions, id, &method, params).await;
                        if questions.is_open() {
                            self.ask_the_rest(&mut questions, &mut messages).await;
                            return Ok(Outcome::Ask(questions));
                        }
                    }
                    message => self.pass(message).await,
                },
                reply = pending.reply() => break reply,
                Some(()) = asking.next() => {}
                () = cancelled.cancelled() => return Err(ErrorData::internal_error("cancelled", None).into()),
            }
        };
        // All that came before the response is there.
        while let Ok(message) = messages.try_recv() {
            if !matches!(message, CallEvent::Ask { .. }) {
                self.pass(message).await;
            }
        }
        reply.map(Outcome::Result).map_err(|error| self.failed(error))
    }

    /// The answers that the client of a call of 2026-07-28 has given in earlier rounds.
    fn questions(&self) -> Result<Questions, ErrorData> {
        if self.request.era == Era::Session || self.child.handshake.speaks == Speaks::Stateless {
            return Ok(Questions::default());
        }
        let (state, responses) = match &self.request.typed {
            ClientRequest::CallToolRequest(call) => {
                (&call.params.request_state, &call.params.input_responses)
            }
            ClientRequest::GetPromptRequest(get) => (&get.params.request_state, &get.params.input_responses),
            ClientRequest::ReadResourceRequest(read) => {
                (&read.params.request_state, &read.params.input_responses)
            }
            _ => (&None, &None),
        };
        Questions::of(state.as_deref(), responses.as_ref())
    }

    /// Asks a client of up to 2025-11-25.
    async fn ask_client(&self, id: Value, method: String, params: Option<Value>) {
        let answer = match self.check(&method) {
            Ok(()) => asks::ask(&self.request.context.peer, method, params).await,
            Err(refused) => Err(refused),
        };
        self.child.link.respond(&id, &answer).await;
    }

    /// Refuses what the server is set not to pass on.
    fn check(&self, method: &str) -> Result<(), ErrorData> {
        if method != "roots/list" || self.settings.pass_roots {
            return Ok(());
        }
        let text =
            format!("{method}: the server {:?} does not pass roots on (pass_roots)", self.settings.name);
        Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, text, None))
    }

    /// Answers a question with what the client of 2026-07-28 has said. What it was not asked yet stays open.
    async fn answer_or_ask(&self, questions: &mut Questions, id: Value, method: &str, params: Option<Value>) {
        if !self.request.message.method.may_request_input() {
            let text =
                format!("{method}: 2026-07-28 asks no client for input in {}", self.request.message.method);
            self.child.link.respond(&id, &Err(ErrorData::invalid_request(text, None))).await;
            return;
        }
        if let Err(refused) = self.check(method) {
            self.child.link.respond(&id, &Err(refused)).await;
            return;
        }
        let client = self.request.context.peer.peer_info();
        let declared = client.as_ref().map(|client| &client.capabilities);
        let answer = questions.answer(method, params, declared).unwrap_or_else(|| {
            let text =
                format!("{method}: the client is asked, and the call is then repeated with its answer");
            Err(ErrorData::internal_error(text, None))
        });
        self.child.link.respond(&id, &answer).await;
    }

    /// Takes the questions that the child has asked at the same time.
    async fn ask_the_rest(&self, questions: &mut Questions, messages: &mut mpsc::Receiver<CallEvent>) {
        while let Ok(message) = messages.try_recv() {
            match message {
                CallEvent::Ask { id, method, params } => {
                    self.answer_or_ask(questions, id, &method, params).await;
                }
                message => self.pass(message).await,
            }
        }
    }

    /// Passes a message of the child on.
    async fn pass(&self, message: CallEvent) {
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

/// Cancels a task of a child when it is dropped.
struct CancelTask<'a> {
    link: &'a Link,
    id: &'a str,
    is_over: bool,
}

impl CancelTask<'_> {
    fn disarm(mut self) {
        self.is_over = true;
    }
}

impl Drop for CancelTask<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.link.request_now("tasks/cancel", &json!({ "taskId": self.id }));
        }
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
