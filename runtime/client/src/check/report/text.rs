//! Lines for a terminal.

use super::super::finding::{Finding, Report, Verdict};

/// One finding in one line, with the reason of one that is not passed in lines below.
#[must_use]
pub fn line(finding: &Finding) -> String {
    let word = finding.verdict.word();
    let era = finding.era.map(|era| era.to_string()).unwrap_or_default();
    let mut text = format!("{word:<8} {:<36} {era:<11} {}", finding.id, finding.title);
    if let Some(reason) = finding.verdict.reason() {
        text.push_str(&format!("\n         {reason}"));
    }
    if matches!(finding.verdict, Verdict::Failed(_) | Verdict::Warning(_)) {
        text.push_str(&format!("\n         rule: {}\n         {}", finding.rule, finding.link));
    }
    text
}

/// The end of the report: how many checks passed, and how many did not.
#[must_use]
pub fn summary(report: &Report) -> String {
    let count = |word| report.count(word);
    let versions = match report.versions.as_slice() {
        [] => String::new(),
        versions => format!(" ({})", versions.join(", ")),
    };
    format!(
        "{}{versions}, {}: {} passed, {} failed, {} warnings, {} skipped in {:.1} s",
        report.server,
        report.url,
        count("passed"),
        count("failed"),
        count("warning"),
        count("skipped"),
        std::time::Duration::from_millis(report.milliseconds).as_secs_f64()
    )
}
