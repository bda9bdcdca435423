//! A request of a call that its child has not answered yet.

use std::sync::Arc;

use rmcp::ErrorData;
use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{
    child::{CallEvent, Link, Owner, Pending},
    pool::{Lease, Pool},
    translate::asks::Questions,
};

/// A request that a child has not answered, with all that is needed to go on with it later. Dropping it cancels it, and refuses what the
/// child has asked.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) pending: Pending,
    pub(crate) messages: mpsc::Receiver<CallEvent>,
    pub(crate) questions: Questions,
    /// The task of the child, if the request waits for its result.
    pub(crate) task: Option<ChildTask>,
    /// The token of the progress.
    pub(crate) token: u64,
    pub(crate) owner: Owner,
    /// Dropped last: a process of one call ends with it.
    pub(crate) lease: Lease,
}

impl Drop for Running {
    fn drop(&mut self) {
        let link = &self.lease.child.link;
        for (id, method) in self.questions.open_requests() {
            let text = format!("{method}: the client has not answered");
            link.refuse_now(id, ErrorData::internal_error(text, None));
        }
    }
}

/// A task of a child, of which its client knows nothing. Dropping it before its result cancels it.
#[derive(Debug)]
pub(crate) struct ChildTask {
    pub(crate) link: Arc<Link>,
    pub(crate) id: String,
    pub(crate) is_over: bool,
}

impl Drop for ChildTask {
    fn drop(&mut self) {
        if !self.is_over {
            self.link.request_now("tasks/cancel", &json!({ "taskId": self.id }));
        }
    }
}

/// Keeps the call of a task if the attempt ends while the client is asked: the next attempt goes on with it.
pub(crate) struct KeptForTask<'a> {
    pub(crate) running: Option<Running>,
    pub(crate) pool: &'a Arc<Pool>,
    /// The name of the suspended call.
    pub(crate) name: String,
    pub(crate) principal: &'a str,
    pub(crate) cancelled: &'a CancellationToken,
}

impl Drop for KeptForTask<'_> {
    fn drop(&mut self) {
        if let Some(running) = self.running.take()
            && running.questions.is_open()
            && !self.cancelled.is_cancelled()
        {
            self.pool.suspended.keep(self.pool, &self.name, self.principal, running);
        }
    }
}
