//! The tasks that a listen stream hears of.
//!
//! They are polled, so a change is heard whichever environment makes it, and costs its writer nothing.
//! <https://github.com/modelcontextprotocol/ext-tasks/blob/main/specification/draft/tasks.md> (read 2026-11-27).

use std::time::Duration;

use rmcp::model::DetailedTask;
use serde_json::Value;
use tokio::time::{Instant, sleep_until};

use crate::{
    auth::Principal,
    error::Causes,
    protocol::{Fault, explain},
    session::{Rev, Versioned},
    tasks::{Task, TaskError, TaskId, Tasks, detailed},
    time::{Clock, Timestamp},
};

/// The number of tasks that a stream hears of.
const MOST_TASKS: usize = 32;
/// Pause between two polls after a change. It grows as long as nothing changes.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The tasks that a listen stream hears of. A task that has ended or expired is not polled any more.
pub(super) struct TaskWatch {
    tasks: Tasks,
    clock: Clock,
    open: Vec<Watched>,
    next: Instant,
    pause: Duration,
}

/// A task that has not ended.
struct Watched {
    id: TaskId,
    expires_at: Timestamp,
    rev: Rev,
    /// What the client knows.
    sent: DetailedTask,
}

impl TaskWatch {
    /// Begins to watch those of some tasks that belong to the caller. Returns them as they are.
    pub(super) async fn open(
        tasks: &Tasks,
        clock: &Clock,
        owner: &Principal,
        ids: &[TaskId],
    ) -> Result<(Self, Vec<DetailedTask>), TaskError> {
        let found = tasks.owned(owner, ids).await?;
        let mut watch = Self {
            tasks: tasks.clone(),
            clock: clock.clone(),
            open: Vec::new(),
            next: Instant::now() + FIRST_PAUSE,
            pause: FIRST_PAUSE,
        };
        let states = found.iter().filter_map(|found| watch.enter(found)).collect();
        Ok((watch, states))
    }

    /// Whether there is nothing left to hear of.
    pub(super) fn is_over(&self) -> bool {
        self.open.is_empty()
    }

    /// Waits for changes, and returns each changed task as it is. Empty: the last task has expired. Dropping the future
    /// loses nothing.
    pub(super) async fn changed(&mut self) -> Vec<DetailedTask> {
        loop {
            sleep_until(self.next).await;
            let ids: Vec<_> = self.open.iter().map(|task| task.id.clone()).collect();
            let polled = self.tasks.poll(&ids).await;
            // From here on nothing waits: a read is either lost as a whole, or counts as a whole.
            let changed = match polled {
                Ok(found) => found.iter().filter_map(|found| self.change(found)).collect(),
                Err(error) => {
                    tracing::warn!(error = %Causes(&error), "the tasks of a stream cannot be read; trying again");
                    Vec::new()
                }
            };
            self.pause = match changed.is_empty() {
                true => (self.pause + FIRST_PAUSE / 4).min(LONGEST_PAUSE),
                false => FIRST_PAUSE,
            };
            self.next = Instant::now() + self.pause;
            let now = self.clock.now();
            self.open.retain(|task| task.expires_at > now);
            if !changed.is_empty() || self.is_over() {
                return changed;
            }
        }
    }

    /// A task that is new to the stream.
    fn enter(&mut self, found: &Versioned<Task>) -> Option<DetailedTask> {
        let Versioned { value: task, rev } = found;
        let state = readable(task)?;
        if !task.state.has_ended() {
            let (id, expires_at) = (task.id.clone(), task.expires_at);
            self.open.push(Watched { id, expires_at, rev: *rev, sent: state.clone() });
        }
        Some(state)
    }

    /// A task that was read again. `None` if the client knows that state.
    fn change(&mut self, found: &Versioned<Task>) -> Option<DetailedTask> {
        let at = self.open.iter().position(|known| known.id == found.value.id)?;
        // A poll may see less than the one before. A write need not be one that clients see: a lease was extended.
        if found.rev <= self.open[at].rev {
            return None;
        }
        let known = self.open.remove(at);
        self.enter(found).filter(|state| *state != known.sent)
    }
}

fn readable(task: &Task) -> Option<DetailedTask> {
    detailed(task)
        .inspect_err(
            |error| tracing::error!(task = %task.id, reason = %error.message, "a task cannot be read"),
        )
        .ok()
}

/// Reads the ids of a filter. An id that no task can have is none of the caller's, so it is left out.
pub(super) fn task_ids(sent: &Value) -> Result<Vec<TaskId>, Fault> {
    let named = "params.notifications.taskIds";
    let texts: Vec<String> = explain::read(&sent.to_string(), named).map_err(Fault::invalid_params)?;
    if texts.len() > MOST_TASKS {
        return Err(Fault::invalid_params(format!(
            "{named} names {} tasks: a stream hears of {MOST_TASKS}; open another stream for the others",
            texts.len()
        )));
    }
    let mut ids = Vec::new();
    for id in texts.iter().filter_map(|text| text.parse::<TaskId>().ok()) {
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ok(ids)
}
