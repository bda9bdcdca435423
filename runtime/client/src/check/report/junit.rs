//! JUnit XML, as CI systems read it.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Report as Junit, SerializeError, TestCase, TestCaseStatus, TestSuite};

use super::super::{
    finding::{Finding, Report, Verdict},
    suite::Suite,
};

/// The report as JUnit XML: a test suite for each suite, a test case for each finding. A warning is a test case that
/// passed, with the warning in its output.
///
/// # Errors
///
/// When it cannot be written; every report of this crate can.
pub fn junit(report: &Report) -> Result<String, SerializeError> {
    let mut junit = Junit::new("mcp-lambda test");
    junit.set_time(Duration::from_millis(report.milliseconds));
    for suite in Suite::ALL {
        let findings: Vec<&Finding> = report.findings.iter().filter(|one| one.suite == suite).collect();
        if findings.is_empty() {
            continue;
        }
        let mut cases = TestSuite::new(suite.name());
        findings.into_iter().for_each(|finding| {
            cases.add_test_case(case(finding));
        });
        junit.add_test_suite(cases);
    }
    junit.to_string()
}

fn case(finding: &Finding) -> TestCase {
    let status = match &finding.verdict {
        Verdict::Passed | Verdict::Warning(_) => TestCaseStatus::success(),
        Verdict::Failed(reason) => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message(reason.as_str()).set_description(transcript(finding));
            status
        }
        Verdict::Skipped(reason) => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(reason.as_str());
            status
        }
    };
    let era = finding.era.map(|era| format!(" [{era}]")).unwrap_or_default();
    let mut case = TestCase::new(format!("{}{era}", finding.id), status);
    case.set_classname(finding.suite.name()).set_time(Duration::from_millis(finding.milliseconds));
    if let Verdict::Warning(reason) = &finding.verdict {
        case.set_system_out(format!("warning: {reason}\nrule: {}\n{}", finding.rule, finding.link));
    }
    case
}

/// The rule, and what was sent and received.
fn transcript(finding: &Finding) -> String {
    let mut text = format!("{}\n{}\n", finding.rule, finding.link);
    for exchange in &finding.exchanges {
        text.push_str(&format!("\n> {}\n\n< {}\n", exchange.sent, exchange.received));
    }
    text
}
