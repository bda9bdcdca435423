//! One execution environment, as the pool sees it: its polls, its open invocations, whether it is frozen.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    sync::Arc,
};

use nix::sys::signal::Signal;
use serde::Serialize;
use tokio::sync::oneshot;
use tokio_util::sync::DropGuard;

use crate::{
    answer::{Answer, Outcome},
    failure::FunctionError,
    invocation::{Invocation, Pending},
    process::Process,
    tasks::Tasks,
};

/// The number of an execution environment: 1 for the first that was started; never used again.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct EnvironmentId(pub u32);

impl fmt::Display for EnvironmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The state of an environment.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EnvironmentState {
    /// Started, and not yet asking for a first event.
    Starting,
    /// Working on a request, or on code that runs after its response.
    Busy,
    /// Waiting for an event, and not frozen.
    Idle,
    /// Stopped by SIGSTOP: between requests, or on command.
    Frozen,
    /// Shutting down.
    Stopping,
}

/// A snapshot of one environment.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct EnvironmentStatus {
    /// Its number.
    pub id: EnvironmentId,
    /// The id of its process.
    pub pid: u32,
    /// Its state.
    pub state: EnvironmentState,
    /// How many invocations were sent to it.
    pub invocations: u64,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    /// Until initialisation ends.
    Starting,
    Serving,
    /// Killed, or shutting down: it gets no more requests.
    Stopping,
}

/// The progress of an invocation.
#[derive(Debug)]
enum Stage {
    /// The function has not answered yet, and the invoker waits.
    Running(oneshot::Sender<Answer>),
    /// The function writes its answer. An error that is sent here cuts it off.
    Answering(oneshot::Sender<FunctionError>),
    /// The answer has ended. The environment is still charged for the invocation until it polls again.
    Answered,
}

#[derive(Debug)]
struct InFlight {
    attempt: String,
    stage: Stage,
    /// Ends the watch over the deadline when the invocation ends.
    _watch: DropGuard,
}

/// The parts that the Runtime API needs to pass on an answer.
#[derive(Debug)]
pub(crate) struct Answering {
    pub(crate) invoker: oneshot::Sender<Answer>,
    /// Why the answer is to be cut off: the deadline, or the end of the process.
    pub(crate) cut: oneshot::Receiver<FunctionError>,
}

/// Why the Runtime API refuses a call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Refused {
    /// A poll in the middle of an invocation.
    InvalidState,
    /// An answer to an invocation that is over or never was.
    Stale,
}

/// One execution environment. Its methods are called with the pool locked and wait for nothing.
#[derive(Debug)]
pub(crate) struct Environment {
    pub(crate) id: EnvironmentId,
    pub(crate) process: Arc<Process>,
    /// The spawned tasks of this environment.
    pub(crate) tasks: Tasks,
    concurrency: usize,
    freezes: bool,
    phase: Phase,
    /// `/next` calls that wait for an event. A closed sender is a connection that is gone.
    polls: VecDeque<oneshot::Sender<Invocation>>,
    in_flight: HashMap<String, InFlight>,
    /// The request this environment was started for.
    first: Option<Pending>,
    /// Frozen on command: it gets no request until it is thawed.
    held: bool,
    stopped: bool,
    /// Whether the process has registered for shutdown events.
    extension: bool,
    /// Extensions that have registered and not yet polled: initialisation is not over before they do.
    extensions_due: usize,
    invocations: u64,
    /// Its last use, by the pool's counter.
    used: u64,
}

impl Environment {
    pub(crate) fn new(
        id: EnvironmentId,
        process: Arc<Process>,
        tasks: Tasks,
        (concurrency, freezes): (u32, bool),
        first: Pending,
    ) -> Self {
        Environment {
            id,
            process,
            tasks,
            concurrency: usize::try_from(concurrency).unwrap_or(usize::MAX),
            freezes,
            phase: Phase::Starting,
            polls: VecDeque::new(),
            in_flight: HashMap::new(),
            first: Some(first),
            held: false,
            stopped: false,
            extension: false,
            extensions_due: 0,
            invocations: 0,
            used: 0,
        }
    }

