//! The deadline of an invocation, as far as it can be believed.

use std::time::Duration;

use mcp_lambda_core::time::{Deadline, Timestamp};

/// The longest timeout of a function:
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html> (read 2026-11-26).
const LONGEST_TIMEOUT: Duration = Duration::from_secs(900);
/// The difference between Lambda's clock and that of an environment that is tolerated.
const CLOCK_SKEW: Duration = Duration::from_secs(5);
/// The time between the deadline of a request and the function's timeout, in which the end of the response is sent.
const MARGIN: Duration = Duration::from_secs(2);

/// The deadline of an invocation whose `Lambda-Runtime-Deadline-Ms` is `at`.
///
/// Managed Instances do not stop an invocation at the function's timeout, so the server has to end the request itself.
/// `limit`, at most the longest timeout, counts without the header, and where it makes no sense: Lambda starts no
/// invocation after its deadline, and none has longer than the longest timeout.
pub(super) fn deadline(at: Option<Timestamp>, now: Timestamp, limit: Duration) -> Deadline {
    let limit = limit.min(LONGEST_TIMEOUT);
    let Some(at) = at else { return Deadline::after(limit) };
    match time_left(at, now) {
        Some(left) => Deadline::after(left.saturating_sub(MARGIN.min(left / 4))),
        None => {
            tracing::warn!(
                deadline_ms = at.as_millis(),
                now = now.as_millis(),
                "the deadline of an invocation makes no sense"
            );
            Deadline::after(limit.saturating_sub(MARGIN.min(limit / 4)))
        }
    }
}

/// The time until a deadline. `None`: it has passed, or is later than any invocation may end.
pub(super) fn time_left(at: Timestamp, now: Timestamp) -> Option<Duration> {
    let left = Duration::from_millis(at.as_millis().checked_sub(now.as_millis())?);
    let is_plausible = !left.is_zero() && left <= LONGEST_TIMEOUT + CLOCK_SKEW;
    is_plausible.then(|| left.min(LONGEST_TIMEOUT))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    fn budget(after_now: i64, limit: u64) -> u64 {
        let at = Timestamp::from_millis(NOW.as_millis().checked_add_signed(after_now).expect("a time"));
        let budget = deadline(Some(at), NOW, Duration::from_secs(limit)).budget();
        u64::try_from(budget.as_millis()).expect("a few minutes")
    }

    /// A request that is cut off by a wrong deadline fails, one that believes in hours is cut off by Lambda.
    #[test]
    fn a_deadline_that_makes_no_sense_is_not_believed() {
        for (after_now, limit, expected) in [
            (60_000, 900, 58_000),
            (1_000, 900, 750),
            (900_000, 900, 898_000),
            (904_000, 900, 898_000),
            // In the past, now, and beyond the longest timeout.
            (-1, 900, 898_000),
            (-1_800_000_000_000, 900, 898_000),
            (0, 900, 898_000),
            (906_000, 900, 898_000),
            (86_400_000, 3_600, 898_000),
            (86_400_000, 30, 28_000),
        ] {
            assert_eq!(budget(after_now, limit), expected, "{after_now} ms from now, at most {limit} s");
        }
        assert_eq!(deadline(None, NOW, Duration::from_secs(30)).budget(), Duration::from_secs(30));
    }
}
