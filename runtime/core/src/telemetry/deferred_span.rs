//! A span that is created with the first line within it: most calls write no line but that of their request, which is in no
//! span. A span costs more than such a call's line, because its fields are formatted when it is created.

use std::{
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
};

use pin_project_lite::pin_project;
use tracing::{Span, dispatcher};

use super::{
    around::{Deferred, Left},
    lazy::LazySubscriber,
};

/// A span that may not have been created yet. The default is none. Clones share it.
#[derive(Clone, Default)]
pub struct DeferredSpan(Option<Arc<Deferred>>);

impl std::fmt::Debug for DeferredSpan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let span = self.0.as_ref().and_then(|deferred| deferred.span.get());
        f.debug_tuple("DeferredSpan").field(&span).finish()
    }
}

impl DeferredSpan {
    /// The span that `create` creates. The log of this process has it created when it writes a line within it; any other
    /// subscriber gets it at once. `create` must take no lock that is held while a line is logged.
    pub fn new(create: impl Fn() -> Span + Send + Sync + 'static) -> Self {
        let span = OnceLock::new();
        if !can_wait() {
            let _ = span.set(create());
        }
        Self(Some(Arc::new(Deferred { create: Box::new(create), span })))
    }

    /// Runs a future within the span.
    pub fn around<F: Future>(self, future: F) -> WithinSpan<F> {
        WithinSpan { span: self, future: Some(future) }
    }

    /// Runs a function within the span.
    pub(crate) fn in_scope<T>(&self, run: impl FnOnce() -> T) -> T {
        let Some(deferred) = &self.0 else { return run() };
        if let Some(span) = deferred.span.get() {
            return span.in_scope(run);
        }
        let _left = Left::enter(deferred);
        run()
    }
}

/// Whether the subscriber of this thread asks for the spans when it needs them, and they can be created then: tracing knows
/// no subscriber within a call of one while the program has set one for a part of itself.
fn can_wait() -> bool {
    dispatcher::get_default(|_| dispatcher::get_default(|dispatch| dispatch.is::<LazySubscriber>()))
}

pin_project! {
    /// A future that runs, and is dropped, within a span.
    #[derive(Debug)]
    pub struct WithinSpan<F> {
        span: DeferredSpan,
        #[pin]
        future: Option<F>,
    }

    impl<F> PinnedDrop for WithinSpan<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.future.is_some() {
                this.span.in_scope(|| this.future.set(None));
            }
        }
    }
}

impl<F: Future> Future for WithinSpan<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        this.span.in_scope(|| match this.future.as_mut().as_pin_mut() {
            Some(future) => {
                let polled = future.poll(cx);
                if polled.is_ready() {
                    this.future.set(None);
                }
                polled
            }
            // It has returned already, and is polled by mistake.
            None => Poll::Pending,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tracing::{Event, Subscriber};
    use tracing_subscriber::{Layer, layer::SubscriberExt, registry, registry::LookupSpan};

    use super::*;
    use crate::telemetry::around::{create_all, outside_of_deferred};

    /// The names of the spans around each line.
    #[derive(Clone, Default)]
    struct Lines(Arc<std::sync::Mutex<Vec<String>>>);

    impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Lines {
        fn on_event(&self, event: &Event<'_>, context: tracing_subscriber::layer::Context<'_, S>) {
            let scope = context.event_scope(event).into_iter().flat_map(|scope| scope.from_root());
            let names: Vec<_> = scope.map(|span| span.name()).collect();
            self.0.lock().expect("no panic").push(names.join(":"));
        }
    }

    /// Spans that wait, as in a process with the log of this crate. The number is that of spans that were created.
    fn waiting(name: &'static str, created: &Arc<AtomicUsize>) -> DeferredSpan {
        let created = Arc::clone(created);
        let create = move || {
            created.fetch_add(1, Ordering::Relaxed);
            if name == "outer" { tracing::info_span!("outer") } else { tracing::info_span!("inner") }
        };
        DeferredSpan(Some(Arc::new(Deferred { create: Box::new(create), span: OnceLock::new() })))
    }

    #[test]
    fn a_span_is_created_once_when_it_is_asked_for_and_left_with_its_scope() {
        let (lines, created) = (Lines::default(), Arc::new(AtomicUsize::new(0)));
        let (outer, inner) = (waiting("outer", &created), waiting("inner", &created));
        let count = || created.load(Ordering::Relaxed);
        tracing::subscriber::with_default(registry().with(lines.clone()), || {
            outer.in_scope(|| inner.in_scope(|| {}));
            assert_eq!(count(), 0, "no line was written");
            outer.in_scope(|| {
                inner.in_scope(|| {
                    create_all();
                    tracing::info!("within both");
                });
                tracing::info!("within one");
            });
            tracing::info!("outside");
            outer.in_scope(|| inner.in_scope(|| tracing::info!("within both again")));
        });
        assert_eq!(count(), 2);
        assert_eq!(*lines.0.lock().expect("no panic"), ["outer:inner", "outer", "", "outer:inner"]);
    }

    #[test]
    fn a_function_outside_finds_no_span_to_create() {
        let created = Arc::new(AtomicUsize::new(0));
        let span = waiting("outer", &created);
        let lines = Lines::default();
        tracing::subscriber::with_default(registry().with(lines.clone()), || {
            span.in_scope(|| {
                outside_of_deferred(create_all);
                assert_eq!(created.load(Ordering::Relaxed), 0);
                create_all();
                tracing::info!("within");
            });
        });
        assert_eq!(*lines.0.lock().expect("no panic"), ["outer"]);
    }

    #[tokio::test]
    async fn a_future_is_polled_and_dropped_within_its_span() {
        struct Logs;
        impl Drop for Logs {
            fn drop(&mut self) {
                tracing::info!("dropped");
            }
        }
        let lines = Lines::default();
        let guard = tracing::subscriber::set_default(registry().with(lines.clone()));
        // A subscriber of the program gets the span at once.
        let span = DeferredSpan::new(|| tracing::info_span!("inner"));
        span.clone()
            .around(async {
                let _dropped = Logs;
                tokio::task::yield_now().await;
                tracing::info!("polled");
            })
            .await;
        let unfinished = Logs;
        drop(span.around(async move {
            let _dropped = unfinished;
        }));
        drop(guard);
        assert_eq!(*lines.0.lock().expect("no panic"), ["inner", "inner", "inner"]);
    }
}