    pub(crate) fn status(&self) -> EnvironmentStatus {
        let state = match self.phase {
            Phase::Stopping => EnvironmentState::Stopping,
            _ if self.stopped => EnvironmentState::Frozen,
            Phase::Starting => EnvironmentState::Starting,
            Phase::Serving if self.in_flight.is_empty() => EnvironmentState::Idle,
            Phase::Serving => EnvironmentState::Busy,
        };
        EnvironmentStatus { id: self.id, pid: self.process.pid, state, invocations: self.invocations }
    }

    /// Whether it counts towards the limit of environments.
    pub(crate) fn lives(&self) -> bool {
        self.phase != Phase::Stopping
    }

    pub(crate) fn is_starting(&self) -> bool {
        self.phase == Phase::Starting
    }

    pub(crate) fn register_extension(&mut self) {
        self.extension = true;
        self.extensions_due += 1;
    }

    /// An extension waits for events, of which there are none.
    pub(crate) fn extension_polls(&mut self) {
        self.extensions_due = self.extensions_due.saturating_sub(1);
        self.initialised();
    }

    /// Initialisation ends when the runtime and every extension have polled.
    fn initialised(&mut self) {
        if self.phase == Phase::Starting && self.extensions_due == 0 && !self.polls.is_empty() {
            self.phase = Phase::Serving;
        }
    }

    /// Its last use by the pool's counter, if it can take a request now.
    pub(crate) fn available(&mut self) -> Option<u64> {
        self.polls.retain(|poll| !poll.is_closed());
        let ready = self.phase == Phase::Serving && !self.held && !self.polls.is_empty();
        ready.then_some(self.used)
    }

    /// The number of requests that it will soon be able to take: one for each answered request, since a poll follows
    /// it, and one for each further worker of an environment that is starting.
    pub(crate) fn coming(&self) -> usize {
        match self.phase {
            _ if self.held => 0,
            Phase::Stopping => 0,
            Phase::Starting => self.concurrency.saturating_sub(1),
            Phase::Serving => {
                let working =
                    self.in_flight.values().filter(|one| !matches!(one.stage, Stage::Answered)).count();
                self.concurrency.saturating_sub(working + self.polls.len())
            }
        }
    }

    /// Takes a `/next` call, which ends the invocation before it.
    pub(crate) fn poll(&mut self) -> Result<oneshot::Receiver<Invocation>, Refused> {
        if self.phase == Phase::Stopping {
            return Err(Refused::InvalidState);
        }
        self.in_flight.retain(|_, one| !matches!(one.stage, Stage::Answered));
        self.polls.retain(|poll| !poll.is_closed());
        if self.in_flight.len() + self.polls.len() >= self.concurrency {
            return Err(Refused::InvalidState);
        }
        let (sender, receiver) = oneshot::channel();
        self.polls.push_back(sender);
        self.initialised();
        Ok(receiver)
    }

    /// The request that this environment was started for, once it can take it.
    pub(crate) fn take_first(&mut self) -> Option<Pending> {
        if self.is_starting() { None } else { self.first.take() }
    }

    /// Wakes the environment and gives it a request; gives the request back when no worker waits.
    pub(crate) fn deliver(&mut self, pending: Pending, used: u64, watch: DropGuard) -> Option<Pending> {
        self.run();
        let Pending { mut invocation, answer } = pending;
        let (request_id, attempt) = (invocation.request_id.clone(), invocation.attempt.clone());
        while let Some(poll) = self.polls.pop_front() {
            match poll.send(invocation) {
                Ok(()) => {
                    self.invocations += 1;
                    self.used = used;
                    let one = InFlight { attempt, stage: Stage::Running(answer), _watch: watch };
                    self.in_flight.insert(request_id, one);
                    return None;
                }
                Err(returned) => invocation = returned,
            }
        }
        Some(Pending { invocation, answer })
    }

