//! What can go wrong outside a request: configuration, binding, stores.
//!
//! Inside a request the client sees a [`Fault`](crate::protocol::Fault); the cause goes to the log. Two texts, two
//! readers: a client must learn what to mend and nothing about our machinery, an operator must learn the cause.

use std::{fmt, net::SocketAddr};

/// Why a server could not start or had to stop.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A configuration value is missing or wrong. The text names the variable, what was found and what was expected.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The address to listen on could not be bound.
    #[error("cannot listen on {address}: choose another address with MCP_LISTEN")]
    Bind {
        /// What `MCP_LISTEN` named.
        address: SocketAddr,
        /// Why the operating system refused.
        #[source]
        source: std::io::Error,
    },
    /// The Lambda Runtime API could not be served any longer.
    #[error("the Lambda Runtime API failed")]
    Lambda(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The tokio runtime could not be built.
    #[error("cannot start the asynchronous runtime")]
    Runtime(#[source] std::io::Error),
}

/// A configuration value that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable} is {found:?}: expected {expected}")]
pub struct ConfigError {
    /// The environment variable, or the setter, that carried the value.
    pub variable: &'static str,
    /// What it said.
    pub found: String,
    /// What it may say.
    pub expected: String,
}

/// An error with what caused it, on one line. The log's JSON shows an error without its causes.
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

/// A store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Somebody else wrote first: read again and retry.
    #[error("another writer was first")]
    Conflict,
    /// The item to change is not there, or has expired.
    #[error("the item does not exist or has expired")]
    NotFound,
    /// The value is larger than the store takes.
    #[error("the value has {size} bytes, the store takes {limit}")]
    TooLarge {
        /// Bytes that were to be written.
        size: usize,
        /// Bytes that fit.
        limit: usize,
    },
    /// A stored item cannot be read back.
    #[error("a stored item cannot be read: {0}")]
    Corrupt(String),
    /// The store did not answer, or refused. Trying again may help.
    #[error("the store is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl StoreError {
    /// Whether the same call may succeed later without anything else changing.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Conflict | Self::Unavailable(_))
    }
}

/// The text of a panic, for the log.
#[doc(hidden)]
#[must_use]
pub fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(no text)")
}
