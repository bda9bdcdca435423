//! Functions of the program that run outside of requests, each within a time.

use std::{fmt, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::{FutureExt, future::BoxFuture};

use crate::{
    error::{Causes, panic_text},
    http::BoxError,
};

type Outcome = BoxFuture<'static, Result<(), BoxError>>;

/// An async function of the program. It runs within a time, and its panic is an error.
#[derive(Clone)]
pub struct Hook {
    name: &'static str,
    function: Arc<dyn Fn() -> Outcome + Send + Sync>,
}

/// Why a hook did not finish.
#[derive(Debug, thiserror::Error)]
pub enum HookError {
    /// The function returned an error.
    #[error("{0} failed")]
    Failed(&'static str, #[source] BoxError),
    /// The function panicked.
    #[error("{0} panicked: {1}")]
    Panicked(&'static str, String),
    /// The function was still running at the end of its time, and was dropped.
    #[error("{0} took longer than {1:?}")]
    Late(&'static str, Duration),
}

impl Hook {
    /// Creates a hook of a function that does not fail. The name is that of the builder's method, for the log.
    pub fn new<F, Fut>(name: &'static str, function: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        Self { name, function: Arc::new(move || function().map(Ok).boxed()) }
    }

    /// Creates a hook of a function that can fail.
    pub fn fallible<F, Fut, E>(name: &'static str, function: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<BoxError>,
    {
        Self { name, function: Arc::new(move || function().map(|done| done.map_err(Into::into)).boxed()) }
    }

    /// Runs the function for `budget` at most.
    ///
    /// # Errors
    ///
    /// [`HookError`] if the function does not finish.
    pub async fn run(&self, budget: Duration) -> Result<(), HookError> {
        // The call itself is inside, because a function may panic before it returns a future.
        let run = AssertUnwindSafe(async { (self.function)().await }).catch_unwind();
        match tokio::time::timeout(budget, run).await {
            Ok(Ok(done)) => done.map_err(|error| HookError::Failed(self.name, error)),
            Ok(Err(panic)) => Err(HookError::Panicked(self.name, panic_text(&*panic).to_owned())),
            Err(_) => Err(HookError::Late(self.name, budget)),
        }
    }

    /// Runs the function for `budget` at most, and logs why it did not finish.
    pub async fn run_logged(&self, budget: Duration) {
        if let Err(error) = self.run(budget).await {
            tracing::error!(error = %Causes(&error), "a hook did not finish");
        }
    }
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Hook").field(&self.name).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    const BUDGET: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn a_hook_that_fails_panics_or_hangs_says_how() {
        let failing = Hook::fallible("failing", || async { Err("no space") });
        let panicking = Hook::new("panicking", || async { panic!("at once") });
        let hanging = Hook::new("hanging", pending);
        for (hook, text) in [
            (Hook::new("fine", || async {}), None),
            (failing, Some("failing failed: no space")),
            (panicking, Some("panicking panicked: at once")),
            (hanging, Some("hanging took longer than 1s")),
        ] {
            let error = hook.run(BUDGET).await.err().map(|error| Causes(&error).to_string());
            assert_eq!(error.as_deref(), text);
        }
    }
}