    /// The function starts to answer, or to report an error.
    pub(crate) fn begin(&mut self, request_id: &str, attempt: Option<&str>) -> Result<Answering, Refused> {
        let one = self.in_flight.get_mut(request_id).ok_or(Refused::Stale)?;
        if attempt.is_some_and(|attempt| attempt != one.attempt) {
            return Err(Refused::Stale);
        }
        let (reader, cut) = oneshot::channel();
        match std::mem::replace(&mut one.stage, Stage::Answering(reader)) {
            Stage::Running(invoker) => Ok(Answering { invoker, cut }),
            before @ (Stage::Answering(_) | Stage::Answered) => {
                one.stage = before;
                Err(Refused::Stale)
            }
        }
    }

    /// The answer has ended.
    pub(crate) fn finish(&mut self, request_id: &str, attempt: &str) {
        let Some(one) = self.in_flight.get_mut(request_id).filter(|one| one.attempt == attempt) else {
            return;
        };
        one.stage = Stage::Answered;
        if self.concurrency > 1 {
            self.in_flight.remove(request_id);
        }
    }

    /// The attempt that is in flight under `request_id`.
    pub(crate) fn attempt(&self, request_id: &str) -> Option<&str> {
        self.in_flight.get(request_id).map(|one| one.attempt.as_str())
    }

    /// The deadline of an invocation has passed: the invoker gets an error, and an environment that serves one request
    /// at a time is killed. One that serves several runs on, as on Managed Instances.
    pub(crate) fn expire(&mut self, request_id: &str, attempt: &str, error: FunctionError) {
        if self.attempt(request_id) != Some(attempt) {
            return;
        }
        if let Some(one) = self.in_flight.remove(request_id) {
            self.fail(request_id.to_owned(), one.stage, error);
        }
        if self.concurrency == 1 {
            self.kill();
        }
    }

    /// The process has ended: its open requests fail with `error`.
    pub(crate) fn ended(&mut self, error: impl Fn(&str) -> FunctionError) {
        self.phase = Phase::Stopping;
        self.polls.clear();
        for (request_id, one) in std::mem::take(&mut self.in_flight) {
            let error = error(&request_id);
            self.fail(request_id, one.stage, error);
        }
        self.init_failed(error);
    }

    /// Initialisation failed: the request that needed it fails too.
    pub(crate) fn init_failed(&mut self, error: impl Fn(&str) -> FunctionError) {
        if let Some(Pending { invocation, answer }) = self.first.take() {
            let error = error(&invocation.request_id);
            self.fail(invocation.request_id, Stage::Running(answer), error);
        }
    }

    /// The invoker may have stopped waiting.
    fn fail(&self, request_id: String, stage: Stage, error: FunctionError) {
        match stage {
            Stage::Running(invoker) => {
                let outcome = Outcome::Failed(error);
                let _ = invoker.send(Answer { request_id, environment: self.id, outcome });
            }
            Stage::Answering(reader) => {
                let _ = reader.send(error);
            }
            Stage::Answered => {}
        }
    }

    /// Between two requests.
    pub(crate) fn rest(&mut self) {
        if self.freezes && self.phase == Phase::Serving && self.in_flight.is_empty() {
            self.stop();
        }
    }

    pub(crate) fn hold(&mut self) {
        self.held = true;
        self.stop();
    }

    pub(crate) fn release(&mut self) {
        self.held = false;
        self.run();
    }

    /// SIGKILL, at once.
    pub(crate) fn kill(&mut self) {
        self.leave();
        self.process.signal(Signal::SIGKILL);
    }

    /// Shuts down as on Lambda: a process with an extension gets SIGTERM, any other is killed.
    pub(crate) fn terminate(&mut self) {
        self.leave();
        if self.extension {
            self.process.signal(Signal::SIGTERM);
            self.run();
        } else {
            self.process.signal(Signal::SIGKILL);
        }
    }

    /// Stops sending requests to it.
    pub(crate) fn leave(&mut self) {
        self.phase = Phase::Stopping;
        self.polls.clear();
    }

    fn stop(&mut self) {
        if !self.stopped {
            self.stopped = true;
            self.process.signal(Signal::SIGSTOP);
        }
    }

    fn run(&mut self) {
        if self.stopped {
            self.stopped = false;
            self.process.signal(Signal::SIGCONT);
        }
    }
}
