//! Carries out commands.
#![expect(deprecated, reason = "servers still send log lines, whatever becomes of them")]

use std::{pin::pin, time::Duration};

use rmcp::{
    RoleClient,
    model::{CompletionContext, ElicitRequestParams, ErrorData, LoggingLevel},
    service::{Peer, RunningService},
};
use serde::Serialize;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

use super::{
    command::{self, Command, Given},
    completion::Argument,
    input::{Heard, Input, Wanted},
    known::{Known, texts},
    listening::Listening,
    lists,
    screen::Screen,
    talk::{Asker, Question, Talk},
    template::Variable,
    terminal::Asked,
};
use crate::{
    SessionHandle,
    cli::{
        args::Output,
        elicitation,
        failure::Failure,
        form::{self, Ask},
        output, tools,
    },
};

/// How long the server may take to complete a value.
const COMPLETES: Duration = Duration::from_secs(2);

/// Whether more commands follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    Command,
    End,
}

/// One connection, and the person at it.
pub(super) struct Repl {
    pub(super) client: RunningService<RoleClient, Talk>,
    pub(super) session: SessionHandle,
    pub(super) talk: Talk,
    pub(super) input: Input,
    pub(super) questions: mpsc::Receiver<Question>,
    /// Questions that came while a line was typed.
    pub(super) waiting: Vec<Question>,
    pub(super) completions: mpsc::Receiver<Asked>,
    pub(super) listening: Listening,
    pub(super) level: Option<LoggingLevel>,
    pub(super) output: Output,
}

impl Repl {
    pub(super) fn peer(&self) -> Peer<RoleClient> {
        self.client.peer().clone()
    }

    pub(super) fn screen(&self) -> &Screen {
        &self.talk.screen
    }

    pub(super) fn known(&self) -> &Known {
        &self.talk.known
    }

    /// Whether each request stands alone, as in 2026-07-28.
    pub(super) fn is_stateless(&self) -> bool {
        self.peer().peer_info().is_some_and(|info| !info.protocol_version.has_initialize())
    }

    /// Shows a value: its JSON, or the text that `text` makes of it.
    pub(super) fn show(&self, value: &impl Serialize, text: impl FnOnce(&Value) -> String) {
        let value = json!(value);
        let shown = match self.output {
            Output::Json => value.to_string(),
            Output::Text => text(&value),
        };
        self.screen().line(&shown);
    }

    /// Reads commands until there are no more. Fails as the last command did.
    pub(super) async fn run(&mut self) -> Result<(), Failure> {
        let mut last = Ok(());
        loop {
            self.refresh().await;
            self.input.begin(Wanted::Command).await;
            let result = match self.line().await {
                Heard::End => return last,
                Heard::Interrupted => {
                    self.screen().line("(quit or Ctrl-D ends the program)");
                    continue;
                }
                Heard::TooLong => Err(Failure::usage("the line is too long")),
                Heard::Line(line) => {
                    self.answer_waiting().await;
                    match command::read(&line).map_err(Failure::usage) {
                        Ok(None) => continue,
                        Ok(Some(command)) => self.execute(command).await,
                        Err(failure) => Err(failure),
                    }
                }
            };
            last = match result {
                Ok(Next::End) => return last,
                Ok(Next::Command) => Ok(()),
                Err(failure) => {
                    if !failure.text().is_empty() {
                        self.screen().problem(&format!("error: {}", failure.text()));
                    }
                    Err(failure.shown())
                }
            };
        }
    }

    /// Reads lists again that have changed, for completions.
    async fn refresh(&mut self) {
        let is_wanted = self.input.is_terminal() && self.known().lists().is_stale;
        if is_wanted && let Err(failure) = lists::refresh(&self.peer(), self.known()).await {
            self.screen().problem(&format!("error: {}", failure.text()));
        }
    }

    /// The line that the person types. Completions are made meanwhile, and questions noted.
    async fn line(&mut self) -> Heard {
        loop {
            tokio::select! {
                heard = self.input.heard() => return heard,
                Some(asked) = self.completions.recv() => complete(&self.client.peer().clone(), asked).await,
                Some(question) = self.questions.recv() => {
                    self.talk.screen.line("* the server asks a question: press Enter to answer it");
                    self.waiting.push(question);
                }
                _ = tokio::signal::ctrl_c(), if !self.input.is_terminal() => return Heard::End,
            }
        }
    }

    async fn answer_waiting(&mut self) {
        for question in std::mem::take(&mut self.waiting) {
            answer(&mut self.input, question).await;
        }
    }

