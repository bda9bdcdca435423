//! The function within the layers and hooks of the program.

use std::{any::Any, panic::AssertUnwindSafe, time::Duration};

use futures::FutureExt;
use tower::{ServiceExt, util::BoxCloneSyncService};

use super::{
    deadline::time_left,
    error::InvocationError,
    function::Function,
    hooks::{Hooks, InvocationService},
    invocation_request::InvocationRequest,
    invocation_response::InvocationResponse,
};
use mcp_lambda_core::{
    error::{Causes, panic_text},
    hook::Hook,
    http::BoxError,
    time::Timestamp,
};

/// The time before the end of an invocation in which no hook runs: Lambda stops an environment that has not asked for its
/// next event by then.
const MARGIN: Duration = Duration::from_millis(100);
/// How long sending the spans of an invocation may take.
const SPANS: Duration = Duration::from_secs(1);

/// The function within the layers and hooks of the program. Without any, an invocation goes to the function itself.
#[derive(Clone)]
pub(super) struct HookedFunction {
    pub(super) function: Function,
    layered: Option<InvocationService>,
    after: Option<(Hook, Duration)>,
}

impl HookedFunction {
    pub(super) fn new(function: Function, hooks: &Hooks) -> Self {
        let layered = hooks.layered(|| {
            let function = function.clone();
            BoxCloneSyncService::new(tower::service_fn(move |request| {
                let answered = function.clone().answer(request);
                answered.map(|answered| answered.map(Into::into).map_err(BoxError::from))
            }))
        });
        Self { after: hooks.after_each(), layered, function }
    }

    /// Answers one invocation. A panic, of a layer too, is its error.
    pub(super) async fn answer(
        &self,
        request: InvocationRequest,
    ) -> Result<InvocationResponse, InvocationError> {
        let answered = async {
            match &self.layered {
                None => self.function.clone().answer(request).await.map(Into::into),
                Some(layered) => layered.clone().oneshot(request).await.map_err(layer_error),
            }
        };
        let answered = AssertUnwindSafe(answered).catch_unwind().await;
        answered.unwrap_or_else(|panic| Err(panicked(&*panic)))
    }

    /// Runs the hook after an invocation that ends at `deadline`, and sends its spans: between the last byte of its response
    /// and the next poll.
    pub(super) async fn after(&self, deadline: Option<Timestamp>) {
        if let Some((hook, budget)) = &self.after {
            hook.run_logged(self.within(*budget, deadline)).await;
        }
        self.function.server.flush_spans(self.within(SPANS, deadline)).await;
    }

    /// So much time, or what is left of an invocation.
    fn within(&self, budget: Duration, deadline: Option<Timestamp>) -> Duration {
        let left = deadline.and_then(|at| time_left(at, self.function.server.clock().now()));
        left.map_or(budget, |left| left.saturating_sub(MARGIN).min(budget))
    }
}

/// The error of a layer is for the log, unless it is made for the invoker.
fn layer_error(error: BoxError) -> InvocationError {
    match error.downcast::<InvocationError>() {
        Ok(error) => *error,
        Err(error) => {
            tracing::error!(error = %Causes(&*error), "a layer around the invocations failed");
            let message = "internal error: a layer around the invocations failed";
            InvocationError::new("InvocationLayer", message)
        }
    }
}

fn panicked(panic: &(dyn Any + Send)) -> InvocationError {
    tracing::error!(panic = panic_text(panic), "the server panicked");
    InvocationError::new("Panic", "internal error: the server panicked")
}
