//! The operating system's side of an environment: a process, its signals, its output.

use std::{
    collections::VecDeque,
    fs::OpenOptions,
    future::{Future, poll_fn},
    io::{self, Write},
    net::SocketAddr,
    os::unix::process::ExitStatusExt,
    path::PathBuf,
    pin::pin,
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader},
    process::{Child, Command},
};
use tokio_util::sync::CancellationToken;

use crate::{environment::EnvironmentId, function::Function, lock, tasks::Tasks};

/// The number of lines that are kept of one environment; older ones are dropped.
const LINES_KEPT: usize = 10_000;
/// A longer line is cut in pieces, as CloudWatch does at 256 KB.
const LINE_LIMIT: u64 = 256 * 1024;

/// A running process, killed when dropped.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    /// Locked to signal and to reap, so that no signal can reach a process that inherited the number.
    child: Mutex<Child>,
    gone: CancellationToken,
}

impl Process {
    /// Starts `function` with nothing but Lambda's environment.
    ///
    /// The process leads its own group. If the emulator itself is killed, the kernel hangs up such a group when it is
    /// stopped, and one that runs loses its Runtime API, so it does not stay behind; except in the instant between a
    /// SIGSTOP and its effect on every thread. (`PR_SET_PDEATHSIG` would close that gap, and cannot be set without
    /// `unsafe`.)
    pub(crate) fn spawn(function: &Function, runtime_api: SocketAddr) -> io::Result<(Self, Output)> {
        let mut child = Command::new(&function.binary)
            .current_dir(function.task_root())
            .env_clear()
            .envs(function.environment(runtime_api))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let pid = child.id().ok_or_else(|| io::Error::other("the process ended at once"))?;
        let output = Output { stdout: child.stdout.take(), stderr: child.stderr.take() };
        Ok((Process { pid, child: Mutex::new(child), gone: CancellationToken::new() }, output))
    }

    /// Sends a signal, unless the process has been reaped.
    pub(crate) fn signal(&self, signal: Signal) {
        let child = lock(&self.child);
        let Some(pid) = child.id().and_then(|pid| i32::try_from(pid).ok()) else { return };
        // The one error left is a process that has ended and waits to be reaped, which `reap` reports.
        let _ = kill(Pid::from_raw(pid), signal);
    }

    /// Waits for the end and takes note of it: `exit status 1` or `signal: killed`, in the words of Lambda. For one
    /// caller; the others wait for [`Process::gone`].
    pub(crate) async fn reap(&self) -> String {
        let ended = poll_fn(|cx| pin!(lock(&self.child).wait()).poll(cx)).await;
        self.gone.cancel();
        match ended {
            Ok(status) => describe(status),
            Err(error) => error.to_string(),
        }
    }

    /// Waits until the process has been reaped.
    pub(crate) async fn gone(&self) {
        self.gone.cancelled().await;
    }
}

fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal().and_then(|signal| Signal::try_from(signal).ok())) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(Signal::SIGKILL)) => "signal: killed".to_owned(),
        (None, Some(signal)) => format!("signal: {signal}"),
        (None, None) => status.to_string(),
    }
}

/// Lines that a process has printed and that were not read yet.
pub(crate) struct Output {
    stdout: Option<tokio::process::ChildStdout>,
    stderr: Option<tokio::process::ChildStderr>,
}

/// The lines an environment printed, oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Logs(Arc<Mutex<VecDeque<String>>>);

impl Logs {
    /// Collects what `output` brings until the process closes it.
    pub(crate) fn follow(&self, id: EnvironmentId, output: Output, function: &Function, tasks: &Tasks) {
        let also = Also { echo: function.echo, file: function.log_file.clone() };
        if let Some(stdout) = output.stdout {
            tasks.spawn(self.clone().read(id, stdout, also.clone()));
        }
        if let Some(stderr) = output.stderr {
            tasks.spawn(self.clone().read(id, stderr, also));
        }
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        lock(&self.0).iter().cloned().collect()
    }

    async fn read(self, id: EnvironmentId, pipe: impl AsyncRead + Unpin, also: Also) {
        let mut reader = BufReader::new(pipe);
        let mut line = Vec::new();
        // A pipe that fails means that the process has ended.
        while matches!((&mut reader).take(LINE_LIMIT).read_until(b'\n', &mut line).await, Ok(1..)) {
            let text = String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned();
            line.clear();
            also.write(id, &text);
            let mut lines = lock(&self.0);
            if lines.len() == LINES_KEPT {
                lines.pop_front();
            }
            lines.push_back(text);
        }
    }
}

/// Where log lines are copied to.
#[derive(Clone)]
struct Also {
    echo: bool,
    file: Option<PathBuf>,
}

impl Also {
    fn write(&self, id: EnvironmentId, text: &str) {
        if self.echo {
            eprintln!("[{id}] {text}");
        }
        // Many tests add to one file, each line in one write.
        let Some(path) = &self.file else { return };
        let written = OpenOptions::new().create(true).append(true).open(path);
        if let Err(error) = written.and_then(|mut file| file.write_all(format!("[{id}] {text}\n").as_bytes()))
        {
            eprintln!("{}: {error}", path.display());
        }
    }
}
