//! Commands that call tools, get prompts, read resources and follow tasks.

use rmcp::{
    RoleClient,
    model::{
        CallToolRequestParams, CallToolResult, CancelTaskParams, ClientRequest, CustomRequest,
        GetPromptRequestParams, GetPromptResponse, GetTaskParams, ReadResourceRequestParams,
        ReadResourceResponse, RequestMetaObject, ServerResult, Task,
    },
    service::Peer,
};
use serde_json::{Map, Value, json};

use super::{command::Given, lists, repl::Repl};
use crate::cli::{
    arguments,
    call::{self, Outcome},
    failure::Failure,
    output,
    rounds::{Round, rounds},
    tasks,
};

/// The most ids of tasks that are kept.
const TASKS: usize = 1_000;

impl Repl {
    pub(super) async fn call(&mut self, name: &str, given: Given, detach: bool) -> Result<(), Failure> {
        let schema = self.tool(name).await?["inputSchema"].take();
        let arguments = self.arguments(&schema, &given).await?;
        let mut params = CallToolRequestParams::new(name.to_owned()).with_arguments(arguments);
        params.meta = self.meta();
        let (peer, ask) = (self.peer(), self.asker());
        match self.running(call::outcome(&peer, params, &ask)).await? {
            Outcome::Result(result) => self.show_result(&result),
            Outcome::Task(task) => {
                self.note(&task);
                self.show(&task, |task| format!("task {}", tasks::line(task)));
                if detach { Ok(()) } else { self.wait_for_call(task.task_id).await }
            }
        }
    }

    /// Waits for the task that a call has become. Ctrl-C cancels the call, and so the task.
    async fn wait_for_call(&mut self, id: String) -> Result<(), Failure> {
        match self.end_of(id.clone()).await {
            Err(failure) if failure.is_interrupted() => {
                let peer = self.peer();
                self.running(async { Ok(peer.cancel_task(CancelTaskParams::new(id)).await?) }).await?;
                Err(failure)
            }
            result => self.show_result(&result?),
        }
    }

    fn show_result(&self, result: &CallToolResult) -> Result<(), Failure> {
        self.show(result, output::result);
        if result.is_error == Some(true) { Err(Failure::tool_error()) } else { Ok(()) }
    }

    /// The arguments that were typed, and those that are asked for.
    async fn arguments(&mut self, schema: &Value, given: &Given) -> Result<Map<String, Value>, Failure> {
        let arguments = match given {
            Given::Json(text) => arguments::read(Some(text), &[], schema)?,
            Given::Pairs(pairs) => arguments::read(None, pairs, schema)?,
        };
        self.fill(schema, arguments, given).await
    }

    /// The metadata of a request of 2026-07-28 that asks for log lines. A session has a setting for it.
    fn meta(&self) -> Option<RequestMetaObject> {
        let level = self.level.filter(|_| self.is_stateless())?;
        let mut meta = RequestMetaObject::new();
        meta.set_log_level(level);
        Some(meta)
    }

    pub(super) async fn get(&mut self, name: &str, given: Given) -> Result<(), Failure> {
        if self.known().prompt(name).is_none() {
            let (peer, known) = (self.peer(), self.known().clone());
            self.running(async { lists::prompts(&peer, &known).await }).await?;
        }
        // A prompt that is not listed may exist: the server refuses one that does not.
        let schema = schema_of(&self.known().prompt(name).unwrap_or_default());
        let arguments = self.arguments(&schema, &given).await?;
        let mut params = GetPromptRequestParams::new(name.to_owned());
        params.arguments = (!arguments.is_empty()).then_some(arguments);
        params.meta = self.meta();
        let (peer, ask) = (self.peer(), self.asker());
        let work = rounds(name, &ask, async |answers, state| {
            let mut params = params.clone();
            (params.input_responses, params.request_state) = (answers, state);
            Ok(match peer.get_prompt_once(params).await? {
                GetPromptResponse::Complete(result) => Round::Result(result),
                GetPromptResponse::InputRequired(asked) => Round::Questions(asked),
                _ => Round::Unknown,
            })
        });
        let result = self.running(work).await?;
        self.show(&result, lists::messages_text);
        Ok(())
    }

    pub(super) async fn read(&mut self, uri: &str) -> Result<(), Failure> {
        let mut params = ReadResourceRequestParams::new(uri.to_owned());
        params.meta = self.meta();
        let (peer, ask) = (self.peer(), self.asker());
        let work = rounds(uri, &ask, async |answers, state| {
            let mut params = params.clone();
            (params.input_responses, params.request_state) = (answers, state);
            Ok(match peer.read_resource_once(params).await? {
                ReadResourceResponse::Complete(result) => Round::Result(result),
                ReadResourceResponse::InputRequired(asked) => Round::Questions(asked),
                _ => Round::Unknown,
            })
        });
        let result = self.running(work).await?;
        self.show(&result, lists::contents_text);
        Ok(())
    }

