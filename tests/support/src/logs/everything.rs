//! What no log may ever hold, planted wherever a client or a configuration can put something, and every line that is
//! logged.

use std::{
    fmt::Write as _,
    sync::{Mutex, Once, PoisonError},
};

use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt},
    util::SubscriberInitExt,
};

/// In the text of each planted secret, and in nothing else.
pub const MARK: &str = "planted-5e5a";

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Captures every event and every span of every crate, at every level, of the whole process.
pub fn watch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| tracing_subscriber::registry().with(Everything).init());
}

/// How many lines there were, and those among them that hold one of these.
pub fn found(secrets: &[&str]) -> (usize, Vec<String>) {
    let lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    let holds = |line: &&String| secrets.iter().any(|secret| line.contains(secret));
    (lines.len(), lines.iter().filter(holds).cloned().collect())
}

struct Everything;

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        write!(self.0, " {}={value:?}", field.name()).expect("a string takes everything");
    }

    /// An error with everything behind it, as a subscriber prints it.
    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let mut cause = Some(value);
        while let Some(error) = cause {
            write!(self.0, " {}={error}, {error:?}", field.name()).expect("a string takes everything");
            cause = error.source();
        }
    }
}

fn note(text: Text) {
    LINES.lock().unwrap_or_else(PoisonError::into_inner).push(text.0);
}

impl<S: Subscriber> Layer<S> for Everything {
    fn on_new_span(&self, attributes: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        let mut text = Text(attributes.metadata().name().to_owned());
        attributes.record(&mut text);
        note(text);
    }

    fn on_record(&self, _: &Id, values: &Record<'_>, _: Context<'_, S>) {
        let mut text = Text(String::new());
        values.record(&mut text);
        note(text);
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        // Unless it is asked for by name, the runtime's own subscriber lets no more of rmcp through.
        if event.metadata().target().starts_with("rmcp") && *event.metadata().level() > Level::WARN {
            return;
        }
        let mut text = Text(event.metadata().target().to_owned());
        event.record(&mut text);
        note(text);
    }
}
