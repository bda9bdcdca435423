//! A log subscriber that is created with the first line that the filter accepts.
//!
//! A span of the server waits for that line too, if it is a deferred one, and lines of requests never need the subscriber.
//!
//! A registry reserves memory for the spans of 4,096 threads and writes to 33 KB of it when it is created. Most cold
//! starts log nothing before the first response, so they save that time.

use std::sync::OnceLock;

use tracing::{
    Event, Metadata, Subscriber,
    span::{Attributes, Id, Record},
    subscriber::Interest,
};
use tracing_core::span::Current;
use tracing_subscriber::filter::{LevelFilter, Targets};

use super::{around::create_all, plain_lines::PlainLines};

/// The subscriber that writes the log.
pub(super) type Inner = Box<dyn Subscriber + Send + Sync>;

pub(super) struct LazySubscriber {
    filter: Targets,
    create: Box<dyn Fn() -> Inner + Send + Sync>,
    inner: OnceLock<Inner>,
    plain: Option<PlainLines>,
}

impl LazySubscriber {
    /// A subscriber for the lines and spans that the filter accepts. The subscriber that `create` returns needs no filter.
    pub(super) fn new(filter: Targets, create: impl Fn() -> Inner + Send + Sync + 'static) -> Self {
        Self { filter, create: Box::new(create), inner: OnceLock::new(), plain: None }
    }

    /// The same, with lines of requests that are plain written by these.
    pub(super) fn with_plain_lines(self, plain: PlainLines) -> Self {
        Self { plain: Some(plain), ..self }
    }

    fn inner(&self) -> &Inner {
        self.inner.get_or_init(&self.create)
    }
}

impl Subscriber for LazySubscriber {
    /// The filter depends only on the metadata, so tracing may cache its result for each call site.
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
        create_all();
        self.inner().new_span(attributes)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        self.inner().record(span, values);
    }

    fn record_follows_from(&self, span: &Id, follows: &Id) {
        self.inner().record_follows_from(span, follows);
    }

    fn event(&self, event: &Event<'_>) {
        if !self.plain.as_ref().is_some_and(|plain| plain.write(event)) {
            create_all();
            self.inner().event(event);
        }
    }

    fn enter(&self, span: &Id) {
        create_all();
        self.inner().enter(span);
    }

    fn exit(&self, span: &Id) {
        self.inner().exit(span);
    }

    fn clone_span(&self, span: &Id) -> Id {
        self.inner().clone_span(span)
    }

    fn try_close(&self, span: Id) -> bool {
        self.inner().try_close(span)
    }

    fn current_span(&self) -> Current {
        create_all();
        self.inner.get().map_or_else(Current::none, Subscriber::current_span)
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

    /// Counts each line as 1, and each span around it as 10.
    struct Counted(Arc<AtomicUsize>);

    impl<S: Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>> Layer<S> for Counted {
        fn on_event(&self, event: &Event<'_>, context: tracing_subscriber::layer::Context<'_, S>) {
            let spans = context.event_scope(event).map_or(0, Iterator::count);
            self.0.fetch_add(1 + 10 * spans, Ordering::Relaxed);
        }
    }

    #[test]
    fn the_subscriber_is_created_with_the_first_accepted_line() {
        let (created, lines) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let count = |of: &AtomicUsize| of.load(Ordering::Relaxed);
        let create = {
            let (created, lines) = (Arc::clone(&created), Arc::clone(&lines));
            move || -> Inner {
                created.fetch_add(1, Ordering::Relaxed);
                Box::new(registry().with(Counted(Arc::clone(&lines))))
            }
        };
        let filter = "info,loud=trace".parse::<Targets>().expect("a filter");
        let lazy = LazySubscriber::new(filter, create);
        assert_eq!(lazy.max_level_hint(), Some(LevelFilter::TRACE));
        tracing::subscriber::with_default(lazy, || {
            tracing::debug!("rejected");
            tracing::debug_span!("rejected").in_scope(|| {});
            assert_eq!((count(&created), count(&lines)), (0, 0));

            tracing::trace!(target: "loud", "accepted");
            assert_eq!((count(&created), count(&lines)), (1, 1));
            tracing::info_span!("work").in_scope(|| tracing::info!("in a span"));
            assert_eq!((count(&created), count(&lines)), (1, 12));
        });
    }
}
