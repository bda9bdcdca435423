//! Workers: they run tasks, from the calls that the store keeps.
//!
//! * [`EmbeddedWorker`]: runs the tasks that its server creates, in the same process.
//! * [`QueueWorker`]: runs the tasks that messages of a queue name, wherever they were created. [`poller`]: outside Lambda.
//! * [`attempts`]: what both have in common: a task is claimed, run and given back. [`attempt`]: one of them.
//! * [`stored_call`]: the call of a task as the store keeps it. [`parts`]: what a worker needs.

mod attempt;
mod attempts;
mod embedded;
mod parts;
mod poller;
mod queued;
mod stored_call;

pub(crate) use self::{embedded::EmbeddedWorker, parts::WorkerParts};
pub use queued::{DeliveryError, QueueWorker};
