//! The wall clock, read in one file so that tests can set it.
//!
//! Only expiry (`ttl`, `exp`) needs wall-clock time, because other machines compare it. Everything that waits uses
//! `tokio::time`, which a test can pause.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, SecondsFormat, Utc};

/// A point in time, in milliseconds since the Unix epoch. Its serde form is that number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The latest timestamp, for items that never expire.
    pub const MAX: Self = Self(u64::MAX);

    /// Creates a timestamp from milliseconds since the Unix epoch.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Returns the milliseconds since the Unix epoch.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Returns the timestamp that is `after` later, or [`Timestamp::MAX`] if that overflows.
    #[must_use]
    pub fn plus(self, after: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(after.as_millis()).unwrap_or(u64::MAX)))
    }

    /// Returns the time since an earlier timestamp. Zero if that is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// Formats the timestamp as RFC 3339, in UTC and with milliseconds: `2027-01-15T08:00:00.000Z`.
    #[must_use]
    pub fn to_rfc3339(self) -> String {
        let time = i64::try_from(self.0).ok().and_then(DateTime::from_timestamp_millis).unwrap_or_default();
        time.to_rfc3339_opts(SecondsFormat::Millis, true)
    }

    /// Parses an RFC 3339 timestamp. `None` for any other text, and for a time before 1970.
    #[must_use]
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let time = DateTime::parse_from_rfc3339(text).ok()?;
        u64::try_from(time.timestamp_millis()).ok().map(Self)
    }

    /// Returns the whole seconds since the Unix epoch: the unit of a DynamoDB `ttl` attribute.
    #[must_use]
    pub fn epoch_seconds(self) -> u64 {
        self.0 / 1000
    }
}

/// A source of wall-clock time. Clones share the same source.
#[derive(Clone)]
pub struct Clock(Source);

#[derive(Clone)]
enum Source {
    System,
    Manual(Arc<AtomicU64>),
}

impl Clock {
    /// Creates a clock that reads the time of the operating system.
    #[must_use]
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// Creates a clock that moves only when [`Clock::advance`] is called, for tests.
    #[must_use]
    pub fn manual(start: Timestamp) -> Self {
        Self(Source::Manual(Arc::new(AtomicU64::new(start.0))))
    }

    /// Returns the current time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System => system_now(),
            Source::Manual(millis) => Timestamp(millis.load(Ordering::SeqCst)),
        }
    }

    /// Moves a manual clock forward. A system clock ignores the call.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(millis) = &self.0 {
            millis.fetch_add(u64::try_from(by.as_millis()).unwrap_or(u64::MAX), Ordering::SeqCst);
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock({})", self.now().0)
    }
}

/// The time of a line of the log, which is that of the operating system in every test too.
pub(crate) fn log_time() -> DateTime<Utc> {
    DateTime::from(wall_clock())
}

fn system_now() -> Timestamp {
    let since = wall_clock().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

#[expect(clippy::disallowed_methods, reason = "the one reader of the wall clock")]
fn wall_clock() -> std::time::SystemTime {
    std::time::SystemTime::now()
}
