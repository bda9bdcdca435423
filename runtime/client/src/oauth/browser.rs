//! What opens the page of the authorization server.

use std::process::{Command, Stdio};

use crate::Error;

/// What opens the page on which a person signs in. Its URL is also written to stderr, for a browser on another machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Browser {
    /// The browser of the system: `open` on macOS, `cmd /c start` on Windows, `xdg-open` elsewhere.
    #[default]
    System,
    /// A program with its arguments, separated by spaces. The URL is its last argument.
    Command(String),
    /// None: the URL is written, and nothing is opened.
    None,
}

impl Browser {
    pub(super) fn open(&self, url: &str) -> Result<(), Error> {
        eprintln!("Sign in: {url}");
        let mut words = match self {
            Self::None => return Ok(()),
            Self::Command(command) => command.split_whitespace(),
            Self::System if cfg!(target_os = "macos") => "open".split_whitespace(),
            Self::System if cfg!(windows) => "cmd /c start".split_whitespace(),
            Self::System => "xdg-open".split_whitespace(),
        };
        let Some(program) = words.next() else { return Ok(()) };
        let mut command = Command::new(program);
        // The proxy's stdin and stdout carry MCP.
        command.args(words).arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        match (command.spawn(), self) {
            (Err(error), Self::Command(_)) => {
                Err(Error::Authorization(format!("the browser {program:?} cannot be started: {error}")))
            }
            // There is none on a server: the person opens the URL elsewhere.
            (Err(error), _) => {
                tracing::debug!(%error, "the browser cannot be started");
                Ok(())
            }
            (Ok(_), _) => Ok(()),
        }
    }
}
