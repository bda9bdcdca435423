//! An execution environment: a process of a target, and the Runtime API it speaks to.
//!
//! One thread and one `poll` for all of its connections, so that no hand-over between threads is measured.

use std::{
    fs,
    io::{self, ErrorKind},
    net::{Ipv4Addr, TcpListener},
    os::fd::AsFd,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::{
    clock,
    connection::{Acknowledge, Arrival, Connection, Request},
    cpus::Cpus,
    event::Event,
};

/// How long a function may take over anything here.
const PATIENCE: Duration = Duration::from_secs(10);

/// A target of the measurements: a binary and its argument.
#[derive(Clone)]
pub(crate) struct Target {
    /// Its name in the table.
    pub(crate) label: String,
    pub(crate) binary: PathBuf,
    pub(crate) argument: Option<&'static str>,
    /// Whether it answers MCP calls, or one constant text.
    pub(crate) kind: Kind,
    /// Whether it gets the names of tables. No measured request reads or writes them.
    pub(crate) tables: bool,
    /// Whether its log is shown.
    pub(crate) logs: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Hello,
    Mcp,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum EnvironmentError {
    #[error("{0} cannot be started")]
    Start(String, #[source] io::Error),
    #[error("{label}: {what}")]
    Failed { label: String, what: String },
    #[error("{0}: the connection failed")]
    Io(String, #[source] io::Error),
}

pub(crate) struct Environment {
    target: Target,
    process: Child,
    listener: TcpListener,
    acknowledge: Acknowledge,
    connections: Vec<Option<Connection>>,
    /// The connection that waits for an event.
    parked: Option<usize>,
    invocations: u64,
    /// From before the process was made to its first request for an event.
    pub(crate) init: Duration,
}

/// An answered invocation.
pub(crate) struct Invocation {
    /// From before the event was written to the last byte of the answer.
    pub(crate) latency: Duration,
    pub(crate) body: Vec<u8>,
    pub(crate) arrivals: Vec<Arrival>,
}

impl Environment {
    /// Starts a process and waits until it asks for its first event.
    pub(crate) fn start(
        target: &Target,
        cpus: Cpus,
        acknowledge: Acknowledge,
    ) -> Result<Self, EnvironmentError> {
        let failed = |error| EnvironmentError::Start(target.label.clone(), error);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let mut command = command(target, &listener).map_err(failed)?;
        // A child inherits its parent's CPUs; a wrapper such as taskset would be measured too.
        cpus.function().map_err(failed)?;
        let start = clock::now();
        let process = command.spawn();
        cpus.driver().map_err(failed)?;
        let mut environment = Self {
            target: target.clone(),
            process: process.map_err(failed)?,
            listener,
            acknowledge,
            connections: Vec::new(),
            parked: None,
            invocations: 0,
            init: Duration::ZERO,
        };
        environment.init = environment.park()?.saturating_duration_since(start);
        Ok(environment)
    }

    /// Sends an event and waits for the answer and the next request for an event.
    pub(crate) fn invoke(&mut self, event: &Event) -> Result<Invocation, EnvironmentError> {
        let parked = self.parked.take().ok_or_else(|| self.failed("no event was asked for"))?;
        self.invocations += 1;
        let id = format!("8476a536-e9f4-11e8-9739-{:012x}", self.invocations);
        let response = next_response(&id, event);
        let start = clock::now();
        self.write(parked, &response)?;
        let request = loop {
            let (at, request) = self.request()?;
            if request.path.ends_with("/response") || request.path.ends_with("/error") {
                self.write(at, ACCEPTED)?;
                break request;
            }
            self.side(at, &request)?;
        };
        self.check(&id, event, &request)?;
        self.park()?;
        let latency = request.ended.saturating_duration_since(start);
        Ok(Invocation { latency, body: request.body, arrivals: request.arrivals })
    }

    /// CPU time of all threads so far.
    pub(crate) fn cpu(&self) -> Result<Duration, EnvironmentError> {
        let failed = |error| EnvironmentError::Io(self.target.label.clone(), error);
        let mut total = 0;
        for task in fs::read_dir(format!("/proc/{}/task", self.process.id())).map_err(failed)? {
            let path = task.map_err(failed)?.path().join("schedstat");
            let text = fs::read_to_string(path).map_err(failed)?;
            total += text.split(' ').next().and_then(|nanos| nanos.parse::<u64>().ok()).unwrap_or_default();
        }
        Ok(Duration::from_nanos(total))
    }

    /// Resident memory in bytes.
    pub(crate) fn rss(&self) -> Result<u64, EnvironmentError> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))
            .map_err(|error| EnvironmentError::Io(self.target.label.clone(), error))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        kib.map(|kib| kib * 1024).ok_or_else(|| self.failed("the kernel does not tell its memory"))
    }

    /// Waits until the function asks for an event, and returns that moment.
    fn park(&mut self) -> Result<Instant, EnvironmentError> {
        loop {
            let (at, request) = self.request()?;
            if request.path.ends_with("/invocation/next") {
                self.parked = Some(at);
                return Ok(request.ended);
            }
            self.side(at, &request)?;
        }
    }

    /// The other request of a runtime: to be registered as an extension, so that it learns of its shutdown.
    fn side(&mut self, at: usize, request: &Request) -> Result<(), EnvironmentError> {
        match request.path.as_str() {
            "/2020-01-01/extension/register" => self.write(at, REGISTERED),
            // It waits for events it did not subscribe to.
            "/2020-01-01/extension/event/next" => Ok(()),
            path => Err(self.failed(&format!("{} {path} was not expected", request.method))),
        }
    }

    fn check(&self, id: &str, event: &Event, request: &Request) -> Result<(), EnvironmentError> {
        let proof = match self.target.kind {
            Kind::Hello => "hello, world",
            Kind::Mcp => event.proof,
        };
        let body = &request.body;
        let is_right = request.path.contains(id)
            && request.path.ends_with("/response")
            && memchr::memmem::find(body, br#""statusCode":200"#).is_some()
            && memchr::memmem::find(body, proof.as_bytes()).is_some();
        if is_right {
            return Ok(());
        }
        let answer = String::from_utf8_lossy(body);
        Err(self.failed(&format!("{} was answered with {}: {answer}", event.name, request.path)))
    }

    /// The next request on any connection, and the connection.
    fn request(&mut self) -> Result<(usize, Request), EnvironmentError> {
        loop {
            for at in self.readable()? {
                let Some(connection) = &mut self.connections[at] else { continue };
                match connection.read() {
                    Ok(Some(request)) => return Ok((at, request)),
                    Ok(None) => {}
                    Err(error) if error.kind() == ErrorKind::UnexpectedEof => self.connections[at] = None,
                    Err(error) => return Err(EnvironmentError::Io(self.target.label.clone(), error)),
                }
            }
        }
    }

    /// Waits for bytes, and for new connections.
    fn readable(&mut self) -> Result<Vec<usize>, EnvironmentError> {
        let failed = |error| EnvironmentError::Io(self.target.label.clone(), error);
        let open = || self.connections.iter().enumerate().filter_map(|(at, open)| Some((at, open.as_ref()?)));
        let mut fds = vec![PollFd::new(self.listener.as_fd(), PollFlags::POLLIN)];
        fds.extend(open().map(|(_, open)| PollFd::new(open.stream.as_fd(), PollFlags::POLLIN)));
        let timeout = PollTimeout::try_from(PATIENCE).unwrap_or(PollTimeout::MAX);
        if poll(&mut fds, timeout).map_err(|error| failed(error.into()))? == 0 {
            return Err(self.failed("it said nothing for ten seconds (--logs shows what it logs)"));
        }
        let ready = |fd: &PollFd<'_>| fd.any().unwrap_or(true);
        let readable = open().zip(&fds[1..]).filter(|(_, fd)| ready(fd)).map(|((at, _), _)| at).collect();
        if ready(&fds[0]) {
            let (stream, _) = self.listener.accept().map_err(failed)?;
            self.connections.push(Some(Connection::new(stream, self.acknowledge).map_err(failed)?));
        }
        Ok(readable)
    }

    fn write(&mut self, at: usize, bytes: &[u8]) -> Result<(), EnvironmentError> {
        let label = || self.target.label.clone();
        let closed = || EnvironmentError::Io(label(), ErrorKind::NotConnected.into());
        let connection = self.connections[at].as_mut().ok_or_else(closed)?;
        connection.write(bytes).map_err(|error| EnvironmentError::Io(label(), error))
    }

    fn failed(&self, what: &str) -> EnvironmentError {
        EnvironmentError::Failed { label: self.target.label.clone(), what: what.to_owned() }
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        // The process may have ended by itself. In any case it is reaped, so that it shares no CPU with the next one.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

const ACCEPTED: &[u8] =
    b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n\
    {\"status\":\"OK\"}\n";
const REGISTERED: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\
    Lambda-Extension-Identifier: 0d2c6d5e-8c52-4d1b-9d0f-3a6d1f2b7c11\r\nContent-Length: 83\r\n\r\n\
    {\"functionName\":\"bench\",\"functionVersion\":\"$LATEST\",\"handler\":\"bootstrap\",\"a\":\"b\"}\n";

fn next_response(id: &str, event: &Event) -> Vec<u8> {
    let deadline = clock::wall_ms() + 30_000;
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nLambda-Runtime-Aws-Request-Id: {id}\r\n\
         Lambda-Runtime-Deadline-Ms: {deadline}\r\n\
         Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:eu-central-1:123456789012:function:bench\r\n\
         Lambda-Runtime-Trace-Id: Root=1-691ef1a0-5d2f6a3c4b1e8f7a9c0d2e4f;Parent=53995c3f42cd8ad8;Sampled=0\r\n\
         Content-Length: {}\r\n\r\n{}",
        event.json.len(),
        event.json
    )
    .into_bytes()
}

fn command(target: &Target, listener: &TcpListener) -> io::Result<Command> {
    let mut command = Command::new(Path::new(&target.binary));
    command
        .args(target.argument)
        .env_clear()
        .env("AWS_LAMBDA_RUNTIME_API", listener.local_addr()?.to_string())
        .env("AWS_LAMBDA_FUNCTION_NAME", "bench")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")
        .env("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/bench")
        .env("AWS_LAMBDA_LOG_STREAM_NAME", "2026/11/20/[$LATEST]bench")
        .env("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
        .env("AWS_REGION", "eu-central-1")
        .env("TZ", ":UTC")
        // As a deployed function has it; without, ours logs a warning while it starts.
        .env("MCP_STATE_KEYS", "bench:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
        .stdin(Stdio::null());
    if target.tables {
        command.env("SESSION_TABLE_NAME", "state").env("EVENT_TABLE_NAME", "events");
        command.env("AWS_ACCESS_KEY_ID", "bench").env("AWS_SECRET_ACCESS_KEY", "bench");
    }
    if !target.logs {
        command.stdout(Stdio::null()).stderr(Stdio::null());
    }
    Ok(command)
}
