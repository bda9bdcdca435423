//! Rules: which figure of an endpoint may not be above or below which threshold.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{notice::Notice, window::Window};

/// The largest file of rules, in bytes, and the most rules in it.
const LARGEST: usize = 1 << 20;
const MOST: usize = 100;
/// The most checks in a row that a rule waits for.
const LONGEST: u32 = 1000;

/// A figure of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// The share of the checks in the window that succeeded, in percent.
    Availability,
    /// The share of the checks in the window that failed, in percent.
    ErrorRate,
    /// The latency of the last check, in milliseconds.
    Latency,
    /// The median latency of the window, in milliseconds.
    LatencyP50,
    /// The 95th percentile of the window's latencies, in milliseconds.
    LatencyP95,
    /// The 99th percentile of the window's latencies, in milliseconds.
    LatencyP99,
    /// The event lag of the last check, in milliseconds.
    EventLag,
    /// 1 if the last check could not measure the event lag, else 0.
    EventsFailed,
    /// How many tools changed with the last check.
    ToolsChanged,
    /// How many tasks of the caller have the rule's `status`, or any.
    Tasks,
    /// When the access token or the certificate ends, in seconds from the last check.
    ExpiresIn,
}

impl Metric {
    /// Its value, if the window has one.
    fn of(self, window: &Window, status: Option<&str>) -> Option<f64> {
        let last = window.last()?;
        match self {
            Self::Availability => window.availability(),
            Self::ErrorRate => window.availability().map(|share| 100.0 - share),
            Self::Latency => last.latency_ms,
            Self::LatencyP50 => window.latency(0.5),
            Self::LatencyP95 => window.latency(0.95),
            Self::LatencyP99 => window.latency(0.99),
            Self::EventLag => last.event_lag_ms,
            Self::EventsFailed => {
                let measured = last.event_lag_ms.map(|_| 0.0);
                last.event_failure.as_ref().map(|_| 1.0).or(measured)
            }
            Self::ToolsChanged => last.tools.map(|_| last.changes.len() as f64),
            Self::Tasks if last.failure.is_some() => None,
            Self::Tasks => {
                let wanted =
                    last.tasks.iter().filter(|(name, _)| status.is_none_or(|status| status == *name));
                Some(wanted.map(|(_, count)| *count as f64).sum())
            }
            Self::ExpiresIn => last.expires_in_s,
        }
    }

    /// Its name in a file of rules.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Availability => "availability",
            Self::ErrorRate => "error_rate",
            Self::Latency => "latency",
            Self::LatencyP50 => "latency_p50",
            Self::LatencyP95 => "latency_p95",
            Self::LatencyP99 => "latency_p99",
            Self::EventLag => "event_lag",
            Self::EventsFailed => "events_failed",
            Self::ToolsChanged => "tools_changed",
            Self::Tasks => "tasks",
            Self::ExpiresIn => "expires_in",
        }
    }
}

/// A rule of a file, with everything that it leaves out filled in.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// The figure that it looks at.
    pub metric: Metric,
    /// The rule is broken above this value. A rule has either this or `below`.
    pub above: Option<f64>,
    /// The rule is broken below this value.
    pub below: Option<f64>,
    /// Which tasks [`Metric::Tasks`] counts. Default: all.
    pub status: Option<String>,
    /// How many checks in a row must break the rule before there is an alert. Default: 1.
    #[serde(default = "one")]
    pub for_checks: u32,
    /// How many checks in a row must keep the rule before the alert ends. Default: 1.
    #[serde(default = "one")]
    pub recover_checks: u32,
    /// The names of the endpoints it is for: URLs without a query, or functions. Default: all.
    #[serde(default)]
    pub endpoints: Vec<String>,
    /// The program that hears of alerts, and its arguments. Default: that of `[alert]`.
    pub command: Option<Vec<String>>,
    /// The ARN of the SNS topic that hears of alerts. Default: that of `[alert]`.
    pub topic: Option<String>,
}

fn one() -> u32 {
    1
}

