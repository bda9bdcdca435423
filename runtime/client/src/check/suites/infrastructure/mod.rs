//! The resources of a deployed server, as AWS describes them.

mod alarms;
mod endpoint;
mod functions;
mod links;
mod queues;
mod roles;
mod tables;
#[cfg(test)]
mod tests;
mod topic;

use crate::check::row::Check;

/// The checks of the suite.
pub(crate) fn checks() -> Vec<Check> {
    [
        functions::CHECKS,
        endpoint::CHECKS,
        tables::CHECKS,
        topic::CHECKS,
        queues::CHECKS,
        alarms::CHECKS,
        roles::CHECKS,
    ]
    .concat()
}
