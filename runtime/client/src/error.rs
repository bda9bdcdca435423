//! What can go wrong between this client and a server.

use std::time::Duration;

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// The reason why a message could not be sent, or its response not be received.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An argument cannot be used.
    #[error("{name}: {found:?} is not {expected}")]
    Argument {
        /// The name of the argument.
        name: &'static str,
        /// Its value.
        found: String,
        /// The form that was expected.
        expected: &'static str,
    },
    /// The server could not be reached, so that it has not seen the request.
    #[error("cannot reach {address}: {}", chain(.source.as_ref()))]
    Unreachable {
        /// The address of the server.
        address: String,
        /// What the network reports.
        source: Cause,
    },
    /// The connection broke, or the response did not come in time. The server may have seen the request.
    #[error("the connection to {address} broke: {}", chain(.source.as_ref()))]
    Broken {
        /// The address of the server.
        address: String,
        /// What the network reports.
        source: Cause,
    },
    /// The response did not begin in time.
    #[error("{address} did not respond within {} s", .limit.as_secs())]
    TimedOut {
        /// The address of the server.
        address: String,
        /// The time limit.
        limit: Duration,
    },
    /// There are no AWS credentials, or they cannot be loaded.
    #[error("no AWS credentials: {}. Sign in (for example `aws sso login`), set AWS_PROFILE, or name a profile with --profile", chain(.0.as_ref()))]
    Credentials(Cause),
    /// The request cannot be signed.
    #[error("the request cannot be signed: {}", chain(.0.as_ref()))]
    Signature(Cause),
    /// The caller could not be authorized with OAuth.
    #[error("authorization failed: {0}")]
    Authorization(String),
    /// The Invoke API refused the invocation.
    #[error("Lambda refused to invoke {function}: HTTP {status} {code}: {message}")]
    Invoke {
        /// The function.
        function: String,
        /// The status of the response.
        status: u16,
        /// Lambda's name of the error, such as `ResourceNotFoundException`.
        code: String,
        /// Lambda's text.
        message: String,
    },
    /// The function ended with an error of its own.
    #[error("the function {function} failed ({kind}): {message}")]
    Function {
        /// The function.
        function: String,
        /// Lambda's name of the error, such as `Sandbox.Timedout`.
        kind: String,
        /// The text of the error.
        message: String,
    },
    /// The response is not what the protocol expects.
    #[error("{0}")]
    Protocol(String),
    /// A message is larger than this client accepts.
    #[error("{what} is larger than {limit} bytes, the limit of this client")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// The limit in bytes.
        limit: usize,
    },
}

impl Error {
    /// Whether the server cannot have seen the request, so that sending it again repeats nothing.
    #[must_use]
    pub fn is_before_the_server(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
    }

    /// Whether another try may go better: the network failed, and nothing else.
    #[must_use]
    pub fn is_of_the_network(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Broken { .. } | Self::TimedOut { .. })
    }

    /// The error of an authorization that failed.
    pub(crate) fn of_oauth(error: &(dyn std::error::Error + 'static)) -> Self {
        Self::Authorization(chain(error))
    }

    /// The word for the error in the `data` of JSON-RPC errors that this client makes.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Argument { .. } => "argument",
            Self::Unreachable { .. } | Self::Broken { .. } | Self::TimedOut { .. } => "unreachable",
            Self::Credentials(_) | Self::Signature(_) => "credentials",
            Self::Authorization(_) => "authorization",
            Self::Invoke { .. } => "invoke",
            Self::Function { .. } => "function",
            Self::Protocol(_) => "protocol",
            Self::TooLarge { .. } => "too-large",
        }
    }
}

/// The texts of an error and of its causes, without those that repeat what came before.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}
