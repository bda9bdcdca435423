//! Errors outside requests: of the configuration, of the host, of the stores.
//!
//! Inside a request, the client gets a [`Fault`](crate::protocol::Fault) and the log gets the cause. The two texts differ:
//! a client learns what to change in its request and nothing about the server, an operator learns the cause.

use std::{any::Any, fmt, net::SocketAddr};

/// Why a server could not start or had to stop. Its `Debug` form is the text with its causes: it is what Rust prints when `main`
/// returns the error.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A configuration value is missing or invalid. The text names the variable, what was found and what was expected.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The server could not listen on its address.
    #[error("cannot listen on {address}: {}", bind_advice(source))]
    Bind {
        /// The address, from `MCP_LISTEN` or [`Config::listen`](crate::config::Config::listen).
        address: SocketAddr,
        /// The error of the operating system.
        #[source]
        source: std::io::Error,
    },
    /// The Lambda Runtime API failed, so the server cannot receive further invocations.
    #[error("the Lambda Runtime API failed")]
    Lambda(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The tools of the server could not be listed, for the tool schema of an AgentCore Gateway.
    #[error("the tools cannot be listed: {0}")]
    Schema(String),
    /// Standard output could not be written to.
    #[error("standard output cannot be written to")]
    Output(#[source] std::io::Error),
    /// The tokio runtime could not be built.
    #[error("cannot start the asynchronous runtime")]
    Runtime(#[source] std::io::Error),
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Causes(self))
    }
}

/// The usual reason why an address cannot be used, and what to do.
fn bind_advice(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            "another program uses this port; end it, or choose another port, as in PORT=9001 (or MCP_LISTEN=127.0.0.1:9001)"
        }
        std::io::ErrorKind::PermissionDenied => {
            "this user may not use this port; choose one above 1023, as in PORT=9001 (or MCP_LISTEN=127.0.0.1:9001)"
        }
        std::io::ErrorKind::AddrNotAvailable => {
            "this machine has no such address; choose another one with MCP_LISTEN"
        }
        _ => "choose another address with MCP_LISTEN",
    }
}

/// A configuration value that is missing or invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    variable: &'static str,
    found: String,
    expected: String,
    place: Place,
}

/// Where an invalid value is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// In the environment variable.
    Variable,
    /// In a file, under a name.
    Setting(String),
    /// The file itself is invalid.
    #[cfg(feature = "config-files")]
    File,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { variable, found, expected, place } = self;
        match place {
            Place::Variable => write!(f, "{variable} is {found:?}: expected {expected}"),
            Place::Setting(place) => write!(f, "{place} ({variable}) is {found:?}: expected {expected}"),
            #[cfg(feature = "config-files")]
            Place::File => write!(f, "{found}: {expected}"),
        }
    }
}

impl ConfigError {
    /// An error about `variable`, which has the value `found` (empty if it is not set) instead of what is `expected`.
    ///
    /// The value appears in logs: a secret must not be passed as `found`.
    pub fn new(variable: &'static str, found: impl Into<String>, expected: impl Into<String>) -> Self {
        Self { variable, found: found.into(), expected: expected.into(), place: Place::Variable }
    }

    /// An error about a file with settings.
    #[cfg(feature = "config-files")]
    pub(crate) fn of_file(file: &str, problem: &str) -> Self {
        let (found, expected) = (file.to_owned(), problem.to_owned());
        Self { variable: "MCP_CONFIG_FILE", found, expected, place: Place::File }
    }

    /// The same error of a value that a file has set.
    pub(crate) fn at(self, place: String) -> Self {
        Self { place: Place::Setting(place), ..self }
    }

    /// The environment variable.
    #[must_use]
    pub fn variable(&self) -> &'static str {
        self.variable
    }

    /// The value of the variable, or a description of it if the value is a secret. Empty if the variable is not set.
    #[must_use]
    pub fn found(&self) -> &str {
        &self.found
    }

    /// A description of the values that the variable takes.
    #[must_use]
    pub fn expected(&self) -> &str {
        &self.expected
    }
}

/// Displays an error and its causes on one line. The JSON log shows an error without its causes.
#[doc(hidden)]
#[derive(Debug)]
pub struct Causes<'a>(pub &'a dyn std::error::Error);

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let causes = std::iter::successors(self.0.source(), |error| error.source());
        causes.into_iter().try_for_each(|cause| write!(f, ": {cause}"))
    }
}

/// The message of a panic that was caught, for the log.
#[doc(hidden)]
#[must_use]
pub fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(no text)")
}

/// Why an operation of a store failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another writer changed the item first: read it again and retry.
    #[error("another writer was first")]
    Conflict,
    /// The item does not exist or has expired.
    #[error("the item does not exist or has expired")]
    NotFound,
    /// The value is larger than the store accepts.
    #[error("the value has {size} bytes, the store takes {limit}")]
    TooLarge {
        /// The size of the value, in bytes.
        size: usize,
        /// The largest size that the store accepts, in bytes.
        limit: usize,
    },
    /// There are as many items as there may be.
    #[error("{what} are limited to {limit}")]
    Full {
        /// The items.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// A stored item has a form that this version of the server cannot read.
    #[error("a stored item cannot be read: {0}")]
    Corrupt(String),
    /// The store did not respond, or is overloaded. A retry may succeed.
    #[error("the store is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The store refuses the request: a permission or a table is missing, or the configuration is wrong. A retry fails
    /// again.
    #[error("the store refuses the request")]
    Refused(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl StoreError {
    /// Whether the same operation may succeed later without any other change.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Conflict | Self::Unavailable(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_panic_is_that_of_its_message() {
        let caught = |panicking: fn()| std::panic::catch_unwind(panicking).expect_err("a panic");
        assert_eq!(panic_text(&*caught(|| panic!("literal"))), "literal");
        assert_eq!(panic_text(&*caught(|| panic!("with {}", 1))), "with 1");
        assert_eq!(panic_text(&*caught(|| std::panic::panic_any(1))), "(no text)");
    }
}