impl Rule {
    /// The value of its figure, and whether it breaks the rule. `None` while the figure has no value.
    pub(super) fn judge(&self, window: &Window) -> Option<(f64, bool)> {
        let value = self.metric.of(window, self.status.as_deref())?;
        let broken =
            self.above.is_some_and(|most| value > most) || self.below.is_some_and(|least| value < least);
        Some((value, broken))
    }

    pub(super) fn is_for(&self, endpoint: &str) -> bool {
        self.endpoints.is_empty() || self.endpoints.iter().any(|one| one == endpoint)
    }

    /// Its threshold in words.
    #[must_use]
    pub fn threshold(&self) -> String {
        match (self.above, self.below) {
            (Some(most), _) => format!("above {most}"),
            (None, Some(least)) => format!("below {least}"),
            (None, None) => String::new(),
        }
    }

    fn check(&self) -> Result<(), RulesError> {
        let wrong = |field: &'static str, why: String| {
            Err(RulesError(format!("the rule {:?}: {field}: {why}", self.name)))
        };
        if self.name.is_empty() || self.name.len() > 100 {
            return wrong("name", "expected 1 to 100 bytes".to_owned());
        }
        match (self.above, self.below) {
            (Some(value), None) | (None, Some(value)) if value.is_finite() => {}
            _ => return wrong("above, below", "expected one of them, a number".to_owned()),
        }
        if self.status.is_some() && self.metric != Metric::Tasks {
            return wrong("status", format!("applies to the metric tasks, not to {}", self.metric.name()));
        }
        for (field, count) in [("for_checks", self.for_checks), ("recover_checks", self.recover_checks)] {
            if !(1..=LONGEST).contains(&count) {
                return wrong(field, format!("expected 1 to {LONGEST}, found {count}"));
            }
        }
        match Notice::of(self.command.as_deref(), self.topic.as_deref()) {
            Ok(_) => Ok(()),
            Err(why) => wrong("command, topic", why),
        }
    }
}

/// Why a file of rules cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct RulesError(String);

/// The rules of a file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rules(Vec<Rule>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    alert: Defaults,
    #[serde(default)]
    rule: Vec<Rule>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Defaults {
    command: Option<Vec<String>>,
    topic: Option<String>,
}

impl Rules {
    /// Reads a file of rules in TOML: tables `[[rule]]` with the fields of [`Rule`], and a table `[alert]` with the `command`
    /// and the `topic` of those that have none.
    ///
    /// ```
    /// use mcp_lambda::monitor::Rules;
    ///
    /// let rules = Rules::read(r#"
    /// [alert]
    /// command = ["notify-send", "MCP"]
    ///
    /// [[rule]]
    /// name = "down"
    /// metric = "availability"
    /// below = 99.0
    /// for_checks = 3
    /// "#)?;
    /// assert_eq!(rules.iter().next().expect("a rule").for_checks, 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When it is no TOML, or has another field or value than expected: the text names the field and what was expected.
    pub fn read(text: &str) -> Result<Self, RulesError> {
        if text.len() > LARGEST {
            return Err(RulesError(format!("{} bytes, and {LARGEST} at most are read", text.len())));
        }
        let file: File = toml::from_str(text).map_err(|error| RulesError(error.to_string()))?;
        if file.rule.len() > MOST {
            return Err(RulesError(format!("{} rules, and {MOST} at most are read", file.rule.len())));
        }
        let mut rules = file.rule;
        for rule in &mut rules {
            if rule.command.is_none() && rule.topic.is_none() {
                rule.command.clone_from(&file.alert.command);
                rule.topic.clone_from(&file.alert.topic);
            }
            rule.check()?;
        }
        for (at, rule) in rules.iter().enumerate() {
            if rules[..at].iter().any(|other| other.name == rule.name) {
                return Err(RulesError(format!("two rules have the name {:?}", rule.name)));
            }
        }
        Ok(Self(rules))
    }

    /// The rules, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.0.iter()
    }
}

/// What became of a rule at one endpoint with the last check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    Nothing,
    On,
    Off,
}

