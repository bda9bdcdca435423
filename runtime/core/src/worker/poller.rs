//! A worker outside Lambda, which polls the queue itself.

use std::{sync::Arc, time::Duration};

use futures::future::join;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::sleep,
};
use tokio_util::task::TaskTracker;

use super::queued::QueueWorker;
use crate::{
    error::Causes,
    random,
    tasks::{ReceivedMessage, TaskId, TaskMessage},
    time::Deadline,
};

/// How many messages one request may ask for:
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html> (read 2026-11-27).
const MOST_RECEIVED: usize = 10;
/// How often tasks are looked for that no worker runs.
const SWEEP_INTERVAL: Duration = Duration::from_secs(30);
/// The pauses after requests of the queue that have failed, one after another.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

impl QueueWorker {
    /// Runs the tasks of the queue until the server is asked to stop, as many at a time as the process may. Then it gives back
    /// those that are running.
    pub async fn poll(&self) {
        join(self.poll_messages(), self.poll_store()).await;
    }

    async fn poll_messages(&self) {
        let parts = &self.0.attempts.parts;
        let free = Arc::new(Semaphore::new(parts.per_process.min(Semaphore::MAX_PERMITS)));
        let (running, mut pause) = (TaskTracker::new(), FIRST_PAUSE);
        loop {
            let Some(permits) = self.free(&free).await else { break };
            let received = tokio::select! {
                biased;
                () = parts.shutdown.cancelled() => break,
                received = self.0.queue.receive(permits.num_permits(), self.hidden()) => received,
            };
            match received {
                Ok(messages) => {
                    pause = FIRST_PAUSE;
                    self.spawn_each(messages, permits, &running);
                }
                Err(error) => {
                    tracing::warn!(error = %Causes(&error), "no messages of tasks were received");
                    tokio::select! {
                        () = sleep(random::jitter(pause)) => {}
                        () = parts.shutdown.cancelled() => break,
                    }
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
        running.close();
        running.wait().await;
    }

    /// Waits until the process may run another task, and returns the right to as many as one request asks for. `None`: the
    /// server stops.
    async fn free(&self, free: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
        let mut permit = tokio::select! {
            biased;
            () = self.0.attempts.parts.shutdown.cancelled() => return None,
            permit = Arc::clone(free).acquire_owned() => permit.ok()?,
        };
        while permit.num_permits() < MOST_RECEIVED
            && let Ok(more) = Arc::clone(free).try_acquire_owned()
        {
            permit.merge(more);
        }
        Some(permit)
    }

    fn spawn_each(
        &self,
        messages: Vec<ReceivedMessage>,
        mut permits: OwnedSemaphorePermit,
        running: &TaskTracker,
    ) {
        for message in messages {
            let (worker, permit) = (self.clone(), permits.split(1));
            // The tracker of the server waits for it too.
            let served = self.0.attempts.parts.tracker.track_future(async move {
                worker.serve_message(&message).await;
                drop(permit);
            });
            running.spawn(served);
        }
    }

    /// Serves a message, which is hidden meanwhile. It is deleted when it is done with, and else delivered again.
    async fn serve_message(&self, message: &ReceivedMessage) {
        let Ok(task) = TaskMessage::task_of(&message.body) else {
            tracing::error!(r#"a message names no task: expected {{"task":"<id of a task>"}}"#);
            return;
        };
        let served = tokio::select! {
            served = self.0.serve(&task, None) => served,
            () = self.keep_hidden(&message.receipt, &task) => return,
        };
        match served {
            Ok(()) => {
                if let Err(error) = self.0.queue.delete(&message.receipt).await {
                    tracing::warn!(%task, error = %Causes(&error), "the message of a task was not deleted, and comes again");
                }
            }
            Err(error) => {
                tracing::error!(%task, error = %Causes(&error), "a message of a task is to be delivered again");
            }
        }
    }

    /// How long a message is hidden: a little longer than the lease of its task, so that the task can be claimed when the message
    /// of a worker that has died comes again.
    fn hidden(&self) -> Duration {
        self.0.attempts.parts.lease * 5 / 4
    }

    /// Hides a message for longer, as long as this is polled. A message that comes again all the same does nothing.
    async fn keep_hidden(&self, receipt: &str, task: &TaskId) {
        loop {
            sleep(self.0.attempts.parts.lease / 4).await;
            if let Err(error) = self.0.queue.hide(receipt, self.hidden()).await {
                tracing::debug!(%task, error = %Causes(&error), "the message of a running task was not hidden for longer");
            }
        }
    }

    /// Sends messages for tasks that no worker runs, now and then.
    async fn poll_store(&self) {
        loop {
            tokio::select! {
                () = sleep(random::jitter(SWEEP_INTERVAL)) => {}
                () = self.0.attempts.parts.shutdown.cancelled() => return,
            }
            match self.sweep(Deadline::after(SWEEP_INTERVAL)).await {
                Ok(0) => {}
                Ok(sent) => tracing::warn!(sent, "tasks without a worker were sent to the queue again"),
                Err(error) => {
                    tracing::warn!(error = %Causes(&error), "tasks without a worker were not all sent again");
                }
            }
        }
    }
}
