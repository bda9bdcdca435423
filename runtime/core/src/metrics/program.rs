//! The metrics of a program, within limits: each name is a metric that is billed.

use std::fmt;

use super::catalogue;

/// The most metrics of a program. What it records under further names is not kept.
pub(super) const NAMES: usize = 50;
/// The longest name, in bytes.
const NAME_LENGTH: usize = 64;
/// The most values of a metric in one line: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>
/// (read 2026-11-26).
pub(super) const VALUES: usize = 100;

/// The unit of a metric of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unit {
    /// A number of things.
    Count,
    /// Milliseconds.
    Milliseconds,
    /// Bytes.
    Bytes,
    /// Percent.
    Percent,
    /// No unit.
    None,
}

impl Unit {
    /// The name of the unit in CloudWatch.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Milliseconds => "Milliseconds",
            Self::Bytes => "Bytes",
            Self::Percent => "Percent",
            Self::None => "None",
        }
    }
}

/// Values that were recorded under one name, and not written yet.
#[derive(Debug)]
pub(super) struct Recorded {
    pub(super) name: Box<str>,
    pub(super) unit: Unit,
    pub(super) values: Vec<f64>,
}

/// Why a value is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    Name,
    Taken,
    TooMany,
    Value,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name => write!(
                f,
                "expected a name of letters, digits and underscores that starts with a letter, of {NAME_LENGTH} bytes at most"
            ),
            Self::Taken => f.write_str("the server has a metric of this name: expected another name"),
            Self::TooMany => {
                write!(f, "a program has at most {NAMES} metrics: record the value under one of their names")
            }
            Self::Value => f.write_str("expected a finite number"),
        }
    }
}

/// Checks a name and a value.
pub(super) fn check(name: &str, value: f64) -> Result<(), Refused> {
    let starts = name.starts_with(|first: char| first.is_ascii_alphabetic());
    let fits = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !starts || !fits || name.len() > NAME_LENGTH {
        return Err(Refused::Name);
    }
    if catalogue::is_taken(name) {
        return Err(Refused::Taken);
    }
    if value.is_finite() { Ok(()) } else { Err(Refused::Value) }
}
