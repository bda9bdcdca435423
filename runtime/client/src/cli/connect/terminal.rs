//! The terminal: a line that can be edited, with history and completion.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError, mpsc as sync_mpsc},
    thread::JoinHandle,
    time::Duration,
};

use rustyline::{
    CompletionType, Config, Context, Editor, Helper,
    completion::{Completer, Pair},
    error::ReadlineError,
    highlight::Highlighter,
    hint::Hinter,
    history::FileHistory,
    validate::Validator,
};
use tokio::sync::mpsc;

use super::{
    completion::{self, Argument, Candidates},
    input::{Heard, Reader, Wanted},
    known::Known,
    screen::Above,
};
use crate::{cli::failure::Failure, private};

/// Lines of history that are kept.
const HISTORY: usize = 1_000;
/// How long the server may take to complete a value: the person waits.
const COMPLETES: Duration = Duration::from_secs(2);

/// A value that the server is asked to complete.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) argument: Argument,
    pub(super) values: sync_mpsc::SyncSender<Vec<String>>,
}

/// The line editor, before its thread runs.
pub(super) struct Terminal {
    editor: Editor<Complete, FileHistory>,
    history: Option<PathBuf>,
}

impl Terminal {
    /// Opens the terminal, and reads the history.
    pub(super) fn open(known: Known, ask: mpsc::Sender<Asked>) -> Result<Self, Failure> {
        let failed = |error: &dyn std::fmt::Display| Failure::refused(format!("the terminal: {error}"));
        let config = Config::builder()
            .completion_type(CompletionType::List)
            .completion_show_all_if_ambiguous(true)
            // A line that begins with a blank is not kept, as in shells.
            .history_ignore_space(true)
            .max_history_size(HISTORY)
            .map_err(|error| failed(&error))?
            .build();
        let mut editor = Editor::with_config(config).map_err(|error| failed(&error))?;
        editor.set_helper(Some(Complete { known, ask, choices: Mutex::default() }));
        let history = history_file();
        if let Some(file) = &history {
            // The first time there is none.
            let _ = editor.load_history(file);
        }
        Ok(Self { editor, history })
    }

    /// What writes above the line. `None` on a terminal that cannot move its cursor.
    pub(super) fn above(&mut self) -> Option<Above> {
        self.editor.create_external_printer().ok().map(|printer| Box::new(printer) as Above)
    }

    /// Reads lines in a thread of its own. It ends with the input.
    pub(super) fn read(mut self, mut reader: Reader) -> std::io::Result<JoinHandle<()>> {
        std::thread::Builder::new().name("terminal".to_owned()).spawn(move || {
            while let Some(wanted) = reader.wanted.blocking_recv() {
                if reader.heard.blocking_send(self.line(&wanted)).is_err() {
                    return;
                }
            }
        })
    }

    fn line(&mut self, wanted: &Wanted) -> Heard {
        if let Some(complete) = self.editor.helper() {
            let choices = match wanted {
                Wanted::Command => None,
                Wanted::Answer { choices, .. } => Some(choices.clone()),
            };
            *complete.choices.lock().unwrap_or_else(PoisonError::into_inner) = choices;
        }
        match self.editor.readline(wanted.prompt()) {
            Ok(line) => {
                // Answers may be secrets: only commands are kept.
                if *wanted == Wanted::Command {
                    self.keep(&line);
                }
                Heard::Line(line)
            }
            Err(ReadlineError::Interrupted) => Heard::Interrupted,
            Err(_) => Heard::End,
        }
    }

    /// Adds a command to the history. Without its file it is kept until the end of the program.
    fn keep(&mut self, line: &str) {
        if self.editor.add_history_entry(line).is_ok_and(|added| added)
            && let Some(file) = &self.history
        {
            let _ = self.editor.append_history(file);
        }
    }
}

/// The file of the history, in a folder that only its owner can read.
fn history_file() -> Option<PathBuf> {
    let file = private::state_file("history")?;
    private::create_folder(file.parent().unwrap_or(Path::new("."))).ok()?;
    Some(file)
}

/// Completes commands from what is known, and answers from their choices.
struct Complete {
    known: Known,
    ask: mpsc::Sender<Asked>,
    /// The choices of the question that is asked; `None` at a command.
    choices: Mutex<Option<Vec<String>>>,
}

impl Complete {
    fn candidates(&self, line: &str) -> Candidates {
        let choices = self.choices.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(choices) = choices {
            let texts = choices.into_iter().filter(|one| one.starts_with(line)).collect();
            return Candidates { texts, ..Candidates::default() };
        }
        let mut found = completion::candidates(line, &self.known.lists());
        if let Some(argument) = found.ask.take() {
            let values = self.values_of(argument.clone());
            found.texts.extend(values.iter().map(|value| argument.word(value)));
            found.texts.dedup();
        }
        found
    }

    fn values_of(&self, argument: Argument) -> Vec<String> {
        let (values, answered) = sync_mpsc::sync_channel(1);
        if self.ask.blocking_send(Asked { argument, values }).is_err() {
            return Vec::new();
        }
        answered.recv_timeout(COMPLETES).unwrap_or_default()
    }
}

impl Helper for Complete {}

impl Highlighter for Complete {}

impl Hinter for Complete {
    type Hint = String;
}

impl Validator for Complete {}

impl Completer for Complete {
    type Candidate = Pair;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        let found = self.candidates(&line[..at]);
        let is_only = found.texts.len() == 1;
        let pairs = found.texts.into_iter().map(|text| {
            // A word that is complete is followed by the next.
            let blank = if is_only && !found.goes_on { " " } else { "" };
            Pair { replacement: format!("{text}{blank}"), display: text }
        });
        Ok((found.start, pairs.collect()))
    }
}
