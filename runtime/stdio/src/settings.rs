//! How children are started, shared and limited.

use std::{fmt, str::FromStr, sync::Arc, time::Duration};

use crate::command::ChildCommand;

/// Which calls share a child.
///
/// A server of the stdio transport was written for one client. What it keeps in its memory, a child that is shared gives to every
/// caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ChildPer {
    /// All calls: for servers that keep nothing of their callers. The default.
    #[default]
    Server,
    /// The calls of a session. A call without a session, such as each of 2026-07-28, has a child of its own.
    Session,
    /// The calls of a principal. A call of an anonymous caller has a child of its own.
    Principal,
    /// None: each call has a child of its own, which ends with it.
    Invocation,
}

impl ChildPer {
    /// The names, as [`FromStr`] reads them.
    pub const NAMES: [&'static str; 4] = ["server", "session", "principal", "invocation"];
}

/// A text is none of [`ChildPer::NAMES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected server, session, principal or invocation")]
pub struct UnknownChildPer;

impl FromStr for ChildPer {
    type Err = UnknownChildPer;

    fn from_str(text: &str) -> Result<Self, UnknownChildPer> {
        match text {
            "server" => Ok(Self::Server),
            "session" => Ok(Self::Session),
            "principal" => Ok(Self::Principal),
            "invocation" => Ok(Self::Invocation),
            _ => Err(UnknownChildPer),
        }
    }
}

impl fmt::Display for ChildPer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Server => "server",
            Self::Session => "session",
            Self::Principal => "principal",
            Self::Invocation => "invocation",
        })
    }
}

/// When the child of [`ChildPer::Server`] is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Start {
    /// When the server is built, which is waited for up to 8 seconds: the first call finds it ready, and the server declares just what
    /// the child can do. On Lambda that is the init phase of an environment. The default.
    #[default]
    AtInit,
    /// With the first call. Until then the server declares all that a child may be able to do.
    FirstUse,
}

/// All of it.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// The name of the server in the log and in errors.
    pub(crate) name: Arc<str>,
    pub(crate) command: ChildCommand,
    pub(crate) start: Start,
    pub(crate) child_per: ChildPer,
    pub(crate) max_children: usize,
    pub(crate) max_processes: usize,
    pub(crate) idle: Duration,
    pub(crate) start_timeout: Duration,
    pub(crate) call_timeout: Option<Duration>,
    pub(crate) stop_timeout: Duration,
    pub(crate) max_line: usize,
    pub(crate) max_pending: usize,
    pub(crate) max_suspended: usize,
    pub(crate) suspend_timeout: Duration,
    pub(crate) repeat_calls: bool,
    pub(crate) pass_identity: bool,
    pub(crate) pass_roots: bool,
    pub(crate) show_stderr: bool,
}

impl Settings {
    pub(crate) fn new(command: ChildCommand) -> Self {
        let program = std::path::Path::new(&command.program);
        let name = program.file_stem().unwrap_or(&command.program).to_string_lossy();
        Self {
            name: name.into(),
            command,
            start: Start::default(),
            child_per: ChildPer::default(),
            max_children: 16,
            max_processes: 256,
            idle: Duration::from_secs(15 * 60),
            start_timeout: Duration::from_secs(30),
            call_timeout: None,
            stop_timeout: Duration::from_secs(2),
            max_line: 16 * 1024 * 1024,
            max_pending: 256,
            max_suspended: 32,
            suspend_timeout: Duration::from_secs(5 * 60),
            repeat_calls: false,
            pass_identity: false,
            pass_roots: false,
            show_stderr: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_read_from_the_name_that_it_shows() {
        for name in ChildPer::NAMES {
            assert_eq!(name.parse::<ChildPer>().map(|choice| choice.to_string()).as_deref(), Ok(name));
        }
        assert_eq!("Session".parse::<ChildPer>(), Err(UnknownChildPer));
    }
}
