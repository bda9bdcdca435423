//! The filter and the format of the log.

use std::{fmt, str::FromStr};

use tracing_subscriber::filter::{LevelFilter, Targets};

/// The format of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines of text, for people.
    Text,
    /// One JSON object on each line, for programs.
    Json,
}

/// The least severe lines that are written, as Lambda's logging controls name them:
/// <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html> (read 2026-11-27).
///
/// The order of the variables is that of AWS's own runtime for Rust:
/// <https://github.com/aws/aws-lambda-rust-runtime/blob/main/lambda-runtime-api-client/src/tracing.rs> (read 2026-11-27). There
/// `AWS_LAMBDA_LOG_LEVEL` is the level of a program without `RUST_LOG`. A filter is more exact, and
/// nothing but the deployment sets it. `LOG_LEVEL`, which other runtimes read, comes last. Lambda drops what is less severe than its own level
/// whatever the program writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LogLevel(LevelFilter);

impl Default for LogLevel {
    fn default() -> Self {
        Self(LevelFilter::INFO)
    }
}

impl FromStr for LogLevel {
    type Err = InvalidLogFilter;

    fn from_str(text: &str) -> Result<Self, InvalidLogFilter> {
        Ok(Self(match text.to_ascii_lowercase().as_str() {
            "trace" => LevelFilter::TRACE,
            "debug" => LevelFilter::DEBUG,
            "info" => LevelFilter::INFO,
            "warn" | "warning" => LevelFilter::WARN,
            // Nothing in Rust is more severe than an error.
            "error" | "fatal" | "critical" => LevelFilter::ERROR,
            "off" => LevelFilter::OFF,
            _ => return Err(InvalidLogFilter),
        }))
    }
}

/// Which log lines are written: a level, or levels by module, as in `info,rmcp=warn`.
///
/// Spans and fields, which `EnvFilter` of tracing-subscriber knows as well, are not supported: they need a regular
/// expression engine, which would add to the size and the cold start of every deployment.
///
/// Below `warn`, rmcp logs whole messages, and with them any secret that a client sends to a tool. Its lines are therefore
/// written from `warn` on, unless the filter names `rmcp`.
#[derive(Clone, PartialEq)]
pub struct LogFilter {
    text: String,
    targets: Targets,
}

/// The text is not a [`LogFilter`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a filter such as info,rmcp=warn")]
pub struct InvalidLogFilter;

const RMCP: &str = "rmcp";

impl LogFilter {
    /// The text of the filter.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The filter of a program that sets none.
    pub(super) fn of_level(level: LogLevel) -> Self {
        let rmcp = level.0.min(LevelFilter::WARN);
        let targets = Targets::new().with_default(level.0).with_target(RMCP, rmcp);
        Self { text: format!("{},{RMCP}={rmcp}", level.0), targets }
    }

    /// Whether lines are written that are no warnings, of the server's own modules.
    #[doc(hidden)]
    #[must_use]
    pub fn shows_info(&self) -> bool {
        self.targets.would_enable("mcp_lambda_core", &tracing::Level::INFO)
    }

    pub(crate) fn targets(&self) -> &Targets {
        &self.targets
    }
}

impl Default for LogFilter {
    /// `info,rmcp=warn`
    fn default() -> Self {
        Self::of_level(LogLevel::default())
    }
}

impl FromStr for LogFilter {
    type Err = InvalidLogFilter;

    fn from_str(text: &str) -> Result<Self, InvalidLogFilter> {
        // `Targets` takes a blank as part of the name of a module, so that ` rmcp=warn` would match nothing.
        let directives: Vec<_> = text.split(',').map(str::trim).collect();
        let targets: Targets = directives.join(",").parse().map_err(|_| InvalidLogFilter)?;
        let names_rmcp = directives.iter().any(|directive| directive.starts_with(RMCP));
        let targets = if names_rmcp { targets } else { targets.with_target(RMCP, LevelFilter::WARN) };
        Ok(Self { text: text.to_owned(), targets })
    }
}

impl fmt::Display for LogFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for LogFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LogFilter").field(&self.text).finish()
    }
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn messages_of_rmcp_are_logged_only_if_the_filter_names_it() {
        let writes = |text: &str| {
            let filter: LogFilter = text.parse().expect("a filter");
            (
                filter.targets().would_enable("rmcp::service", &Level::DEBUG),
                filter.targets().would_enable("rmcp::service", &Level::WARN),
                filter.targets().would_enable("mcp_lambda_core", &Level::DEBUG),
            )
        };
        assert_eq!(writes("debug"), (false, true, true));
        assert_eq!(writes("info, rmcp=debug"), (true, true, false));
        assert_eq!(writes("debug, rmcp=warn"), (false, true, true));
        assert_eq!(writes("off"), (false, true, false));
    }

    #[test]
    fn the_default_is_what_its_text_says() {
        let default = LogFilter::default();
        assert_eq!(default.as_str().parse(), Ok(default));
    }
}
