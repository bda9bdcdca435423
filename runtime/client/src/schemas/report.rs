//! What a validation has found.

use std::fmt::Write;

use serde::Serialize;

use super::rules::{RULES, Rule};
use crate::check::Era;

/// The most findings that a report keeps; those beyond are counted.
const MOST: usize = 1_000;

/// A rule that something listed breaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The id of the rule, such as `json-schema`.
    pub rule: &'static str,
    /// What breaks it: `tool`, `prompt`, `resource`, `template` or `list`.
    pub kind: &'static str,
    /// The name of it, or the URI.
    pub name: String,
    /// Where in it, as a path such as `inputSchema/properties/a`; empty if it is about the whole.
    pub place: String,
    /// What is wrong.
    pub problem: String,
    /// Where the rule comes from.
    pub link: &'static str,
}

/// How much a server lists.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Tools.
    pub tools: usize,
    /// Prompts.
    pub prompts: usize,
    /// Resources.
    pub resources: usize,
    /// Resource templates.
    pub templates: usize,
}

/// What came of a validation.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The URL of the server.
    pub url: String,
    /// The name and version of the server, as it gives them.
    pub server: String,
    /// The era in which the lists were read.
    pub era: Era,
    /// How much was compared with the rules.
    pub counts: Counts,
    /// The tools that were called, to compare their results with their output schemas.
    pub called: Vec<String>,
    /// What could not be compared, and why.
    pub notes: Vec<String>,
    /// The findings: 1,000 at most.
    pub findings: Vec<Finding>,
    /// Findings beyond these.
    pub more: usize,
}

/// The findings that are being collected.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) kept: Vec<Finding>,
    pub(super) more: usize,
}

/// The thing that is being compared with the rules.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject<'n> {
    pub(super) kind: &'static str,
    pub(super) name: &'n str,
}

impl Findings {
    pub(super) fn add(&mut self, rule: Rule, subject: Subject<'_>, place: &str, problem: impl Into<String>) {
        if self.kept.len() >= MOST {
            self.more += 1;
            return;
        }
        self.kept.push(Finding {
            rule: rule.id,
            kind: subject.kind,
            name: shortened(subject.name, 100),
            place: place.trim_start_matches('/').to_owned(),
            problem: shortened(&problem.into(), 400),
            link: rule.link,
        });
    }
}

/// A text of a server for one line: without control characters, and no longer than this.
fn shortened(text: &str, most: usize) -> String {
    let clean = text.chars().map(|one| if one.is_control() { ' ' } else { one });
    let mut short: String = clean.take(most).collect();
    if text.chars().count() > most {
        short.push_str("...");
    }
    short
}

/// The report as text: a table of the findings, the rules that they break, and a line that sums up.
#[must_use]
pub fn text(report: &Report) -> String {
    let mut text = table(&report.findings);
    if report.more > 0 {
        let _ = writeln!(text, "... and {} more", report.more);
    }
    let broken = RULES.iter().filter(|rule| report.findings.iter().any(|one| one.rule == rule.id));
    for rule in broken {
        let _ = writeln!(text, "\n{}: {}\n    {} (read {})", rule.id, rule.text, rule.link, rule.read);
    }
    if !text.is_empty() {
        text.push('\n');
    }
    for note in &report.notes {
        let _ = writeln!(text, "{note}");
    }
    text + &summary(report)
}

fn table(findings: &[Finding]) -> String {
    let rows: Vec<[String; 3]> = findings
        .iter()
        .map(|one| {
            let place = [one.kind, &one.name, &one.place].join(" ");
            [one.rule.to_owned(), place.trim_end().to_owned(), one.problem.clone()]
        })
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    let width = |column: usize, head: &str| {
        rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0).max(head.len())
    };
    let (first, second) = (width(0, "RULE"), width(1, "WHERE"));
    let mut text = format!("{:first$}  {:second$}  PROBLEM\n", "RULE", "WHERE");
    for [rule, place, problem] in &rows {
        let _ = writeln!(text, "{rule:first$}  {place:second$}  {problem}");
    }
    text
}

fn summary(report: &Report) -> String {
    let Counts { tools, prompts, resources, templates } = report.counts;
    let count = |number: usize, one: &str| format!("{number} {one}{}", if number == 1 { "" } else { "s" });
    let findings = match report.findings.len() + report.more {
        0 => "no findings".to_owned(),
        number => count(number, "finding"),
    };
    format!(
        "{}, {} ({}): {}, {}, {}, {}; {}: {findings}",
        report.server,
        report.url,
        report.era,
        count(tools, "tool"),
        count(prompts, "prompt"),
        count(resources, "resource"),
        count(templates, "template"),
        count(report.called.len(), "result"),
    )
}
