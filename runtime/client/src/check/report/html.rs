//! The report of checks as one page of HTML.

use maud::{Markup, html};

use super::{
    super::{
        finding::{Finding, Report, Verdict},
        row::READ,
        suite::Suite,
    },
    page::{Tile, page, tiles},
};

/// The report as a page that needs no other file and no script. What failed is open, the rest opens with a click.
#[must_use]
pub fn html(report: &Report) -> String {
    let tile = |name, word: &'static str| Tile { name, value: report.count(word).to_string(), class: word };
    let body = html! {
        h1 { "Checks of " (report.server) }
        p.soft { (report.url) }
        @if !report.versions.is_empty() { p.soft { "Revisions: " (report.versions.join(", ")) } }
        (tiles(&[tile("passed", "passed"), tile("failed", "failed"), tile("warnings", "warning"), tile("skipped", "skipped")]))
        @for suite in Suite::ALL {
            (section(report, suite))
        }
        p.soft { "The specification of MCP was read on " (READ) "." }
    };
    page(&format!("Checks of {}", report.server), &body)
}

fn section(report: &Report, suite: Suite) -> Markup {
    let findings: Vec<&Finding> = report.findings.iter().filter(|one| one.suite == suite).collect();
    html! {
        @if !findings.is_empty() {
            section {
                h2 { (suite.name()) }
                @for finding in findings { (check(finding)) }
            }
        }
    }
}

fn check(finding: &Finding) -> Markup {
    let word = finding.verdict.word();
    let is_open = matches!(finding.verdict, Verdict::Failed(_));
    html! {
        details.check open[is_open] {
            summary {
                span class={ "word " (word) } { (word) }
                span { (finding.title) }
                code { (finding.id) }
                @if let Some(era) = finding.era { span.era { (era) } }
            }
            div {
                @if let Some(reason) = finding.verdict.reason() { p.reason { (reason) } }
                p.soft { "Rule: " (finding.rule) " " a href=(finding.link) { "Where it comes from" } }
                @for exchange in &finding.exchanges {
                    pre { (exchange.sent) }
                    pre { (exchange.received) }
                }
            }
        }
    }
}
