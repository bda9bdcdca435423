//! `tasks/result`: waits for the end of a task, and asks its client meanwhile what the task asks.

// SEP-2577 deprecates sampling and roots; clients of the session era use them until they are gone.
#![allow(deprecated)]

use std::{collections::HashSet, time::Duration};

use futures::{
    StreamExt,
    future::{BoxFuture, FutureExt},
    stream::FuturesUnordered,
};
use rmcp::{
    ErrorData, RoleServer, ServiceError,
    model::{CustomNotification, GetMeta, InputRequest, ServerNotification, ServerRequest},
    service::Peer,
};
use serde_json::Value;
use tokio::time::{sleep, sleep_until};

use super::{ExperimentalTasks, custom, task_id};
use crate::{
    handler::{HandlerResult, Request, capabilities::undeclared, tasks::refusal},
    tasks::{
        Task, TaskId, TaskOutcome,
        experimental::{self, RELATED_TASK},
    },
    time::Deadline,
};

/// Pause between two looks at the task. It doubles as long as nothing changes.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// Kept back of the request's time, so that its client learns that the task goes on.
const CLOSING_TIME: Duration = Duration::from_millis(500);

/// A question of the task, and what the client has answered.
type Answer = (String, Result<Value, ErrorData>);

/// A call of `tasks/result` that waits.
struct Waiting<'a> {
    of: &'a ExperimentalTasks,
    request: &'a Request,
    id: TaskId,
    /// The questions that this call has asked.
    asked: HashSet<String>,
    answers: FuturesUnordered<BoxFuture<'a, Answer>>,
    /// What the client knows of the task.
    known: Option<Value>,
    pause: Duration,
}

impl ExperimentalTasks {
    /// Waits until the task has ended or the request is out of time. A client that leaves, or cancels its request, has not
    /// cancelled the task.
    pub(super) async fn wait(&self, request: Request) -> HandlerResult {
        let id = task_id(&request)?;
        let mut waiting = Waiting {
            of: self,
            request: &request,
            id,
            asked: HashSet::new(),
            answers: FuturesUnordered::new(),
            known: None,
            pause: FIRST_PAUSE,
        };
        waiting.run().await
    }
}

impl Waiting<'_> {
    async fn run(&mut self) -> HandlerResult {
        let deadline = self.request.context.extensions.get::<Deadline>().copied();
        let deadline = deadline.unwrap_or(Deadline::after(Duration::ZERO)).minus(CLOSING_TIME);
        loop {
            let task = self.of.runner.get(self.request, self.id.clone()).await.map_err(refusal)?;
            if let Some(outcome) = task.state.outcome() {
                return ended(&task, outcome);
            }
            self.tell(&task).await;
            self.ask(&task)?;
            tokio::select! {
                Some((key, answer)) = self.answers.next(), if !self.answers.is_empty() => {
                    self.answer(key, answer).await?;
                    self.pause = FIRST_PAUSE;
                }
                () = sleep(self.pause) => self.pause = (self.pause * 2).min(LONGEST_PAUSE),
                () = sleep_until(deadline.instant()) => return Err(goes_on(deadline).into()),
            }
        }
    }

    /// Tells the client what has changed since this call has begun.
    async fn tell(&mut self, task: &Task) {
        let state = experimental::task(task);
        if self.known.as_ref().is_some_and(|known| *known != state) {
            self.pause = FIRST_PAUSE;
            let changed = CustomNotification::new(experimental::STATUS, Some(state.clone()));
            let changed = ServerNotification::CustomNotification(changed);
            // A client that hears none asks for the task.
            let _ = self.request.context.peer.send_notification(changed).await;
        }
        self.known = Some(state);
    }

    /// Asks the open questions that this call has not asked yet.
    fn ask(&mut self, task: &Task) -> Result<(), ErrorData> {
        for (key, question) in task.state.open_inputs() {
            if self.asked.insert(key.to_owned()) {
                let peer = self.request.context.peer.clone();
                let question = to_client(&peer, &self.id, key, question)?;
                self.answers.push(answered(peer, key.to_owned(), question).boxed());
            }
        }
        Ok(())
    }

    /// Gives an answer to the task. A question that the client does not answer stays open.
    async fn answer(&mut self, key: String, answer: Result<Value, ErrorData>) -> Result<(), ErrorData> {
        let answer = answer.map_err(|error| {
            let text = format!("the task asks {key:?}, and has no answer yet: {}", error.message);
            ErrorData::invalid_request(text, None)
        })?;
        let given = self.of.runner.update(self.request, self.id.clone(), vec![(key, answer)]).await;
        given.map(drop).map_err(|error| ErrorData::invalid_params(error.to_string(), None))
    }
}

/// What the call would have returned.
fn ended(task: &Task, outcome: &TaskOutcome) -> HandlerResult {
    match outcome {
        TaskOutcome::Completed(result) => Ok(custom(experimental::result(&task.id, result))),
        TaskOutcome::Failed(error) => Err(error.clone().into()),
        TaskOutcome::Cancelled => {
            Err(ErrorData::invalid_request("the task was cancelled, so there is no result", None).into())
        }
    }
}

fn goes_on(deadline: Deadline) -> ErrorData {
    let seconds = deadline.budget().as_secs();
    let text = format!(
        "the task has not ended within {seconds} s, and goes on: send tasks/result again, or poll with tasks/get"
    );
    ErrorData::internal_error(text, None)
}

/// A question of a task as a request to the client, which names the task.
fn to_client(
    peer: &Peer<RoleServer>,
    id: &TaskId,
    key: &str,
    question: &Value,
) -> Result<ServerRequest, ErrorData> {
    let question: InputRequest = serde_json::from_value(question.clone())
        .map_err(|error| ErrorData::internal_error(format!("a stored question of a task: {error}"), None))?;
    let client = peer.peer_info();
    let declared = client.as_ref().map(|client| &client.capabilities);
    if undeclared(&[(key.to_owned(), question.clone())].into(), declared).is_some() {
        let text = format!("the task asks {key:?}, and this client does not declare that it can be asked so");
        return Err(ErrorData::invalid_request(text, None));
    }
    let mut question = match question {
        InputRequest::CreateMessage(question) => ServerRequest::CreateMessageRequest(question),
        InputRequest::Elicitation(question) => ServerRequest::ElicitRequest(question),
        InputRequest::ListRoots(question) => ServerRequest::ListRootsRequest(question),
        _ => return Err(ErrorData::internal_error("a task asks what 2025-11-25 has no request for", None)),
    };
    question.get_meta_mut().insert(RELATED_TASK.to_owned(), experimental::related(id));
    Ok(question)
}

async fn answered(peer: Peer<RoleServer>, key: String, question: ServerRequest) -> Answer {
    let answer = match peer.send_request(question).await {
        Ok(answer) => serde_json::to_value(answer)
            .map_err(|error| ErrorData::internal_error(format!("an answer that is no JSON: {error}"), None)),
        Err(ServiceError::McpError(error)) => Err(error),
        Err(error) => Err(ErrorData::internal_error(error.to_string(), None)),
    };
    let answer = answer.map(|mut answer| {
        // It names the task, and is no part of the answer.
        if let Value::Object(answer) = &mut answer {
            answer.shift_remove("_meta");
        }
        answer
    });
    (key, answer)
}
