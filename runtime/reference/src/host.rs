//! The process and the machine it runs on. No other file of this program reads environment variables or the time.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::time::Instant;

/// Variables that `lambda_diagnostics` may return: none of them holds a secret.
const SAFE: [&str; 12] = [
    "AWS_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_MAX_CONCURRENCY",
    "MCP_RESPONSE_MODE",
    "RUST_LOG",
    "TZ",
];

/// This process, with the environment it was started in.
pub(crate) struct Host {
    variables: BTreeMap<&'static str, String>,
    started: Instant,
    calls: AtomicU64,
}

impl Host {
    #[expect(
        clippy::disallowed_methods,
        reason = "diagnostics show the environment, by a list of safe names"
    )]
    pub(crate) fn detect() -> Self {
        let variables = SAFE.into_iter().filter_map(|name| Some((name, std::env::var(name).ok()?))).collect();
        Self { variables, started: Instant::now(), calls: AtomicU64::new(0) }
    }

    /// The safe variables that are set.
    pub(crate) fn variables(&self) -> &BTreeMap<&'static str, String> {
        &self.variables
    }

    fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// `lambda` on AWS Lambda, `local` elsewhere.
    pub(crate) fn platform(&self) -> &'static str {
        if self.variable("AWS_LAMBDA_FUNCTION_NAME").is_some() { "lambda" } else { "local" }
    }

    pub(crate) fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// Counts a diagnostic call, and returns its number since the process was started: 1 is a cold one.
    pub(crate) fn count_call(&self) -> u64 {
        self.calls.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The Lambda function, as its variables describe it. `None` outside Lambda.
    pub(crate) fn function(&self) -> Option<Value> {
        let name = self.variable("AWS_LAMBDA_FUNCTION_NAME")?;
        Some(json!({
            "function_name": name,
            "function_version": self.variable("AWS_LAMBDA_FUNCTION_VERSION"),
            "memory_size_mb": self.memory_limit_mb(),
            "log_group_name": self.variable("AWS_LAMBDA_LOG_GROUP_NAME"),
            "log_stream_name": self.variable("AWS_LAMBDA_LOG_STREAM_NAME"),
            "initialization_type": self.variable("AWS_LAMBDA_INITIALIZATION_TYPE"),
            "architecture": std::env::consts::ARCH,
        }))
    }

    pub(crate) fn memory_limit_mb(&self) -> Option<u64> {
        self.variable("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")?.parse().ok()
    }

    pub(crate) fn region(&self) -> Option<&str> {
        self.variable("AWS_REGION")
    }
}

/// The resident memory of this process, in bytes. `None` on a system without `/proc`: <https://man7.org/linux/man-pages/man5/proc_pid_status.5.html>.
pub(crate) fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}
