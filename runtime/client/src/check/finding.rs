//! What came of a check.

use serde::Serialize;

use super::{era::Era, suite::Suite};

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "result", content = "reason", rename_all = "lowercase")]
pub enum Verdict {
    /// The server keeps the rule.
    Passed,
    /// The server breaks the rule: how.
    Failed(String),
    /// The server does not do what the rule recommends: how.
    Warning(String),
    /// The rule does not apply, or the check lacks something: what.
    Skipped(String),
}

impl Verdict {
    /// The word for the result: `passed`, `failed`, `warning` or `skipped`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed(_) => "failed",
            Self::Warning(_) => "warning",
            Self::Skipped(_) => "skipped",
        }
    }

    /// The reason, of a result that has one.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Passed => None,
            Self::Failed(reason) | Self::Warning(reason) | Self::Skipped(reason) => Some(reason),
        }
    }
}

/// One request of a check and the response, both shortened.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Exchange {
    /// The method, the URL, the headers and the body that were sent. The values of credentials are left out.
    pub sent: String,
    /// The status, the headers and the part of the body that was read.
    pub received: String,
}

/// A check that has run, in one era.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// The id of the check, such as `protocol.response-id`.
    pub id: &'static str,
    /// The suite of the check.
    pub suite: Suite,
    /// The era in which it ran; `None` of a check that has nothing to do with eras.
    pub era: Option<Era>,
    /// The title of the check.
    pub title: &'static str,
    /// The rule.
    pub rule: &'static str,
    /// Where the rule comes from.
    pub link: &'static str,
    /// The result.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// How long the check took, in milliseconds.
    pub milliseconds: u64,
    /// The requests of the check, and their responses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exchanges: Vec<Exchange>,
}

/// What came of all checks.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The URL of the server.
    pub url: String,
    /// The name and version of the server, as it gives them.
    pub server: String,
    /// The revisions of the protocol that the server speaks.
    pub versions: Vec<String>,
    /// How long all checks took, in milliseconds.
    pub milliseconds: u64,
    /// A finding for each check and era, in the order of the catalog.
    pub findings: Vec<Finding>,
}

impl Report {
    /// How many findings have this result, by its word.
    #[must_use]
    pub fn count(&self, word: &str) -> usize {
        self.findings.iter().filter(|finding| finding.verdict.word() == word).count()
    }

    /// Whether no check has failed.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.count("failed") == 0
    }
}

/// Why a check ends before its last line.
#[derive(Debug, Clone)]
pub(crate) enum Stop {
    Failed(String),
    Warning(String),
    Skipped(String),
}

pub(crate) type Checked<T = ()> = Result<T, Stop>;

impl From<Checked> for Verdict {
    fn from(checked: Checked) -> Self {
        match checked {
            Ok(()) => Self::Passed,
            Err(Stop::Failed(reason)) => Self::Failed(reason),
            Err(Stop::Warning(reason)) => Self::Warning(reason),
            Err(Stop::Skipped(reason)) => Self::Skipped(reason),
        }
    }
}

/// Ends a check as failed, with a text like `format!`.
macro_rules! failed {
    ($($text:tt)*) => { return Err($crate::check::finding::Stop::Failed(format!($($text)*))) };
}

/// Ends a check with a warning.
macro_rules! warning {
    ($($text:tt)*) => { return Err($crate::check::finding::Stop::Warning(format!($($text)*))) };
}

/// Ends a check as skipped.
macro_rules! skipped {
    ($($text:tt)*) => { return Err($crate::check::finding::Stop::Skipped(format!($($text)*))) };
}

/// Fails a check unless the condition holds.
macro_rules! ensure {
    ($holds:expr, $($text:tt)*) => { if $holds {} else { $crate::check::finding::failed!($($text)*) } };
}

pub(crate) use {ensure, failed, skipped, warning};
