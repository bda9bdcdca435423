//! How the client of a call is asked what its child wants to know, and whether a call may be made again for it.

// SEP-2577 deprecates logging, sampling and roots; servers and clients use them until they are gone.
#![allow(deprecated)]

use futures::future::BoxFuture;
use mcp_lambda_core::{McpContext, protocol::Era, tasks::TaskHandle};
use rmcp::{
    ErrorData,
    model::{ClientCapabilities, ClientRequest, ErrorCode},
};
use serde_json::{Map, Value};
use tokio::sync::mpsc;

use crate::{
    call::Call,
    child::{CallEvent, Speaks},
    translate::asks::{self, Question, Questions},
};

/// How the client of a call is asked.
pub(crate) enum Client {
    /// On the stream of the call.
    Stream,
    /// By the result, with which the call ends for the time being.
    Result,
    /// Through the task that the call runs as.
    Task(TaskHandle),
}

/// The answer to a question, and the key of one that stays open until then.
pub(crate) type Asked<'a> = BoxFuture<'a, (Option<String>, Value, Result<Value, ErrorData>)>;

impl Call<'_> {
    pub(crate) fn client(&self) -> Client {
        let task = self.request.context.task();
        match self.request.era {
            _ if task.id().is_some() => Client::Task(task),
            Era::Session => Client::Stream,
            Era::Stateless => Client::Result,
        }
    }

    /// Asks a client what a child of 2026-07-28 wants to know.
    pub(crate) async fn ask_all(
        &self,
        result: &Value,
        client: &Client,
        round: usize,
    ) -> Result<Map<String, Value>, ErrorData> {
        let questions = asks::of_result(result).into_iter();
        let asked = questions.map(async |(key, method, params)| {
            let answer = match client {
                Client::Task(task) => {
                    asks::check(&method, self.declared().as_ref())?;
                    let request = asks::input_request(&method, params)?;
                    asks::ask_of_task(task, &format!("{round}:{key}"), &method, request).await?
                }
                Client::Stream | Client::Result => {
                    asks::ask(&self.request.context.peer, method, params).await?
                }
            };
            Ok::<_, ErrorData>((key, answer))
        });
        let answers: Map<String, Value> = futures::future::try_join_all(asked).await?.into_iter().collect();
        let mut more = Map::from_iter([("inputResponses".to_owned(), answers.into())]);
        if let Some(state) = result.get("requestState") {
            more.insert("requestState".to_owned(), state.clone());
        }
        Ok(more)
    }

    /// The answers that the client of a call of 2026-07-28 has given in earlier rounds. The call is made again with them, which not
    /// every tool allows.
    pub(crate) fn questions(&self) -> Result<Questions, ErrorData> {
        if self.request.era == Era::Session || self.child().handshake.speaks == Speaks::Stateless {
            return Ok(Questions::default());
        }
        let (state, responses) = asks::carried(&self.request.typed);
        let questions = Questions::of(state, responses)?;
        if questions.is_repeated() {
            self.check_repeat()?;
        }
        Ok(questions)
    }

    /// Refuses to make a call again that its child has begun, unless that is harmless or allowed. A task runs at least once anyway.
    fn check_repeat(&self) -> Result<(), ErrorData> {
        let ClientRequest::CallToolRequest(call) = &self.request.typed else { return Ok(()) };
        let tool = &call.params.name;
        if self.settings.repeat_calls || self.task_name().is_some() || self.child().may_repeat(tool) {
            return Ok(());
        }
        let text = format!(
            "the call that has asked does not wait for the answer here: another environment has it, its time is over, or the call of \
             another client ended it. The tool {tool:?} declares neither readOnlyHint nor idempotentHint, so it is not called a \
             second time with the answer: call it without requestState, or let the server {:?} repeat calls (repeat_calls)",
            self.settings.name
        );
        Err(ErrorData::invalid_params(text, None))
    }

    /// Asks a client of up to 2025-11-25.
    pub(crate) fn ask_on_stream(&self, id: Value, method: String, params: Option<Value>) -> Asked<'_> {
        Box::pin(async move {
            let answer = match self.check(&method) {
                Ok(()) => asks::ask(&self.request.context.peer, method, params).await,
                Err(refused) => Err(refused),
            };
            (None, id, answer)
        })
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

    /// The capabilities that the client declares.
    fn declared(&self) -> Option<ClientCapabilities> {
        self.request.context.peer.peer_info().map(|client| client.capabilities.clone())
    }

    /// Answers a question with what the client of 2026-07-28 has said. What it was not asked yet stays open, and is returned.
    pub(crate) async fn answer_or_ask(
        &self,
        questions: &mut Questions,
        id: Value,
        method: &str,
        params: Option<Value>,
    ) -> Option<Question> {
        let called = &self.request.message.method;
        let refused = if called.may_request_input() {
            self.check(method).and_then(|()| self.check_kept(method))
        } else {
            let text = format!("{method}: 2026-07-28 asks no client for input in {called}");
            Err(ErrorData::invalid_request(text, None))
        };
        let answer = match refused {
            Ok(()) => questions.answer(&id, method, params, self.declared().as_ref()),
            Err(refused) => Some(Err(refused)),
        };
        match answer {
            Some(answer) => {
                self.child().link.respond(&id, &answer).await;
                None
            }
            None => questions.open().last().cloned(),
        }
    }

    /// Refuses a question if no call could use its answer: this one is neither kept nor made again.
    fn check_kept(&self, method: &str) -> Result<(), ErrorData> {
        if self.settings.max_suspended > 0 || self.check_repeat().is_ok() {
            return Ok(());
        }
        let text =
            format!("{method}: the server {:?} keeps no call that asks (max_suspended)", self.settings.name);
        Err(ErrorData::invalid_request(text, None))
    }

    /// Takes the questions that the child has asked at the same time.
    pub(crate) async fn ask_the_rest(
        &self,
        questions: &mut Questions,
        messages: &mut mpsc::Receiver<CallEvent>,
    ) {
        while let Ok(message) = messages.try_recv() {
            match message {
                CallEvent::Ask { id, method, params } => {
                    self.answer_or_ask(questions, id, &method, params).await;
                }
                message => self.pass(message).await,
            }
        }
    }
}

/// Asks the client of a task. The question stays open until it has an answer.
pub(crate) fn ask_of_task(task: TaskHandle, question: Question) -> Asked<'static> {
    Box::pin(async move {
        let Question { key, id, method, request } = question;
        let answer = asks::ask_of_task(&task, &key, &method, request).await;
        (Some(key), id, answer)
    })
}
