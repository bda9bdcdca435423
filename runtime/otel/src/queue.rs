//! Spans that have ended, and wait to be sent.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use opentelemetry::Context;
use opentelemetry_sdk::{
    error::OTelSdkResult,
    trace::{Span, SpanData, SpanProcessor},
};

/// The most spans that wait, as in the SDK. The oldest go first.
const LIMIT: usize = 2_048;
/// The most spans in one request, as in the SDK.
const BATCH: usize = 512;

/// The spans that wait. Clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct SpanQueue(Arc<Mutex<Waiting>>);

#[derive(Debug, Default)]
struct Waiting {
    spans: VecDeque<SpanData>,
    dropped: u64,
}

/// Puts spans into the queue.
#[derive(Debug)]
pub(crate) struct Queued(SpanQueue);

pub(crate) fn queue() -> (Queued, SpanQueue) {
    let queue = SpanQueue::default();
    (Queued(queue.clone()), queue)
}

impl SpanQueue {
    /// The oldest spans, as many as fit into one request.
    pub(crate) fn take(&self) -> Vec<SpanData> {
        let mut waiting = self.waiting();
        let count = waiting.spans.len().min(BATCH);
        waiting.spans.drain(..count).collect()
    }

    /// How many spans were dropped since the last call of this.
    pub(crate) fn take_dropped(&self) -> u64 {
        std::mem::take(&mut self.waiting().dropped)
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SpanProcessor for Queued {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if !span.span_context.is_sampled() {
            return;
        }
        let mut waiting = self.0.waiting();
        if waiting.spans.len() >= LIMIT {
            waiting.spans.pop_front();
            waiting.dropped += 1;
        }
        waiting.spans.push_back(span);
    }

    /// Spans are sent by [`crate::export::Exporter::flush`], which can wait without blocking a thread.
    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}
