//! Where log lines go: a writer that never blocks the thread that logs.
//!
//! A pipe that its reader leaves alone is full after 64 KiB on Linux, and the next write to it waits for ever: with it a
//! thread of the runtime, and then the whole process, SIGTERM included. So a line is written at once only if the pipe has
//! room for it. Otherwise it is queued, and a thread of its own writes the queue. A line that the queue has no room for is
//! dropped and counted, and a line says how many there were as soon as there is room again.

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, Write},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use tokio::sync::Notify;
use tracing_subscriber::fmt::MakeWriter;

/// The most bytes of lines that wait for a reader.
const QUEUE: usize = 256 * 1024;

/// What a pipe takes without blocking when it takes anything: <https://man7.org/linux/man-pages/man7/pipe.7.html> (read
/// 2026-11-27) has `PIPE_BUF`; other systems have at least the 512 bytes of POSIX.
const ATOMIC: usize = if cfg!(target_os = "linux") { 4096 } else { 512 };

/// The pause before another write to a file that another process has made non-blocking.
const RETRY: Duration = Duration::from_millis(5);

/// Writes the line that says how many lines were dropped.
pub(super) type Notice = fn(dropped: u64) -> Vec<u8>;

/// A writer of log lines to one file. Clones share it.
#[derive(Clone)]
pub(super) struct LogWriter(Arc<Output>);

struct Output {
    file: File,
    /// Whether the kernel says if the file takes a line now.
    is_telling: bool,
    notice: Notice,
    queue: Mutex<Queue>,
    filled: Condvar,
    drained: Notify,
}

#[derive(Default)]
struct Queue {
    lines: VecDeque<u8>,
    /// How many bytes the thread is writing.
    in_writing: usize,
    dropped: u64,
    has_thread: bool,
}

impl Queue {
    fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.in_writing == 0
    }
}

impl LogWriter {
    pub(super) fn new(file: File, notice: Notice) -> Self {
        let output = Output {
            is_telling: is_telling(&file),
            file,
            notice,
            queue: Mutex::default(),
            filled: Condvar::new(),
            drained: Notify::new(),
        };
        Self(Arc::new(output))
    }

    /// Waits until every line is written, or until the time is over.
    pub(super) async fn flush(&self, time: Duration) {
        let drained = async {
            loop {
                let next = self.0.drained.notified();
                if self.0.queue().is_empty() {
                    return;
                }
                next.await;
            }
        };
        let _ = tokio::time::timeout(time, drained).await;
    }

    /// Whether a write by another way than this one would block now, or when the lines that wait are written. `None`: another
    /// thread is logging, or this one is.
    pub(super) fn is_stuck(&self) -> Option<bool> {
        let queue = self.0.queue.try_lock().ok()?;
        Some(self.0.is_telling && (!queue.is_empty() || !self.0.takes_more()))
    }

    pub(super) fn log(&self, line: &[u8]) {
        let output = &self.0;
        let mut queue = output.queue();
        let mut rest = line;
        if output.is_telling && queue.is_empty() {
            if queue.dropped > 0 && output.takes_more() {
                let notice = (output.notice)(std::mem::take(&mut queue.dropped));
                let written = output.write_ready(&notice);
                queue.lines.extend(&notice[written..]);
            }
            if queue.is_empty() {
                rest = &line[output.write_ready(line)..];
            }
            if rest.is_empty() {
                return;
            }
        }
        // The rest of a line that has begun is kept, whatever its length: its memory is there already.
        let has_room = queue.lines.len() + queue.in_writing + rest.len() <= QUEUE;
        if has_room || rest.len() < line.len() {
            queue.lines.extend(rest);
        } else {
            queue.dropped += 1;
        }
        self.wake(&mut queue);
    }

    /// Lets the thread write the queue. It is started with the first line that waits.
    fn wake(&self, queue: &mut Queue) {
        if queue.has_thread {
            self.0.filled.notify_one();
            return;
        }
        let output = Arc::clone(&self.0);
        let started = thread::Builder::new().name("log".to_owned()).spawn(move || output.drain());
        // Without a thread the lines wait for the next one that is logged.
        queue.has_thread = started.is_ok();
    }
}

impl Output {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes as much as the pipe takes now, and returns how much that was.
    fn write_ready(&self, line: &[u8]) -> usize {
        let mut written = 0;
        while written < line.len() && self.takes_more() {
            let piece = &line[written..line.len().min(written + ATOMIC)];
            match (&self.file).write(piece) {
                Ok(0) => break,
                Ok(bytes) => written += bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Another process has made the file non-blocking.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                // No process will read it.
                Err(_) => return line.len(),
            }
        }
        written
    }

    #[cfg(unix)]
    fn takes_more(&self) -> bool {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};

