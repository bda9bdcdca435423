//! Suspended calls: their child has asked, and waits for the answer that the client brings with its next request.
//!
//! A client of 2026-07-28 is asked by the result of its request, and repeats the request with the answer. A child of an earlier
//! revision asks in the middle of a call, and goes on where it is. So the call is kept until then, in this process alone.

use std::{
    cmp::Reverse,
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use mcp_lambda_core::{McpContext, handler::Request, tasks::TaskId};
use tokio::{
    runtime::Handle,
    sync::oneshot,
    time::{Instant, sleep_until},
};

use crate::{
    child::{Child, Owner},
    pool::Pool,
    running::Running,
    translate::asks,
};

/// The calls of a server that wait for an answer between two requests.
#[derive(Debug, Default)]
pub(crate) struct SuspendedCalls {
    calls: Mutex<HashMap<String, Suspended>>,
}

#[derive(Debug)]
struct Suspended {
    running: Running,
    /// The key of the principal, which alone may go on with the call.
    principal: String,
    since: Instant,
    until: Instant,
    /// Dropping it ends the task that ends the call in time.
    _kept: oneshot::Sender<()>,
}

/// The name of the suspended call of a task.
pub(crate) fn name_of_task(id: &TaskId) -> String {
    format!("task:{id}")
}

impl SuspendedCalls {
    fn calls(&self) -> MutexGuard<'_, HashMap<String, Suspended>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a call until it is taken, for the time and the number of calls that are set. One ends for another.
    pub(crate) fn keep(&self, pool: &Arc<Pool>, name: &str, principal: &str, running: Running) {
        // Without a runtime the process ends.
        let Ok(runtime) = Handle::try_current() else { return };
        let since = Instant::now();
        let until = since + pool.settings.suspend_timeout;
        let (kept, mut is_over) = oneshot::channel();
        let (weak, of_timer) = (Arc::downgrade(pool), name.to_owned());
        let timer = async move {
            tokio::select! {
                _ = &mut is_over => return,
                () = sleep_until(until) => {}
            }
            if let Some(pool) = weak.upgrade() {
                tracing::info!(
                    server = &*pool.settings.name,
                    "a client has not answered in time: its call ends"
                );
                pool.suspended.end(&of_timer);
            }
        };
        pool.tracker.spawn_on(timer, &runtime);
        let suspended = Suspended { running, principal: principal.to_owned(), since, until, _kept: kept };
        let replaced = self.calls().insert(name.to_owned(), suspended);
        drop(replaced);
        while self.calls().len() > pool.settings.max_suspended {
            self.end_one();
        }
    }

    /// Takes the call that a request goes on with: the repeated request of a client with its answer, or another attempt of a task.
    pub(crate) fn of(&self, request: &Request) -> Option<Running> {
        let of_task = request.context.task().id().map(name_of_task);
        let mut names = of_task.into_iter().chain(asks::suspended_call(&request.typed));
        let principal = request.principal.key();
        names.find_map(|name| self.take(&name, principal))
    }

    /// Takes a call of a principal out.
    pub(crate) fn take(&self, name: &str, principal: &str) -> Option<Running> {
        let mut calls = self.calls();
        let call = calls.get(name)?;
        if call.principal != principal || call.until <= Instant::now() {
            return None;
        }
        calls.remove(name).map(|call| call.running)
    }

    fn end(&self, name: &str) {
        let ended = self.calls().remove(name);
        // Outside the lock: the child hears of it, and may end with it.
        drop(ended);
    }

    /// Ends a call: of those of the principal that has most of them, the one that has waited for the longest time. `false`: there is
    /// none.
    pub(crate) fn end_one(&self) -> bool {
        let ended = {
            let mut calls = self.calls();
            let mut counts = HashMap::<&str, usize>::new();
            for call in calls.values() {
                *counts.entry(&call.principal).or_default() += 1;
            }
            let first = calls.iter().max_by_key(|(_, call)| (counts[&*call.principal], Reverse(call.since)));
            let name = first.map(|(name, _)| name.clone());
            name.and_then(|name| calls.remove(&name))
        };
        ended.is_some()
    }

    /// Ends the calls of a child but those of this caller, as a call of it begins: a question of the child is about that one from now
    /// on.
    pub(crate) fn end_others(&self, child: &Arc<Child>, owner: &Owner) {
        let is_other =
            |call: &Suspended| Arc::ptr_eq(&call.running.lease.child, child) && call.running.owner != *owner;
        let ended: Vec<_> = self.calls().extract_if(|_, call| is_other(call)).collect();
        drop(ended);
    }

    /// Ends all calls.
    pub(crate) fn end_all(&self) {
        let ended = std::mem::take(&mut *self.calls());
        drop(ended);
    }
}
