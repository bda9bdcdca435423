//! Whether calls of a tool run as tasks.

/// Whether calls of a tool run as tasks. The client has its say: a call of one that does not declare the tasks extension of
/// 2026-07-28 runs as any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TaskSupport {
    /// As a task, for clients that declare the extension.
    Optional,
    /// As a task only: calls of other clients are refused.
    Required,
    /// As [`TaskSupport::Optional`], but the first round of a call runs as any other: a tool that asks its client for input
    /// (`InputRequiredResult`) does so before there is a task.
    AfterInput,
}
