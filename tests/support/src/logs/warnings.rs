//! The log of a test: lines at warn or above, and the lines of requests, for test binaries that ask for them.

use std::{cell::RefCell, fmt::Write as _, sync::Once};

use tracing::{Event, Level, Subscriber, field::Visit};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt},
    util::SubscriberInitExt,
};

thread_local! {
    /// What this thread, and so this test, has logged.
    static LINES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    /// The lines of its requests.
    static REQUESTS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Captures the log of the whole process from now on.
pub fn capture() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| tracing_subscriber::registry().with(Lines).init());
}

/// What was logged since the last look.
pub fn logged() -> Vec<String> {
    LINES.take()
}

/// The lines of the requests that were served since the last look.
pub fn requests() -> Vec<String> {
    REQUESTS.take()
}

struct Lines;

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        write!(self.0, "{}={value:?} ", field.name()).expect("a string takes everything");
    }
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "mcp_lambda_server::request" {
            let mut text = Text(String::new());
            event.record(&mut text);
            REQUESTS.with_borrow_mut(|lines| lines.push(text.0));
        }
        if *event.metadata().level() <= Level::WARN {
            let mut text = Text(String::new());
            event.record(&mut text);
            LINES.with_borrow_mut(|lines| lines.push(text.0));
        }
    }
}
