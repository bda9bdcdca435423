//! The wall clock: the only reader of it in this crate.
#![expect(
    clippy::disallowed_methods,
    reason = "the one file that reads the wall clock, for the times events carry"
)]

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970, as `Lambda-Runtime-Deadline-Ms` and `timeEpoch` count them.
pub(crate) fn epoch_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// A UTC date and time of day.
pub(crate) struct Utc {
    pub(crate) year: u64,
    pub(crate) month: u64,
    pub(crate) day: u64,
    seconds: u64,
}

impl Utc {
    /// Howard Hinnant's `civil_from_days`, for times after 1970 only.
    pub(crate) fn from_epoch_ms(ms: u64) -> Self {
        let (days, seconds) = (ms / 86_400_000, ms / 1000 % 86_400);
        let z = days + 719_468;
        let (era, day_of_era) = (z / 146_097, z % 146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        let year = year_of_era + era * 400 + u64::from(month <= 2);
        Utc { year, month, day: day_of_year - (153 * shifted + 2) / 5 + 1, seconds }
    }

    /// The form API Gateway writes into `requestContext`: `12/Mar/2020:19:03:58 +0000`.
    pub(crate) fn access_log(&self) -> String {
        const MONTHS: [&str; 12] =
            ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let month =
            usize::try_from(self.month - 1).ok().and_then(|month| MONTHS.get(month)).unwrap_or(&"???");
        let (hour, minute, second) = (self.seconds / 3600, self.seconds / 60 % 60, self.seconds % 60);
        format!("{:02}/{month}/{:04}:{hour:02}:{minute:02}:{second:02} +0000", self.day, self.year)
    }
}

#[cfg(test)]
mod tests {
    use super::Utc;

    #[test]
    fn the_time_of_awss_own_example_is_written_as_aws_writes_it() {
        assert_eq!(Utc::from_epoch_ms(1_584_039_838_390).access_log(), "12/Mar/2020:19:03:58 +0000");
        assert_eq!(Utc::from_epoch_ms(1_709_164_800_000).access_log(), "29/Feb/2024:00:00:00 +0000");
        assert_eq!(Utc::from_epoch_ms(0).access_log(), "01/Jan/1970:00:00:00 +0000");
    }
}