/// How a rule stands at one endpoint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Standing {
    broken: u32,
    kept: u32,
    pub(super) is_on: bool,
}

impl Standing {
    /// Takes the result of a check.
    pub(super) fn step(&mut self, rule: &Rule, is_broken: bool) -> Turn {
        if is_broken {
            (self.broken, self.kept) = (self.broken.saturating_add(1), 0);
        } else {
            (self.broken, self.kept) = (0, self.kept.saturating_add(1));
        }
        if !self.is_on && self.broken >= rule.for_checks {
            self.is_on = true;
            return Turn::On;
        }
        if self.is_on && self.kept >= rule.recover_checks {
            self.is_on = false;
            return Turn::Off;
        }
        Turn::Nothing
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> Rule {
        Rules::read(&format!("[[rule]]\n{text}")).expect("a rule").0.remove(0)
    }

    #[test]
    fn an_alert_begins_and_ends_after_so_many_checks_in_a_row() {
        let rule = rule("name = 'r'\nmetric = 'latency'\nabove = 5.0\nfor_checks = 2\nrecover_checks = 3");
        let mut standing = Standing::default();
        let broken = [true, false, true, true, true, false, false, true, false, false, false, false];
        let turns: Vec<Turn> = broken.map(|broken| standing.step(&rule, broken)).to_vec();
        let at = |turn: Turn| turns.iter().position(|one| *one == turn);
        assert_eq!((at(Turn::On), at(Turn::Off)), (Some(3), Some(10)));
        assert_eq!(turns.iter().filter(|turn| **turn != Turn::Nothing).count(), 2);
    }

    #[test]
    fn what_hears_of_alerts_is_that_of_the_rule_or_of_the_file() {
        let text = "[alert]\ncommand = ['a']\n[[rule]]\nname='x'\nmetric='tasks'\nabove=1\nstatus='failed'\n\
                    [[rule]]\nname='y'\nmetric='expires_in'\nbelow=60\ntopic='arn:aws:sns:eu-north-1:1:t'\n";
        let rules = Rules::read(text).expect("rules").0;
        assert_eq!(rules[0].command.as_deref(), Some(&["a".to_owned()][..]));
        assert_eq!((&rules[1].command, rules[1].topic.is_some()), (&None, true));
    }

    #[test]
    fn a_file_that_cannot_be_used_is_refused_with_what_was_expected() {
        let cases = [
            ("[[rule]]\nname='x'\nmetric='latency'", "above, below"),
            ("[[rule]]\nname='x'\nmetric='latency'\nabove=1\nbelow=1", "above, below"),
            ("[[rule]]\nname='x'\nmetric='latency'\nabove=nan", "above, below"),
            ("[[rule]]\nname='x'\nmetric='speed'\nabove=1", "availability"),
            ("[[rule]]\nname='x'\nmetric='latency'\nabove=1\nfor_checks=0", "1 to 1000"),
            ("[[rule]]\nname='x'\nmetric='latency'\nabove=1\nstatus='failed'", "status"),
            ("[[rule]]\nname='x'\nmetric='latency'\nabove=1\ncolour='red'", "colour"),
            ("[[rule]]\nname='x'\nmetric='latency'\nabove=1\ncommand=[]", "command"),
            ("[[rule]]\nname='x'\nmetric='latency'\nabove=1\ntopic='events'", "ARN"),
            ("[[rule]]\nname=''\nmetric='latency'\nabove=1", "name"),
            (
                "[[rule]]\nname='x'\nmetric='latency'\nabove=1\n[[rule]]\nname='x'\nmetric='latency'\nabove=1",
                "two rules",
            ),
            ("rules = 1", "rules"),
            ("[[rule]", "TOML"),
        ];
        for (text, expected) in cases {
            let error = Rules::read(text).expect_err(text).to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
        let many = "[[rule]]\nname='x'\nmetric='latency'\nabove=1\n".repeat(MOST + 1);
        assert!(Rules::read(&many).expect_err("too many").to_string().contains("100 at most"));
        assert!(Rules::read(&" ".repeat(LARGEST + 1)).is_err());
    }
}
