//! The table of all checks.

use std::sync::LazyLock;

use super::{row::Check, suites};

/// Every check, suite by suite.
pub static CHECKS: LazyLock<Vec<Check>> = LazyLock::new(|| {
    let mut checks: Vec<Check> = [
        suites::messages::CHECKS,
        suites::envelope::CHECKS,
        suites::results::CHECKS,
        suites::http::CHECKS,
        suites::tools::CHECKS,
        suites::schemas::CHECKS,
        suites::session::CHECKS,
        suites::streaming::CHECKS,
        suites::resume::CHECKS,
        suites::tasks::CHECKS,
        suites::auth::CHECKS,
        suites::events::CHECKS,
    ]
    .concat();
    checks.extend(suites::infrastructure::checks());
    checks.sort_by_key(|check| check.suite);
    checks
});
