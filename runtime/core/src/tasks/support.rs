//! Whether calls of a tool run as tasks.

use std::time::Duration;

/// Whether calls of a tool run as tasks. The client has its say: in 2026-07-28 the calls of clients that declare the tasks
/// extension run as tasks, in 2025-11-25 those with `params.task`, and all others run inline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TaskSupport {
    /// As a task, for clients that have tasks.
    Optional,
    /// As a task only: calls of other clients are refused.
    Required,
    /// As [`TaskSupport::Optional`], but the first round of a call runs as any other: a tool that asks its client for input
    /// (`InputRequiredResult`) does so before there is a task. Clients of 2025-11-25 cannot run it as a task: there are no such
    /// rounds.
    AfterInput,
    /// As [`TaskSupport::Optional`], but a client of 2026-07-28 gets the result itself, and no task, if it is there within this
    /// time; also the error, if there is one. Each call is a task from its beginning on, so a quick one is not cheaper. In
    /// 2025-11-25 the client decides.
    IfSlow(Duration),
}
