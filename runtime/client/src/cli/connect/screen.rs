//! What a person sees: lines of results, progress and events, above the line that is being typed.

use std::{
    io::Write,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
};

use rustyline::ExternalPrinter;
use tokio::sync::oneshot;

/// Lines that wait to be written. A writer that is slower holds up those who write.
const WAITING: usize = 256;

/// Writes above the line that is being typed.
pub(super) type Above = Box<dyn ExternalPrinter + Send>;

enum Item {
    Line(String),
    Problem(String),
    Flush(oneshot::Sender<()>),
}

/// Takes lines from all who have something to show. Its copies write to the same place.
#[derive(Clone)]
pub(super) struct Screen(SyncSender<Item>);

impl std::fmt::Debug for Screen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Screen")
    }
}

impl Screen {
    /// Starts to write: to stdout and stderr, or to a terminal on which a line may be typed meanwhile. The thread ends with the
    /// last copy of the screen.
    pub(super) fn start(above: Option<Above>) -> std::io::Result<Self> {
        let (sender, receiver) = sync_channel(WAITING);
        std::thread::Builder::new().name("screen".to_owned()).spawn(move || write(&receiver, above))?;
        Ok(Self(sender))
    }

    /// Writes lines of a result, or of the server.
    pub(super) fn line(&self, text: &str) {
        let _ = self.0.send(Item::Line(clean(text)));
    }

    /// Writes why something came to nothing: to stderr, if that is another place.
    pub(super) fn problem(&self, text: &str) {
        let _ = self.0.send(Item::Problem(clean(text)));
    }

    /// Waits until everything is written.
    pub(super) async fn flush(&self) {
        let (done, written) = oneshot::channel();
        if self.0.send(Item::Flush(done)).is_ok() {
            let _ = written.await;
        }
    }
}

/// A reader that has gone, as `head` does, is no failure: what follows has nowhere to go.
fn write(items: &Receiver<Item>, mut above: Option<Above>) {
    for item in items {
        match (item, &mut above) {
            (Item::Flush(done), _) => {
                let _ = done.send(());
            }
            (Item::Line(text) | Item::Problem(text), Some(above)) => {
                let _ = above.print(format!("{text}\n"));
            }
            (Item::Line(text), None) => {
                let mut stdout = std::io::stdout().lock();
                let _ = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
            }
            (Item::Problem(text), None) => {
                let _ = writeln!(std::io::stderr(), "{text}");
            }
        }
    }
}

/// A text of the server without what a terminal would obey.
pub(super) fn clean(text: &str) -> String {
    let shown = |one: char| match one {
        '\n' | '\t' => one,
        '\u{80}'..='\u{9f}' => '\u{fffd}',
        // Overrides of the direction of writing show other words than there are.
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        one if one.is_control() => '\u{fffd}',
        one => one,
    };
    text.chars().filter(|one| *one != '\r').map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_the_server_commands_no_terminal() {
        assert_eq!(clean("a\tb\r\nc"), "a\tb\nc");
        assert_eq!(clean("\u{1b}[2J\u{7}\u{9b}x\u{202e}"), "\u{fffd}[2J\u{fffd}\u{fffd}x\u{fffd}");
        assert_eq!(clean("grüße 🦀"), "grüße 🦀");
    }
}
