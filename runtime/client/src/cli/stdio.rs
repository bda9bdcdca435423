//! Lines on stdin and stdout, each read and written by a thread of its own: a blocked pipe then blocks nothing else.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Write},
};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

/// The longest line that is read. Lambda accepts requests of 6 MB.
pub(super) const LONGEST_LINE: usize = 16 * 1024 * 1024;
/// Lines that wait, in each direction.
const QUEUE: usize = 64;

/// A line of stdin.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum InputLine {
    Message(Bytes),
    /// It was longer than [`LONGEST_LINE`], and is thrown away.
    TooLong,
}

/// Reads lines of stdin. From now on child processes find an empty stdin: the program of `credential_process` must not read the
/// messages.
pub(super) fn input() -> io::Result<mpsc::Receiver<InputLine>> {
    let stdin = take_stdin()?;
    let (lines, receiver) = mpsc::channel(QUEUE);
    std::thread::Builder::new().name("stdin".to_owned()).spawn(move || {
        let mut reader = BufReader::new(stdin);
        while let Ok(Some(line)) = read_line(&mut reader, LONGEST_LINE) {
            if lines.blocking_send(line).is_err() {
                break;
            }
        }
    })?;
    Ok(receiver)
}

/// Takes stdin away from its number, under which `/dev/null` stands from now on.
#[cfg(unix)]
fn take_stdin() -> io::Result<File> {
    use std::os::fd::AsFd;

    let own = io::stdin().as_fd().try_clone_to_owned()?;
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    Ok(File::from(own))
}

#[cfg(not(unix))]
fn take_stdin() -> io::Result<io::Stdin> {
    Ok(io::stdin())
}

/// Reads a line without its end. `None` at the end of the input.
fn read_line(reader: &mut impl BufRead, longest: usize) -> io::Result<Option<InputLine>> {
    let mut line = Vec::new();
    let read = reader.by_ref().take(longest as u64 + 1).read_until(b'\n', &mut line)?;
    if read == 0 {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
        return Ok(Some(InputLine::Message(line.into())));
    }
    if line.len() <= longest {
        return Ok(Some(InputLine::Message(line.into())));
    }
    skip_line(reader)?;
    Ok(Some(InputLine::TooLong))
}

fn skip_line(reader: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = reader.fill_buf()?;
        let (used, done) = match buffer.iter().position(|byte| *byte == b'\n') {
            Some(at) => (at + 1, true),
            None => (buffer.len(), buffer.is_empty()),
        };
        reader.consume(used);
        if done {
            return Ok(());
        }
    }
}

/// Lines to stdout.
#[derive(Debug)]
pub(super) struct OutputLines {
    lines: mpsc::Sender<Bytes>,
    done: oneshot::Receiver<()>,
}

/// Starts the writer of stdout.
pub(super) fn output() -> OutputLines {
    let (lines, mut receiver) = mpsc::channel::<Bytes>(QUEUE);
    let (ended, done) = oneshot::channel();
    std::thread::spawn(move || {
        let mut stdout = io::BufWriter::new(io::stdout().lock());
        while let Some(line) = receiver.blocking_recv() {
            let written = stdout.write_all(&line).and_then(|()| stdout.write_all(b"\n"));
            // Flushed when nothing else waits, so that many small messages are one write.
            let flushed = if receiver.is_empty() { written.and_then(|()| stdout.flush()) } else { written };
            if flushed.is_err() {
                break;
            }
        }
        // The program may have ended already.
        let _ = ended.send(());
    });
    OutputLines { lines, done }
}

impl OutputLines {
    /// Writes a line. Returns false when stdout is closed.
    pub(super) async fn send(&self, line: Bytes) -> bool {
        self.lines.send(line).await.is_ok()
    }

    /// Waits until all lines are written.
    pub(super) async fn finish(self) {
        drop(self.lines);
        // An error means that the writer has ended, too.
        let _ = tokio::time::timeout(std::time::Duration::from_secs(5), self.done).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str, longest: usize) -> Vec<Option<String>> {
        let mut reader = BufReader::with_capacity(4, text.as_bytes());
        let mut all = Vec::new();
        while let Some(line) = read_line(&mut reader, longest).expect("read") {
            all.push(match line {
                InputLine::Message(line) => Some(String::from_utf8(line.to_vec()).expect("text")),
                InputLine::TooLong => None,
            });
        }
        all
    }

    #[test]
    fn a_line_that_is_too_long_is_skipped_and_the_next_one_is_read() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(lines("a\nbbbbbbbbbbbb\nc\n", 5), [some("a"), None, some("c")]);
        assert_eq!(lines("12345\n123456\n", 5), [some("12345"), None]);
    }

    #[test]
    fn the_last_line_may_have_no_end() {
        assert_eq!(lines("a\nb", 5), [Some("a".to_owned()), Some("b".to_owned())]);
        assert_eq!(lines("", 5), [] as [Option<String>; 0]);
    }
}