    /// The tasks of a session, or the tasks of 2026-07-28 that were begun here.
    pub(super) async fn tasks(&mut self) -> Result<(), Failure> {
        let peer = self.peer();
        let list = if self.is_stateless() {
            let ids = self.known().lists().tasks.clone();
            let work = async {
                let mut found = Vec::new();
                for id in ids {
                    // A task that the server has forgotten is no longer a task.
                    if let Ok(task) = peer.get_task(GetTaskParams::new(id)).await {
                        found.push(json!(task.task));
                    }
                }
                Ok(found)
            };
            self.running(work).await?
        } else {
            self.running(tasks::listed(&peer)).await?
        };
        self.show(&list, tasks::text);
        Ok(())
    }

    pub(super) async fn task(&mut self, id: String) -> Result<(), Failure> {
        let (peer, is_stateless) = (self.peer(), self.is_stateless());
        let work = async {
            if is_stateless {
                Ok(json!(peer.get_task(GetTaskParams::new(id)).await?.task))
            } else {
                of_session(&peer, "tasks/get", &id).await
            }
        };
        let task = self.running(work).await?;
        self.show(&task, tasks::line);
        Ok(())
    }

    pub(super) async fn wait_for_task(&mut self, id: String) -> Result<(), Failure> {
        if !self.is_stateless() {
            let peer = self.peer();
            let result = self.running(of_session(&peer, "tasks/result", &id)).await?;
            self.show(&result, output::result);
            return Ok(());
        }
        match self.end_of(id.clone()).await {
            Err(failure) if failure.is_interrupted() => Err(Failure::refused(format!(
                "no longer waiting; the task goes on: wait {id}, or cancel {id}"
            ))),
            result => self.show_result(&result?),
        }
    }

    /// The result of a task of 2026-07-28, at its end. Its progress is shown.
    async fn end_of(&mut self, id: String) -> Result<CallToolResult, Failure> {
        let (peer, ask, screen) = (self.peer(), self.asker(), self.screen().clone());
        let mut shown: Option<String> = None;
        let seen = |task: &Task| {
            let status = json!([task.status, task.status_message]).to_string();
            if shown.as_ref().is_some_and(|shown| *shown != status) {
                screen.line(&format!("* task {}", tasks::line(&json!(task))));
            }
            shown = Some(status);
        };
        self.running(tasks::end_of(&peer, id, &ask, seen)).await
    }

    pub(super) async fn cancel_task(&mut self, id: String) -> Result<(), Failure> {
        let (peer, is_stateless) = (self.peer(), self.is_stateless());
        let work = async {
            if is_stateless {
                peer.cancel_task(CancelTaskParams::new(id)).await?;
            } else {
                of_session(&peer, "tasks/cancel", &id).await?;
            }
            Ok(())
        };
        self.running(work).await?;
        self.screen().line("The server has been asked to cancel the task.");
        Ok(())
    }

    fn note(&self, task: &Task) {
        let mut lists = self.known().lists();
        if lists.tasks.len() >= TASKS {
            lists.tasks.remove(0);
        }
        lists.tasks.push(task.task_id.clone());
    }
}

/// A request about a task of a session: its form is not that of 2026-07-28.
async fn of_session(peer: &Peer<RoleClient>, method: &str, id: &str) -> Result<Value, Failure> {
    let request = CustomRequest::new(method.to_owned(), Some(json!({ "taskId": id })));
    match peer.send_request(ClientRequest::CustomRequest(request)).await? {
        ServerResult::CustomResult(result) => Ok(result.0),
        other => Ok(json!(other)),
    }
}

/// The arguments of a prompt as a JSON Schema: all of them are texts.
fn schema_of(prompt: &Value) -> Value {
    let arguments = || prompt["arguments"].as_array().into_iter().flatten();
    let property = |argument: &Value| {
        let name = argument["name"].as_str()?.to_owned();
        Some((name, json!({ "type": "string", "description": argument["description"] })))
    };
    let required: Vec<&Value> = arguments()
        .filter(|argument| argument["required"] == true)
        .map(|argument| &argument["name"])
        .collect();
    json!({ "type": "object", "properties": arguments().filter_map(property).collect::<Map<_, _>>(), "required": required })
}
