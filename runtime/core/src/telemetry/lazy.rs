//! A log subscriber that is made when there is something to log.
//!
//! A registry keeps room for the spans of 4,096 threads, 33 KB that are written to when it is made; most cold starts have
//! nothing to say before the first request is answered.

use std::sync::OnceLock;

use tracing::{
    Event, Metadata, Subscriber,
    span::{Attributes, Id, Record},
    subscriber::Interest,
};
use tracing_core::span::Current;
use tracing_subscriber::filter::{LevelFilter, Targets};

/// What takes the lines in the end.
pub(super) type Lines = Box<dyn Subscriber + Send + Sync>;

pub(super) struct LazySubscriber {
    filter: Targets,
    make: Box<dyn Fn() -> Lines + Send + Sync>,
    made: OnceLock<Lines>,
}

impl LazySubscriber {
    /// Lets through what the filter does; `make` needs no filter of its own.
    pub(super) fn new(filter: Targets, make: impl Fn() -> Lines + Send + Sync + 'static) -> Self {
        Self { filter, make: Box::new(make), made: OnceLock::new() }
    }

    fn lines(&self) -> &Lines {
        self.made.get_or_init(&self.make)
    }
}

impl Subscriber for LazySubscriber {
    /// The filter looks at nothing that changes: asked once for each place, it never is again.
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.enabled(metadata) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.filter.would_enable(metadata.target(), metadata.level())
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        self.filter.iter().map(|(_, level)| level).chain(self.filter.default_level()).max()
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        self.lines().new_span(attributes)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        self.lines().record(span, values);
    }

    fn record_follows_from(&self, span: &Id, follows: &Id) {
        self.lines().record_follows_from(span, follows);
    }

    fn event(&self, event: &Event<'_>) {
        self.lines().event(event);
    }

    fn enter(&self, span: &Id) {
        self.lines().enter(span);
    }

    fn exit(&self, span: &Id) {
        self.lines().exit(span);
    }

    fn clone_span(&self, span: &Id) -> Id {
        self.lines().clone_span(span)
    }

    fn try_close(&self, span: Id) -> bool {
        self.lines().try_close(span)
    }

    fn current_span(&self) -> Current {
        self.made.get().map_or_else(Current::none, Subscriber::current_span)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use tracing_subscriber::{Layer, layer::SubscriberExt, registry};

    use super::*;

    /// Counts lines, with the spans they are in.
    struct Counted(Arc<AtomicUsize>);

    impl<S: Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>> Layer<S> for Counted {
        fn on_event(&self, event: &Event<'_>, context: tracing_subscriber::layer::Context<'_, S>) {
            let spans = context.event_scope(event).map_or(0, Iterator::count);
            self.0.fetch_add(1 + 10 * spans, Ordering::Relaxed);
        }
    }

    #[test]
    fn nothing_is_made_before_the_first_line_that_is_let_through() {
        let (made, lines) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let count = |of: &AtomicUsize| of.load(Ordering::Relaxed);
        let make = {
            let (made, lines) = (Arc::clone(&made), Arc::clone(&lines));
            move || -> Lines {
                made.fetch_add(1, Ordering::Relaxed);
                Box::new(registry().with(Counted(Arc::clone(&lines))))
            }
        };
        let filter = "info,loud=trace".parse::<Targets>().expect("a filter");
        let quiet = LazySubscriber::new(filter, make);
        assert_eq!(quiet.max_level_hint(), Some(LevelFilter::TRACE));
        tracing::subscriber::with_default(quiet, || {
            tracing::debug!("not let through");
            tracing::debug_span!("neither").in_scope(|| {});
            assert_eq!((count(&made), count(&lines)), (0, 0));

            tracing::trace!(target: "loud", "let through");
            assert_eq!((count(&made), count(&lines)), (1, 1));
            tracing::info_span!("work").in_scope(|| tracing::info!("in a span"));
            assert_eq!((count(&made), count(&lines)), (1, 12));
        });
    }
}
