//! One child: its process, the messages to and from it, and what it says about itself.
//!
//! * [`process`]: the process and its group. [`family`]: all that it has started. [`lines`]: its output, line by line. [`stderr`]: its log.
//! * [`message`]: what it writes. [`outgoing`]: what is written to it. [`link`]: requests both ways. [`notice`]: what it announces.
//! * [`handshake`]: which revision it speaks. [`tools`]: the tools that it has.

mod family;
mod handshake;
pub(crate) mod lines;
mod link;
pub(crate) mod message;
mod notice;
mod outgoing;
mod output;
mod process;
mod stderr;
mod subscriptions;
mod tools;

use std::sync::{Arc, OnceLock};

use mcp_lambda_core::events::Events;
use rmcp::model::Tool;
use tokio::{sync::mpsc, time::Instant};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{
    family::Family,
    handshake::{NoHandshake, shake_hands},
    notice::{Changed, Notice},
    outgoing::Outgoing,
    output::Output,
    process::{Exit, Pipes, Process, SpawnError},
    stderr::LastLines,
    subscriptions::Subscriptions,
    tools::ChildTools,
};
pub(crate) use self::{
    handshake::{ClientSide, Handshake, Speaks},
    link::{CallEvent, Failed, Link, Owner, Pending},
    notice::Audience,
};
use crate::{settings::Settings, time::within};

/// How many announcements wait to be published.
const NOTICES: usize = 64;
/// How long the rest of the output of a child that has ended is waited for.
const LAST_OUTPUT: std::time::Duration = std::time::Duration::from_millis(500);

/// A child that has answered its first request.
#[derive(Debug)]
pub(crate) struct Child {
    pub(crate) link: Arc<Link>,
    pub(crate) handshake: Handshake,
    /// What it knows of its client.
    pub(crate) client: Arc<ClientSide>,
    pub(crate) subscriptions: Subscriptions,
    pub(crate) started: Instant,
    tools: Arc<ChildTools>,
}

/// What a child is started with.
pub(crate) struct ChildParts {
    pub(crate) settings: Arc<Settings>,
    pub(crate) client: Arc<ClientSide>,
    pub(crate) audience: Audience,
    /// What another child of the command speaks.
    pub(crate) known: Option<Speaks>,
    /// The event log, once a request has come.
    pub(crate) events: Arc<OnceLock<Events>>,
    pub(crate) tracker: TaskTracker,
    /// Ends the child.
    pub(crate) stop: CancellationToken,
}

/// Why there is no child.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the server {server:?} {text}")]
pub(crate) struct StartError {
    server: Arc<str>,
    text: Arc<str>,
    /// Whether the command is wrong: no other try helps.
    pub(crate) is_final: bool,
}

impl StartError {
    pub(crate) fn new(settings: &Settings, text: impl Into<Arc<str>>) -> Self {
        Self { server: Arc::clone(&settings.name), text: text.into(), is_final: false }
    }

    fn of_spawn(settings: &Settings, error: &SpawnError) -> Self {
        let is_final = error.is_final();
        Self { is_final, ..Self::new(settings, format!("cannot be started: {error}")) }
    }

    /// The name of the server.
    pub(crate) fn server(&self) -> &str {
        &self.server
    }

    /// What is wrong, without the name of the server.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

impl Child {
    /// Starts a child, and waits until it has answered its first request. Dropping the future ends it.
    pub(crate) async fn start(parts: ChildParts) -> Result<Self, StartError> {
        let settings = Arc::clone(&parts.settings);
        let (process, pipes) =
            Process::spawn(&settings.command).map_err(|error| StartError::of_spawn(&settings, &error))?;
        let stop = parts.stop.child_token();
        let failed = stop.clone().drop_guard();
        tracing::info!(server = &*settings.name, pid = process.id(), "the server was started");
        let Pipes { stdin, stdout, stderr } = pipes;
        let outgoing = Arc::new(Outgoing::new(stdin));
        let (notices, noticed) = mpsc::channel(NOTICES);
        let name = Arc::clone(&settings.name);
        let link = Arc::new(Link::new(name, Arc::clone(&outgoing), notices, settings.max_pending));
        let tools = Arc::new(ChildTools::default());
        let last_lines = LastLines::default();
        let output = Output::start(&parts, stdout, stderr, &link, &last_lines);
        let of_input = stop.clone();
        parts.tracker.spawn(async move { outgoing.run(&of_input).await });
        parts.tracker.spawn(supervise(
            process,
            output,
            Arc::clone(&link),
            last_lines,
            Arc::clone(&settings),
            stop.clone(),
        ));
        let publishing =
            publish(noticed, Arc::clone(&link), Arc::clone(&tools), parts.audience, parts.events);
        parts.tracker.spawn(publishing);

        let shaking = shake_hands(&link, &parts.client, parts.known);
        let handshake = match within(settings.start_timeout, shaking).await {
            Some(Ok(handshake)) => handshake,
            Some(Err(error)) => return Err(StartError::new(&settings, why(error))),
            None => {
                let seconds = settings.start_timeout.as_secs_f64();
                let text = format!("has not answered within {seconds} s of its start (the start time-out)");
                return Err(StartError::new(&settings, text));
            }
        };
        let info = &handshake.info.server_info;
        tracing::info!(
            server = &*settings.name,
            name = info.name,
            version = info.version,
            speaks = handshake.version,
            "the server is ready"
        );
        if handshake.info.capabilities.tools.is_some() {
            tools.load(&link, &parts.client, handshake.speaks).await;
        }
        failed.disarm();
        Ok(Self {
            subscriptions: Subscriptions::default(),
            started: Instant::now(),
            client: parts.client,
            link,
            handshake,
            tools,
        })
    }

