//! Lines that a person types, or that stdin has.

use std::{
    io::{BufRead, Read},
    thread::JoinHandle,
};

use tokio::sync::mpsc;

use super::screen::{Screen, clean};
use crate::cli::form::Lines;

/// The longest line of stdin.
const LONGEST: u64 = 4 * 1024 * 1024;
/// The prompt of a command.
const PROMPT: &str = "mcp> ";

/// What came of a wait for a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Heard {
    Line(String),
    /// Ctrl-C: the line is given up.
    Interrupted,
    /// Ctrl-D, or the end of stdin.
    End,
    /// The line is longer than this program reads.
    TooLong,
}

/// What is wanted of the thread that reads lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// A command.
    Command,
    /// The answer to a question, with what could be answered.
    Answer { prompt: String, choices: Vec<String> },
}

impl Wanted {
    pub(super) fn prompt(&self) -> &str {
        match self {
            Self::Command => PROMPT,
            Self::Answer { prompt, .. } => prompt,
        }
    }
}

/// Lines, read by a thread that waits for the person so that nothing else has to.
#[derive(Debug)]
pub(super) struct Input {
    wanted: mpsc::Sender<Wanted>,
    heard: mpsc::Receiver<Heard>,
    screen: Screen,
    is_terminal: bool,
}

/// The other end of an [`Input`].
pub(super) struct Reader {
    pub(super) wanted: mpsc::Receiver<Wanted>,
    pub(super) heard: mpsc::Sender<Heard>,
}

impl Input {
    pub(super) fn new(screen: Screen, is_terminal: bool) -> (Self, Reader) {
        let (want, wanted) = mpsc::channel(1);
        let (hear, heard) = mpsc::channel(1);
        (Self { wanted: want, heard, screen, is_terminal }, Reader { wanted, heard: hear })
    }

    pub(super) fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Begins to wait for a line. All that was shown before is above it.
    pub(super) async fn begin(&mut self, wanted: Wanted) {
        self.screen.flush().await;
        // A thread that has ended is heard of as the end.
        let _ = self.wanted.send(wanted).await;
    }

    /// The line that was begun.
    pub(super) async fn heard(&mut self) -> Heard {
        self.heard.recv().await.unwrap_or(Heard::End)
    }
}

impl Lines for Input {
    async fn line(&mut self, prompt: &str, choices: &[String]) -> Option<String> {
        let prompt = clean(prompt).replace('\n', " ");
        if !self.is_terminal {
            self.screen.line(&prompt);
        }
        self.begin(Wanted::Answer { prompt, choices: choices.to_vec() }).await;
        match self.heard().await {
            Heard::Line(line) => Some(line.trim().to_owned()),
            Heard::Interrupted | Heard::End | Heard::TooLong => None,
        }
    }

    fn say(&mut self, text: &str) {
        self.screen.line(text);
    }
}

/// Reads lines of stdin in a thread of its own. It ends with the input, or with stdin.
pub(super) fn read_stdin(mut reader: Reader) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name("stdin".to_owned()).spawn(move || {
        let mut stdin = std::io::stdin().lock();
        while reader.wanted.blocking_recv().is_some() {
            let heard = one_line(&mut stdin);
            let is_end = heard == Heard::End;
            if reader.heard.blocking_send(heard).is_err() || is_end {
                return;
            }
        }
    })
}

fn one_line(input: &mut impl BufRead) -> Heard {
    let mut line = Vec::new();
    match input.by_ref().take(LONGEST).read_until(b'\n', &mut line) {
        Ok(0) | Err(_) => Heard::End,
        Ok(_) if line.len() as u64 == LONGEST && line.last() != Some(&b'\n') => {
            skip_line(input);
            Heard::TooLong
        }
        Ok(_) => Heard::Line(String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']).to_owned()),
    }
}

/// Reads up to the end of a line, and keeps nothing.
fn skip_line(input: &mut impl BufRead) {
    while let Ok(part) = input.fill_buf() {
        let end = part.iter().position(|byte| *byte == b'\n');
        let read = end.map_or(part.len(), |at| at + 1);
        input.consume(read);
        if read == 0 || end.is_some() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_with_the_line_and_one_that_is_too_long_is_skipped() {
        let long = "x".repeat(usize::try_from(LONGEST).expect("fits") + 10);
        let text = format!("one\r\n{long}\ntwo");
        let mut input = std::io::Cursor::new(text.into_bytes());
        let expected = [Heard::Line("one".into()), Heard::TooLong, Heard::Line("two".into()), Heard::End];
        for one in expected {
            assert_eq!(one_line(&mut input), one);
        }
    }
}
