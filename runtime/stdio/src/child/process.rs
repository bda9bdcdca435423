//! The process of a child, in a process group of its own.

use std::{
    fmt, io,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};

use crate::{command::ChildCommand, time::within};

/// The process of a child. Dropping it kills the whole group.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    group: Group,
}

/// The standard streams of a child.
#[derive(Debug)]
pub(crate) struct Pipes {
    pub(crate) stdin: ChildStdin,
    pub(crate) stdout: ChildStdout,
    pub(crate) stderr: ChildStderr,
}

/// Why a command cannot be started. Another try would fail in the same way.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SpawnError {
    #[error("{program:?} was not found: {searched}")]
    NotFound { program: String, searched: String },
    #[error("{program:?} may not be executed: it is no program, or lacks the permission (chmod +x)")]
    NotExecutable { program: String },
    #[error("the working directory {directory:?} does not exist or cannot be entered")]
    Directory { directory: String },
    #[error("{program:?} cannot be started: {source}")]
    Other { program: String, source: io::Error },
}

impl SpawnError {
    /// Whether the command is wrong, and not the moment.
    pub(crate) fn is_final(&self) -> bool {
        !matches!(self, Self::Other { .. })
    }

    fn of(command: &ChildCommand, source: io::Error) -> Self {
        let program = command.program.to_string_lossy().into_owned();
        if let Some(directory) = command.cwd.as_ref().filter(|directory| !directory.is_dir()) {
            return Self::Directory { directory: directory.display().to_string() };
        }
        match source.kind() {
            io::ErrorKind::NotFound => Self::NotFound { searched: command.searched(), program },
            io::ErrorKind::PermissionDenied => Self::NotExecutable { program },
            _ if is_no_program(&source) => Self::NotExecutable { program },
            _ => Self::Other { program, source },
        }
    }
}

/// Whether a file has the permission, and no format that the system executes.
#[cfg(unix)]
fn is_no_program(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::NOEXEC.raw_os_error())
}

#[cfg(not(unix))]
fn is_no_program(_: &io::Error) -> bool {
    false
}

impl Process {
    /// Starts a command.
    pub(crate) fn spawn(command: &ChildCommand) -> Result<(Self, Pipes), SpawnError> {
        let mut prepared = command.prepared();
        prepared.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        own_group(&mut prepared);
        let mut child = prepared.spawn().map_err(|source| SpawnError::of(command, source))?;
        let group = Group(child.id());
        match (child.stdin.take(), child.stdout.take(), child.stderr.take()) {
            (Some(stdin), Some(stdout), Some(stderr)) => {
                Ok((Self { child, group }, Pipes { stdin, stdout, stderr }))
            }
            _ => Err(SpawnError::of(command, io::ErrorKind::BrokenPipe.into())),
        }
    }

    /// The id of the process.
    pub(crate) fn id(&self) -> Option<u32> {
        self.group.0
    }

    /// Waits until the process has ended, and ends what is left of its group.
    pub(crate) async fn ended(&mut self) -> Exit {
        let status = self.child.wait().await;
        self.group.signal(Signal::Kill);
        Exit(status.ok())
    }

    /// Ends a process, once its standard input is closed: waits for it, then asks it, then kills it.
    pub(crate) async fn stop(&mut self, grace: Duration) -> Exit {
        for signal in [Signal::Terminate, Signal::Kill] {
            if let Some(exit) = within(grace, self.ended()).await {
                return exit;
            }
            self.group.signal(signal);
        }
        self.ended().await
    }
}

/// How a process has ended. `None`: the system does not say.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exit(Option<ExitStatus>);

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(status) => status.fmt(f),
            None => f.write_str("exit status unknown"),
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Signal {
    Terminate,
    Kill,
}

#[cfg(unix)]
impl From<Signal> for rustix::process::Signal {
    fn from(signal: Signal) -> Self {
        match signal {
            Signal::Terminate => Self::TERM,
            Signal::Kill => Self::KILL,
        }
    }
}

/// The processes that a child has started, and itself.
#[derive(Debug)]
struct Group(Option<u32>);

#[cfg(unix)]
fn own_group(command: &mut Command) {
    command.process_group(0);
}

#[cfg(not(unix))]
fn own_group(_: &mut Command) {}

impl Group {
    fn signal(&self, signal: Signal) {
        if let Some(id) = self.0 {
            signal_group(id, signal);
        }
    }
}

/// Signals all processes of a group. An error says that the group is empty. Where there are no groups, the child alone is killed, when
/// it is dropped.
pub(super) fn signal_group(id: u32, signal: Signal) {
    #[cfg(unix)]
    if let Some(id) = pid(id) {
        let _ = rustix::process::kill_process_group(id, signal.into());
    }
    #[cfg(not(unix))]
    let _ = (id, signal);
}

/// Signals a process. An error says that it has ended.
pub(super) fn signal_process(id: u32, signal: Signal) {
    #[cfg(unix)]
    if let Some(id) = pid(id) {
        let _ = rustix::process::kill_process(id, signal.into());
    }
    #[cfg(not(unix))]
    let _ = (id, signal);
}

#[cfg(unix)]
fn pid(id: u32) -> Option<rustix::process::Pid> {
    i32::try_from(id).ok().and_then(rustix::process::Pid::from_raw)
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::Kill);
    }
}
