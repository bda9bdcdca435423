//! Why a command failed, and its exit code.

use std::process::ExitCode;

use rmcp::{
    model::ErrorData,
    service::{ClientInitializeError, ServiceError},
};

use crate::Error;

const INTERRUPTED: &str = "cancelled";

/// Why a command failed.
#[derive(Debug)]
pub(super) struct Failure {
    code: u8,
    text: String,
}

impl Failure {
    /// The exit code of a wrong command line: `EX_USAGE` of sysexits.h.
    pub(super) const USAGE: u8 = 64;
    const REFUSED: u8 = 1;
    const UNREACHABLE: u8 = 2;

    /// The server has answered with an error, or the command came to nothing on this machine.
    pub(super) fn refused(text: impl Into<String>) -> Self {
        Self { code: Self::REFUSED, text: text.into() }
    }

    /// The server has not answered.
    pub(super) fn unreachable(text: impl Into<String>) -> Self {
        Self { code: Self::UNREACHABLE, text: text.into() }
    }

    /// The command line asks for something that cannot be done.
    pub(super) fn usage(text: impl Into<String>) -> Self {
        Self { code: Self::USAGE, text: text.into() }
    }

    /// The result of a tool that reports an error: it is printed, and there is nothing to add.
    pub(super) fn tool_error() -> Self {
        Self::refused("")
    }

    pub(super) fn print(&self) {
        if !self.text.is_empty() {
            eprintln!("mcp-lambda: {}", self.text);
        }
    }

    /// The person has given the request up.
    pub(super) fn interrupted() -> Self {
        Self::refused(INTERRUPTED)
    }

    pub(super) fn is_interrupted(&self) -> bool {
        self.text == INTERRUPTED
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The same failure, when its text has been shown.
    pub(super) fn shown(self) -> Self {
        Self { text: String::new(), ..self }
    }

    pub(super) fn exit_code(&self) -> ExitCode {
        self.code.into()
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Argument { .. } => Self::usage(error.to_string()),
            _ => Self::unreachable(error.to_string()),
        }
    }
}

impl From<ErrorData> for Failure {
    fn from(error: ErrorData) -> Self {
        let data = error.data.as_ref();
        let own = data.filter(|data| data["client"] == "mcp-lambda").and_then(|data| data["reason"].as_str());
        match own {
            Some("function" | "too-many" | "too-large") => Self::refused(error.message),
            Some(_) => Self::unreachable(error.message),
            None => {
                let data = data.map(|data| format!(" {data}")).unwrap_or_default();
                Self::refused(format!("{} (JSON-RPC error {}){data}", error.message, error.code.0))
            }
        }
    }
}

impl From<ServiceError> for Failure {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::McpError(error) => error.into(),
            ServiceError::TransportSend(_) | ServiceError::TransportClosed => {
                Self::unreachable(error.to_string())
            }
            other => Self::refused(crate::error::chain(&other)),
        }
    }
}

impl From<ClientInitializeError> for Failure {
    fn from(error: ClientInitializeError) -> Self {
        match error {
            ClientInitializeError::JsonRpcError(error) => error.into(),
            ClientInitializeError::LegacyFallbackFailed { fallback, .. } => (*fallback).into(),
            ClientInitializeError::ConnectionClosed(_) | ClientInitializeError::TransportError { .. } => {
                Self::unreachable(error.to_string())
            }
            other => Self::refused(crate::error::chain(&other)),
        }
    }
}
