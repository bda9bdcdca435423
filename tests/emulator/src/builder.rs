//! How an emulator is set up.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    asynchronous::Retries,
    emulator::Emulator,
    function::Function,
    ingress::{Ingress, RestApi},
    listener::Acknowledge,
    pool::Capacity,
    routing::Routing,
};

/// The set-up of an [`Emulator`]: Lambda's defaults, unless a setter changes them.
#[derive(Clone, Debug)]
#[must_use]
pub struct Builder {
    pub(crate) function: Function,
    pub(crate) capacity: Capacity,
    pub(crate) retries: Retries,
    pub(crate) rest: RestApi,
    pub(crate) ingress_timeout: Option<Duration>,
    pub(crate) ports: BTreeMap<Ingress, u16>,
    pub(crate) control_port: u16,
    pub(crate) acknowledge: Acknowledge,
    /// The URL of the queue that triggers the function, and how many messages it is invoked with at a time.
    pub(crate) trigger: Option<(String, usize)>,
}

/// Why an emulator could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No binary was named.
    #[error("no binary: call Builder::binary with the path of the function's executable")]
    NoBinary,
    /// There is no such file.
    #[error("cannot read the binary {path}: {source}")]
    Binary {
        /// The path that was named.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// A number that must be at least one is zero.
    #[error("{0} must be at least 1")]
    Zero(&'static str),
    /// A port is taken.
    #[error("cannot listen on 127.0.0.1:{port}: {source}")]
    Port {
        /// The port that was asked for; 0 for any.
        port: u16,
        /// The error of the operating system.
        source: io::Error,
    },
}

impl Builder {
    pub(crate) fn new() -> Self {
        let tiny = Duration::from_millis(10);
        Builder {
            function: Function::new(PathBuf::new()),
            capacity: Capacity {
                environments: 1,
                routing: Routing::default(),
                spread: false,
                queue: 0,
                queue_timeout: Duration::from_secs(30),
            },
            retries: Retries { delays: vec![tiny, 2 * tiny], event_age: Duration::from_secs(6 * 60 * 60) },
            rest: RestApi { stage: "prod".to_owned(), binary_media_types: Vec::new() },
            ingress_timeout: None,
            ports: BTreeMap::new(),
            control_port: 0,
            acknowledge: Acknowledge::default(),
            trigger: None,
        }
    }

    /// The function's executable: a program that speaks the Runtime API.
    pub fn binary(mut self, path: impl AsRef<Path>) -> Self {
        self.function.binary = path.as_ref().to_owned();
        self
    }

    /// `AWS_LAMBDA_FUNCTION_NAME`; `function` by default.
    pub fn function_name(mut self, name: impl Into<String>) -> Self {
        self.function.name = name.into();
        self
    }

    /// `AWS_REGION`; `us-east-1` by default.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.function.region = region.into();
        self
    }

    /// How many environments there may be; one by default.
    pub fn environments(mut self, count: usize) -> Self {
        self.capacity.environments = count;
        self
    }

    /// A variable of the function.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.function.variables.push((name.into(), value.into()));
        self
    }

    /// How long an invocation may take; 3 seconds by default, as on Lambda.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.function.timeout = timeout;
        self
    }

    /// How long initialisation may take; 10 seconds by default, as on Lambda.
    pub fn init_limit(mut self, limit: Duration) -> Self {
        self.function.init_limit = limit;
        self
    }

    /// Requests one environment serves at once. More than one means Managed Instances: `AWS_LAMBDA_MAX_CONCURRENCY`
    /// is set, nothing is frozen, and a timeout fails the invocation without killing the process.
    pub fn concurrency(mut self, requests: u32) -> Self {
        self.function.concurrency = requests;
        self
    }

    /// Whether the function has `SnapStart`: environments ask to be stored, and are restored at once.
    pub fn snap_start(mut self, on: bool) -> Self {
        self.function.snap_start = on;
        self
    }

    /// `AWS_LAMBDA_FUNCTION_MEMORY_SIZE`; nothing limits the memory itself.
    pub fn memory_mb(mut self, memory: u32) -> Self {
        self.function.memory_mb = memory;
        self
    }

    /// Which idle environment gets the next request.
    pub fn routing(mut self, routing: Routing) -> Self {
        self.capacity.routing = routing;
        self
    }

    /// Starts new environments before one is used again, so that consecutive requests meet different ones.
    pub fn spread(mut self, spread: bool) -> Self {
        self.capacity.spread = spread;
        self
    }

    /// How many requests may wait when all environments are busy. None by default: Lambda throttles at once.
    pub fn queue(mut self, requests: usize) -> Self {
        self.capacity.queue = requests;
        self
    }

    /// How long a request waits in the queue before it is throttled; 30 seconds by default.
    pub fn queue_timeout(mut self, timeout: Duration) -> Self {
        self.capacity.queue_timeout = timeout;
        self
    }

    /// Whether environments are frozen between requests, as on Lambda. A benchmark may switch off the two signals.
    pub fn freezing(mut self, freezing: bool) -> Self {
        self.function.freezing = freezing;
        self
    }

    /// The pause before each further attempt of an asynchronous invocation. As many attempts follow as there are
    /// pauses; two short ones by default, where Lambda waits one and two minutes.
    pub fn retry_delays(mut self, delays: impl IntoIterator<Item = Duration>) -> Self {
        self.retries.delays = delays.into_iter().collect();
        self
    }

    /// After how long an asynchronous event that is still throttled is given up; six hours by default.
    pub fn maximum_event_age(mut self, age: Duration) -> Self {
        self.retries.event_age = age;
        self
    }

    /// How long a process that registered an extension has between SIGTERM and SIGKILL; 500 ms by default.
    pub fn shutdown_grace(mut self, grace: Duration) -> Self {
        self.function.shutdown_grace = grace;
        self
    }

    /// The stage of the REST API; `prod` by default.
    pub fn stage(mut self, stage: impl Into<String>) -> Self {
        self.rest.stage = stage.into();
        self
    }

    /// The `binaryMediaTypes` of the REST API; none by default.
    pub fn binary_media_types<T: Into<String>>(mut self, types: impl IntoIterator<Item = T>) -> Self {
        self.rest.binary_media_types = types.into_iter().map(Into::into).collect();
        self
    }

    /// How long the buffered ingresses wait for the function, instead of 29 s (REST), 30 s (HTTP API) and 60 s (ALB).
    pub fn ingress_timeout(mut self, timeout: Duration) -> Self {
        self.ingress_timeout = Some(timeout);
        self
    }

    /// The port of an ingress; any free one by default.
    pub fn port(mut self, ingress: Ingress, port: u16) -> Self {
        self.ports.insert(ingress, port);
        self
    }

    /// The control port; any free one by default.
    pub fn control_port(mut self, port: u16) -> Self {
        self.control_port = port;
        self
    }

    /// When received segments are acknowledged.
    pub fn acknowledge(mut self, acknowledge: Acknowledge) -> Self {
        self.acknowledge = acknowledge;
        self
    }

    /// Triggers the function with the messages of an SQS queue, one message in each of `concurrency` invocations at a time. The
    /// host of the URL serves the API of SQS, over HTTP and without a check of signatures.
    pub fn queue_trigger(mut self, queue_url: impl Into<String>, concurrency: usize) -> Self {
        self.trigger = Some((queue_url.into(), concurrency));
        self
    }

    /// Repeats what environments print on standard error; as `EMULATOR_LOG=1` does. `EMULATOR_LOG_FILE` names a file
    /// that gets them too.
    pub fn echo(mut self, echo: bool) -> Self {
        self.function.echo = echo;
        self
    }

    /// Opens all ports. No environment is started before the first request needs one.
    ///
    /// # Errors
    ///
    /// When the binary is missing, a number is zero, or a port is taken.
    #[expect(clippy::unused_async, reason = "sockets need a runtime, and an await is how a caller shows one")]
    pub async fn start(mut self) -> Result<Emulator, StartError> {
        if self.function.binary.as_os_str().is_empty() {
            return Err(StartError::NoBinary);
        }
        // Absolute, because the process starts in another folder.
        self.function.binary = self
            .function
            .binary
            .canonicalize()
            .map_err(|source| StartError::Binary { path: self.function.binary.clone(), source })?;
        if self.capacity.environments == 0 {
            return Err(StartError::Zero("environments"));
        }
        if self.function.concurrency == 0 {
            return Err(StartError::Zero("concurrency"));
        }
        Emulator::open(self)
    }
}
