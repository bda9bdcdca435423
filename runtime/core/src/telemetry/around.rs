//! The spans that a thread is within and that have not been created: the subscriber of the log creates them when it needs them.

use std::{
    cell::RefCell,
    sync::{Arc, OnceLock},
};

use tracing::Span;

/// A span and how it is created.
pub(super) struct Deferred {
    pub(super) create: Box<dyn Fn() -> Span + Send + Sync>,
    pub(super) span: OnceLock<Span>,
}

/// A span that this thread is within.
struct Around {
    deferred: Arc<Deferred>,
    /// Whether the subscriber knows.
    is_entered: bool,
}

thread_local! {
    // Ambient, as the current span is: a line has no argument that names its spans.
    static AROUND: RefCell<Vec<Around>> = const { RefCell::new(Vec::new()) };
}

/// Creates the spans that this thread is within, and enters them.
pub(super) fn create_all() {
    // After the end of a thread, and while they are created, there are none to create.
    let _ = AROUND.try_with(|around| {
        let Ok(mut around) = around.try_borrow_mut() else { return };
        for one in around.iter_mut().filter(|one| !one.is_entered) {
            let span = one.deferred.span.get_or_init(&one.deferred.create);
            span.with_subscriber(|(id, dispatch)| dispatch.enter(id));
            one.is_entered = true;
        }
    });
}

/// Runs a function that asks for the current span, and writes no line within it: spans that have not been created are not
/// created for that.
pub(crate) fn outside_of_deferred<T>(run: impl FnOnce() -> T) -> T {
    /// Puts the spans back.
    struct Outside(Vec<Around>);
    impl Drop for Outside {
        fn drop(&mut self) {
            let _ = AROUND.try_with(|around| around.replace(std::mem::take(&mut self.0)));
        }
    }
    let _outside = Outside(AROUND.try_with(RefCell::take).unwrap_or_default());
    run()
}

/// Leaves a span when it is dropped.
pub(super) struct Left;

impl Left {
    pub(super) fn enter(deferred: &Arc<Deferred>) -> Self {
        let around = Around { deferred: Arc::clone(deferred), is_entered: false };
        let _ = AROUND.try_with(|all| all.borrow_mut().push(around));
        Self
    }
}

impl Drop for Left {
    fn drop(&mut self) {
        let left = AROUND.try_with(|around| around.borrow_mut().pop()).ok().flatten();
        if let Some(Around { deferred, is_entered: true }) = left
            && let Some(span) = deferred.span.get()
        {
            span.with_subscriber(|(id, dispatch)| dispatch.exit(id));
        }
    }
}