    /// A tool that the child has, as it listed it last.
    pub(crate) fn tool(&self, name: &str) -> Option<Tool> {
        self.tools.get(name)
    }

    /// Whether a tool declares that it may be called twice: it changes nothing, or nothing more the second time.
    pub(crate) fn may_repeat(&self, tool: &str) -> bool {
        let annotations = self.tool(tool).and_then(|tool| tool.annotations);
        annotations.is_some_and(|declared| {
            declared.read_only_hint == Some(true) || declared.idempotent_hint == Some(true)
        })
    }

    /// Whether the child runs a tool as one of its tasks only.
    pub(crate) fn requires_task(&self, tool: &str) -> bool {
        self.tools.requires_task(tool)
    }
}

fn why(error: NoHandshake) -> String {
    match error {
        NoHandshake::Answer(text) => format!("is not understood: {text}"),
        NoHandshake::Failed(Failed::Ended(reason)) => {
            format!("{reason} before it answered its first request")
        }
        NoHandshake::Failed(Failed::TooLong { size, limit }) => {
            format!("answers its first request with {size} bytes, where {limit} are read")
        }
        NoHandshake::Failed(Failed::Busy(_)) => "answers no request at the moment".to_owned(),
        NoHandshake::Failed(Failed::Error(error)) => format!("answers with the error {}", error.message),
    }
}

/// Why a child has ended.
#[derive(Debug, Clone, Copy)]
enum End {
    /// It ended, or nothing more could be answered.
    OfItself,
    /// It was stopped.
    Wanted,
    /// It had so many processes.
    Processes(usize),
}

/// Waits for the end of a child, or ends it, and then ends the requests that it leaves.
async fn supervise(
    mut process: Process,
    mut output: Output,
    link: Arc<Link>,
    last_lines: LastLines,
    settings: Arc<Settings>,
    stop: CancellationToken,
) {
    let mut why = End::OfItself;
    let pid = process.id();
    let exit = tokio::select! {
        exit = process.ended() => exit,
        () = stop.cancelled() => {
            why = End::Wanted;
            process.stop(settings.stop_timeout).await
        }
        family = Family::beyond(pid, settings.max_processes) => {
            why = End::Processes(family.size());
            family.kill().await;
            process.ended().await
        }
        // Nothing can be answered any more.
        () = output.ended() => match within(LAST_OUTPUT, process.ended()).await {
            Some(exit) => exit,
            None => {
                stop.cancel();
                process.stop(settings.stop_timeout).await
            }
        },
    };
    stop.cancel();
    within(LAST_OUTPUT, output.all_ended()).await;
    let reason = match why {
        End::Wanted => "was stopped".to_owned(),
        End::OfItself => reason_of(exit, &last_lines, &settings),
        End::Processes(number) => {
            let most = settings.max_processes;
            format!(
                "was killed, as it had {number} processes, where it may have {most} at most (max_processes)"
            )
        }
    };
    match why {
        End::Wanted => tracing::info!(server = &*settings.name, %exit, "the server was stopped"),
        End::OfItself => {
            tracing::error!(server = &*settings.name, %exit, last_lines = ?last_lines.get(), "the server has ended");
        }
        End::Processes(_) => tracing::error!(server = &*settings.name, "the server {reason}"),
    }
    link.end(&reason.into());
}

fn reason_of(exit: Exit, last_lines: &LastLines, settings: &Settings) -> String {
    let lines = last_lines.get();
    if lines.is_empty() || !settings.show_stderr {
        return format!("has ended ({exit})");
    }
    format!("has ended ({exit}; its last lines: {})", lines.join(" | "))
}

/// Publishes what a child announces while no call does it, and reads its tools again.
async fn publish(
    mut notices: mpsc::Receiver<Notice>,
    link: Arc<Link>,
    tools: Arc<ChildTools>,
    audience: Audience,
    events: Arc<OnceLock<Events>>,
) {
    while let Some(notice) = notices.recv().await {
        if let (false, Some(events)) = (notice.is_announced, events.get()) {
            audience.publish(events, &notice).await;
        }
        if notice.what == Changed::Tools {
            tools.load_again(&link).await;
        }
    }
}
