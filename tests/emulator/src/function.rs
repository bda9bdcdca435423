//! The function: its configuration, and the variables that Lambda derives from it.

use std::{
    ffi::OsString,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use uuid::Uuid;

use crate::clock::{self, Utc};

/// AWS's own example account.
pub(crate) const ACCOUNT: &str = "123456789012";

/// The configuration of the one function an emulator runs.
#[derive(Clone, Debug)]
pub(crate) struct Function {
    pub(crate) binary: PathBuf,
    pub(crate) name: String,
    pub(crate) region: String,
    pub(crate) memory_mb: u32,
    pub(crate) timeout: Duration,
    /// How long an environment may take to its first poll.
    pub(crate) init_limit: Duration,
    /// Requests one environment serves at once; more than one means Managed Instances.
    pub(crate) concurrency: u32,
    /// Whether an environment is stored and restored before its first poll.
    pub(crate) snap_start: bool,
    pub(crate) variables: Vec<(String, String)>,
    /// Whether an environment is frozen between requests.
    pub(crate) freezing: bool,
    /// How long a process with an extension has from SIGTERM to SIGKILL.
    pub(crate) shutdown_grace: Duration,
    /// Whether log lines are repeated on the emulator's own standard error.
    pub(crate) echo: bool,
    /// A file that every log line of every environment is added to.
    pub(crate) log_file: Option<PathBuf>,
}

impl Function {
    pub(crate) fn new(binary: PathBuf) -> Self {
        Function {
            binary,
            name: "function".to_owned(),
            region: "us-east-1".to_owned(),
            memory_mb: 256,
            timeout: Duration::from_secs(3),
            init_limit: Duration::from_secs(10),
            concurrency: 1,
            snap_start: false,
            variables: Vec::new(),
            freezing: true,
            shutdown_grace: Duration::from_millis(500),
            echo: variable("EMULATOR_LOG").is_some_and(|value| value == "1"),
            log_file: variable("EMULATOR_LOG_FILE").map(PathBuf::from),
        }
    }

    pub(crate) fn arn(&self) -> String {
        format!("arn:aws:lambda:{}:{ACCOUNT}:function:{}", self.region, self.name)
    }

    /// Managed Instances are never frozen, nor is a function without [`Function::freezing`].
    pub(crate) fn freezes(&self) -> bool {
        self.freezing && self.concurrency == 1
    }

    pub(crate) fn task_root(&self) -> &Path {
        self.binary.parent().unwrap_or(Path::new("/"))
    }

    /// Lambda's reserved variables, then the user's, which may replace some of them as on Lambda.
    pub(crate) fn environment(&self, runtime_api: SocketAddr) -> Vec<(String, OsString)> {
        let mut variables: Vec<(String, OsString)> = Vec::new();
        let mut set = |name: &str, value: &str| variables.push((name.to_owned(), value.into()));
        set("TZ", ":UTC");
        set("LANG", "en_US.UTF-8");
        set("AWS_REGION", &self.region);
        set("AWS_DEFAULT_REGION", &self.region);
        set("AWS_LAMBDA_RUNTIME_API", &runtime_api.to_string());
        set("AWS_LAMBDA_FUNCTION_NAME", &self.name);
        set("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST");
        set("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", &self.memory_mb.to_string());
        set("AWS_LAMBDA_LOG_GROUP_NAME", &format!("/aws/lambda/{}", self.name));
        set("AWS_LAMBDA_LOG_STREAM_NAME", &log_stream());
        set("_HANDLER", "bootstrap");
        if self.concurrency > 1 {
            set("AWS_LAMBDA_MAX_CONCURRENCY", &self.concurrency.to_string());
            set("AWS_LAMBDA_INITIALIZATION_TYPE", "lambda-managed-instances");
        } else {
            let kind = if self.snap_start { "snap-start" } else { "on-demand" };
            set("AWS_LAMBDA_INITIALIZATION_TYPE", kind);
        }
        variables.push(("LAMBDA_TASK_ROOT".to_owned(), self.task_root().into()));
        if let Some(path) = variable("PATH") {
            variables.push(("PATH".to_owned(), path));
        }
        variables.extend(self.variables.iter().map(|(name, value)| (name.clone(), value.into())));
        variables
    }
}

/// `2026/11/20/[$LATEST]0123...`, one stream for each environment.
fn log_stream() -> String {
    let today = Utc::from_epoch_ms(clock::epoch_ms());
    format!("{:04}/{:02}/{:02}/[$LATEST]{}", today.year, today.month, today.day, Uuid::new_v4().simple())
}

/// The only reader of the emulator's own environment: `PATH` to pass on, `EMULATOR_LOG` and `EMULATOR_LOG_FILE`.
#[expect(clippy::disallowed_methods, reason = "a tool that starts processes hands them its PATH")]
fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}
