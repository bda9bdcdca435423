//! The standard output and the standard error of a child, each in a task of its own.

use std::{future::poll_fn, sync::Arc, task::Poll};

use tokio::{
    process::{ChildStderr, ChildStdout},
    task::JoinHandle,
};

use super::{
    ChildParts, Failed, Link,
    lines::{Line, LineReader, LongLine},
    message,
    stderr::{self, LastLines, LineRate},
};

/// How much of a line without a meaning the log shows, in characters.
const SHOWN: usize = 200;

/// The tasks that read what a child writes.
#[derive(Debug)]
pub(super) struct Output {
    stdout: JoinHandle<()>,
    stderr: JoinHandle<()>,
}

impl Output {
    pub(super) fn start(
        parts: &ChildParts,
        stdout: ChildStdout,
        stderr: ChildStderr,
        link: &Arc<Link>,
        last_lines: &LastLines,
    ) -> Self {
        let name = &parts.settings.name;
        let reading = read(stdout, Arc::clone(link), Arc::clone(name), parts.settings.max_line);
        let logging = stderr::log(stderr, Arc::clone(name), last_lines.clone());
        Self { stdout: parts.tracker.spawn(reading), stderr: parts.tracker.spawn(logging) }
    }

    /// Waits until the child has closed its standard output.
    pub(super) async fn ended(&mut self) {
        ended(&mut self.stdout).await;
    }

    /// Waits until all that the child has written is read.
    pub(super) async fn all_ended(&mut self) {
        ended(&mut self.stdout).await;
        ended(&mut self.stderr).await;
    }
}

/// Waits for a task. It may be asked again after its end.
async fn ended(task: &mut JoinHandle<()>) {
    poll_fn(|context| {
        if task.is_finished() {
            return Poll::Ready(());
        }
        std::pin::Pin::new(&mut *task).poll(context).map(|_| ())
    })
    .await;
}

/// Reads messages to the end of the output.
async fn read(stdout: ChildStdout, link: Arc<Link>, server: Arc<str>, limit: usize) {
    let mut lines = LineReader::new(stdout, limit);
    let mut rate = LineRate::new();
    loop {
        match lines.next().await {
            Ok(Some(Line::Whole(line))) => match message::read(&line) {
                Some(messages) => messages.into_iter().for_each(|message| link.receive(message)),
                None => noise(&line, &server, &mut rate),
            },
            Ok(Some(Line::TooLong(line))) => too_long(&line, limit, &link, &server),
            Ok(None) | Err(_) => return,
        }
    }
}

/// Many servers print a greeting where only messages belong.
fn noise(line: &[u8], server: &str, rate: &mut LineRate) {
    let text = String::from_utf8_lossy(line);
    let text = text.trim();
    if text.is_empty() {
        return;
    }
    if rate.takes().is_some() {
        let shown: String = text.chars().take(SHOWN).collect();
        tracing::warn!(server, stdout = shown, "a line that is no JSON-RPC message was skipped");
    }
}

/// Its call fails by name, where the id of the response is found.
fn too_long(line: &LongLine, limit: usize, link: &Link, server: &str) {
    let id = message::id_in_part(&line.start).or_else(|| message::id_in_part(&line.end));
    tracing::error!(server, size = line.size, limit, id, "a line of the server is too long");
    if let Some(id) = id {
        link.finish(id, Err(Failed::TooLong { size: line.size, limit }));
    }
}