    /// Waits for a request. The server may ask meanwhile, and Ctrl-C gives the request up, which cancels it.
    pub(super) async fn running<T>(
        &mut self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                result = &mut work => return result,
                Some(question) = self.questions.recv() => answer(&mut self.input, question).await,
                _ = tokio::signal::ctrl_c() => {
                    if self.input.is_terminal() {
                        // The terminal has written ^C.
                        self.talk.screen.line("");
                    }
                    return Err(Failure::interrupted());
                }
            }
        }
    }

    async fn execute(&mut self, command: Command) -> Result<Next, Failure> {
        let peer = self.peer();
        match command {
            Command::Help => self.screen().line(&command::help()),
            Command::Server => self.server(),
            Command::Tools => {
                let known = self.known().clone();
                let list = self.running(async { lists::tools(&peer, &known).await }).await?;
                self.show(&list, tools::text);
            }
            Command::Tool(name) => {
                let tool = self.tool(&name).await?;
                self.show(&tool, output::pretty);
            }
            Command::Prompts => {
                let known = self.known().clone();
                let list = self.running(async { lists::prompts(&peer, &known).await }).await?;
                self.show(&list, lists::prompts_text);
            }
            Command::Resources => {
                let known = self.known().clone();
                let list = self.running(async { lists::resources(&peer, &known).await }).await?;
                self.show(&list, lists::resources_text);
            }
            Command::Call { tool, given, detach } => self.call(&tool, given, detach).await?,
            Command::Read(uri) => self.read(&uri).await?,
            Command::Get { prompt, given } => self.get(&prompt, given).await?,
            Command::Tasks => self.tasks().await?,
            Command::Task(id) => self.task(id).await?,
            Command::WaitTask(id) => self.wait_for_task(id).await?,
            Command::CancelTask(id) => self.cancel_task(id).await?,
            Command::Leave => return self.leave(),
            Command::Quit => return Ok(Next::End),
            other => self.settings(other).await?,
        }
        Ok(Next::Command)
    }

    fn server(&self) {
        match self.peer().peer_info() {
            Some(info) => self.show(&*info, output::pretty),
            None => self.screen().line("The server was not asked: this is a session that was open before."),
        }
    }

    fn leave(&self) -> Result<Next, Failure> {
        let Some(id) = self.session.id() else {
            return Err(Failure::refused("there is no session that could be left open"));
        };
        self.session.keep();
        self.screen().line(&format!("The session stays open: --session-id {id}"));
        Ok(Next::End)
    }

    /// The tool with a name, as the server lists it.
    pub(super) async fn tool(&mut self, name: &str) -> Result<Value, Failure> {
        if let Some(tool) = self.known().tool(name) {
            return Ok(tool);
        }
        let (peer, known) = (self.peer(), self.known().clone());
        self.running(async { lists::tools(&peer, &known).await }).await?;
        let names = || texts(&self.known().lists().tools, "name").join(", ");
        self.known()
            .tool(name)
            .ok_or_else(|| Failure::refused(format!("the server has no tool {name:?}; it has {}", names())))
    }

    /// Asks for arguments that are missing.
    pub(super) async fn fill(
        &mut self,
        schema: &Value,
        mut arguments: Map<String, Value>,
        given: &Given,
    ) -> Result<Map<String, Value>, Failure> {
        let ask = match given {
            Given::Json(_) => return Ok(arguments),
            // Without a terminal the next line is a command, unless a value is needed.
            Given::Pairs(pairs) if pairs.is_empty() && self.input.is_terminal() => Ask::All,
            Given::Pairs(_) => Ask::Required,
        };
        match form::fill(&mut self.input, schema, &mut arguments, ask).await {
            Some(()) => Ok(arguments),
            None => Err(Failure::refused("given up: not all arguments have a value")),
        }
    }

    /// What asks the person a question of a request.
    pub(super) fn asker(
        &self,
    ) -> impl AsyncFn(ElicitRequestParams) -> Result<rmcp::model::ElicitResult, ErrorData> + use<> {
        let asker: Asker = self.talk.asker.clone();
        async move |request| Ok(asker.ask(request).await)
    }
}

/// Answers a question, unless the server has given it up.
async fn answer(input: &mut Input, question: Question) {
    if question.answer.is_closed() {
        return;
    }
    let answered = elicitation::answer(input, &question.request).await;
    let _ = question.answer.send(answered);
}

/// Asks the server for values of an argument of a prompt, or of a variable of a template.
async fn complete(peer: &Peer<RoleClient>, asked: Asked) {
    let context = |given: Vec<(String, String)>| {
        (!given.is_empty()).then(|| CompletionContext::with_arguments(given.into_iter().collect()))
    };
    let found = tokio::time::timeout(COMPLETES, async {
        match asked.argument {
            Argument::Prompt { prompt, name, value, given } => {
                peer.complete_prompt_argument(prompt, name, value, context(given)).await
            }
            Argument::Template { template, variable: Variable { name, value, given, .. } } => {
                peer.complete_resource_argument(template, name, value, context(given)).await
            }
        }
    });
    // A server that cannot complete offers nothing, and neither does one that takes too long.
    let values = found.await.ok().and_then(Result::ok).map(|found| found.values).unwrap_or_default();
    let _ = asked.values.try_send(values);
}