        let mut file = [PollFd::new(&self.file, PollFlags::OUT)];
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut file, Some(&at_once)).is_ok_and(|ready| ready > 0)
    }

    #[cfg(not(unix))]
    fn takes_more(&self) -> bool {
        false
    }

    /// Writes the queue for ever. It may block here: nothing waits for this thread.
    fn drain(&self) {
        let mut lines = Vec::new();
        loop {
            let mut queue = self.queue();
            queue.in_writing = 0;
            while queue.lines.is_empty() && queue.dropped == 0 {
                self.drained.notify_waiters();
                queue = self.filled.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
            lines.clear();
            lines.extend(queue.lines.drain(..));
            if queue.dropped > 0 {
                lines.extend((self.notice)(std::mem::take(&mut queue.dropped)));
            }
            queue.in_writing = lines.len();
            drop(queue);
            self.write(&lines);
        }
    }

    /// Writes these lines, and may block. Of a file that cannot be written there is nothing to tell, and no place for it.
    fn write(&self, mut lines: &[u8]) {
        while !lines.is_empty() {
            match (&self.file).write(lines) {
                Ok(0) => return,
                Ok(written) => lines = &lines[written..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::park_timeout(RETRY),
                Err(_) => return,
            }
        }
    }
}

/// Pipes, files and `/dev/null` do tell. A terminal takes nothing while its user reads, and a socket may take less than a line.
#[cfg(unix)]
fn is_telling(file: &File) -> bool {
    use std::{io::IsTerminal, os::unix::fs::FileTypeExt};

    file.metadata().is_ok_and(|metadata| {
        let kind = metadata.file_type();
        kind.is_fifo() || kind.is_file() || (kind.is_char_device() && !file.is_terminal())
    })
}

#[cfg(not(unix))]
fn is_telling(_: &File) -> bool {
    false
}

/// One line of the log: tracing writes each in one piece.
pub(super) struct Line<'a>(&'a LogWriter);

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.log(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for LogWriter {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line(self)
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::{
        io::{BufRead, BufReader, PipeReader},
        os::fd::OwnedFd,
    };

    use super::*;

    fn notice(dropped: u64) -> Vec<u8> {
        format!("{dropped} dropped\n").into_bytes()
    }

    fn pipe() -> (PipeReader, LogWriter) {
        let (reader, writer) = io::pipe().expect("a pipe");
        (reader, LogWriter::new(File::from(OwnedFd::from(writer)), notice))
    }

    /// What a line says, and its length, so that many fill a queue.
    fn line(number: usize) -> String {
        format!("{number:06} {}\n", "x".repeat(992))
    }

    #[test]
    fn a_line_that_the_pipe_takes_is_written_at_once_and_without_a_thread() {
        let (reader, writer) = pipe();
        let mut lines = BufReader::new(reader).lines();
        for number in 0..200 {
            writer.log(line(number).as_bytes());
            let read = lines.next().expect("a line").expect("text");
            assert_eq!(read + "\n", line(number));
        }
        assert!(!writer.0.queue().has_thread);
    }

    #[test]
    fn a_line_for_no_reader_at_all_is_written_at_once_and_without_a_thread() {
        let writer = LogWriter::new(File::options().write(true).open("/dev/null").expect("a device"), notice);
        writer.log(line(0).as_bytes());
        let queue = writer.0.queue();
        assert!(queue.is_empty() && !queue.has_thread);
    }

    /// The number of lines that arrive and the numbers in the notices are together the number that was logged.
    #[tokio::test]
    async fn lines_that_do_not_fit_are_dropped_and_counted() {
        let (reader, writer) = pipe();
        let logged: usize = 2_000;
        for number in 0..logged {
            writer.log(line(number).as_bytes());
        }
        // Still full, although the time is over.
        writer.flush(Duration::from_millis(5)).await;
        {
            let queue = writer.0.queue();
            let notice = notice(logged as u64).len();
            assert!(queue.lines.len() + queue.in_writing <= QUEUE + notice);
        }
        let reading = thread::spawn(move || {
            let (mut arrived, mut dropped) = (0, 0);
            for line in BufReader::new(reader).lines() {
                let line = line.expect("text");
                match line.strip_suffix(" dropped") {
                    Some(count) => dropped += count.parse::<usize>().expect("a number"),
                    None if line == "end" => return (arrived, dropped),
                    None => arrived += 1,
                }
            }
            panic!("the last line did not arrive");
        });
        writer.flush(Duration::from_secs(10)).await;
        writer.log(b"end\n");
        let (arrived, dropped) = reading.join().expect("no panic");
        assert!(arrived > 200 && dropped > 1_000, "{arrived} lines arrived, {dropped} were dropped");
        assert_eq!(arrived + dropped, logged);
        // Once its lines are written, the pipe is written to directly again.
        writer.flush(Duration::from_secs(10)).await;
        assert!(writer.0.queue().is_empty());
    }

    #[test]
    fn a_pipe_without_a_reader_disturbs_nothing() {
        let (reader, writer) = pipe();
        drop(reader);
        for number in 0..1_000 {
            writer.log(line(number).as_bytes());
        }
        assert!(writer.0.queue().is_empty());
    }

    /// A line of any length arrives whole, although the pipe takes it in pieces.
    #[tokio::test]
    async fn a_long_line_arrives_whole() {
        let (reader, writer) = pipe();
        let long = format!("{}\n", "x".repeat(QUEUE + 100_000));
        let reading = thread::spawn(move || {
            BufReader::new(reader).lines().next().expect("a line").expect("text").len()
        });
        writer.log(long.as_bytes());
        assert_eq!(reading.join().expect("no panic") + 1, long.len());
        writer.flush(Duration::from_secs(10)).await;
    }
}
