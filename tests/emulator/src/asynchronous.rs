//! Asynchronous invocations: accepted at once, retried when they fail, kept as dead letters when the retries fail too.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html> (read 2026-11-20)

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    sync::watch,
    time::{self, Instant},
};

use crate::{
    failure::{FunctionError, InvokeError},
    invocation::{ASYNCHRONOUS_LIMIT, Invocation},
    lock,
    pool::Pool,
};

/// When a failed event is retried, and until when.
#[derive(Clone, Debug)]
pub(crate) struct Retries {
    /// The pause before each further attempt; as many attempts as there are pauses. Lambda's are one and two minutes.
    pub(crate) delays: Vec<Duration>,
    /// An event that is still throttled after this is given up; Lambda's default is six hours.
    pub(crate) event_age: Duration,
}

/// An event that failed for good.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DeadLetter {
    /// The request id of every attempt.
    pub request_id: String,
    /// The event.
    pub payload: Bytes,
    /// How often the event was sent to the function.
    pub attempts: u32,
    /// The last error of the function; `None` when the event became too old before it could run.
    pub error: Option<FunctionError>,
}

/// The queue in front of the function.
#[derive(Clone, Debug)]
pub(crate) struct Asynchronous(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    pool: Pool,
    retries: Retries,
    dead: Mutex<Vec<DeadLetter>>,
    /// Events that have neither succeeded nor failed for good.
    open: watch::Sender<usize>,
}

impl Asynchronous {
    pub(crate) fn new(pool: Pool, retries: Retries) -> Self {
        let open = watch::Sender::new(0);
        Asynchronous(Arc::new(Shared { pool, retries, dead: Mutex::default(), open }))
    }

    /// Accepts an event.
    pub(crate) fn accept(&self, invocation: Invocation) -> Result<(), InvokeError> {
        if invocation.payload.len() > ASYNCHRONOUS_LIMIT {
            return Err(InvokeError::PayloadTooLarge { limit: ASYNCHRONOUS_LIMIT });
        }
        self.0.open.send_modify(|open| *open += 1);
        let queue = self.clone();
        self.0.pool.tasks().spawn(async move {
            if let Some(dead) = queue.run(invocation).await {
                lock(&queue.0.dead).push(dead);
            }
            queue.0.open.send_modify(|open| *open -= 1);
        });
        Ok(())
    }

    /// Runs an event to its success, or to its dead letter.
    async fn run(&self, invocation: Invocation) -> Option<DeadLetter> {
        let Retries { delays, event_age } = &self.0.retries;
        let too_old = Instant::now() + *event_age;
        let (mut pauses, mut attempts, mut error) = (delays.iter(), 0, None);
        loop {
            let pause = match self.0.pool.invoke(invocation.again()).await {
                Ok(answer) => {
                    attempts += 1;
                    match answer.bytes().await {
                        Ok(_) => return None,
                        Err(failed) => error = Some(failed),
                    }
                    pauses.next().copied()
                }
                // The function did not run, so this does not count as an attempt.
                Err(InvokeError::Throttled) => {
                    Some(delays.first().copied().unwrap_or(Duration::from_secs(1)))
                }
                Err(_) => return None,
            };
            match pause {
                Some(pause) if Instant::now() + pause < too_old => time::sleep(pause).await,
                _ => {
                    let Invocation { request_id, payload, .. } = invocation;
                    return Some(DeadLetter { request_id, payload, attempts, error });
                }
            }
        }
    }

    pub(crate) fn dead_letters(&self) -> Vec<DeadLetter> {
        lock(&self.0.dead).clone()
    }

    /// Waits until every accepted event has succeeded or failed for good.
    pub(crate) async fn settled(&self) {
        // The sender lives as long as this does, so the wait cannot fail.
        let _ = self.0.open.subscribe().wait_for(|open| *open == 0).await;
    }
}
