//! Reports of a run with known findings.

use super::{html, json, junit, line, summary};
use crate::check::{Era, Exchange, Finding, Report, Suite, Verdict};

fn finding(id: &'static str, verdict: Verdict) -> Finding {
    Finding {
        id,
        suite: Suite::Protocol,
        era: Some(Era::Stateless),
        title: "Ids of responses",
        rule: "A response has the id of its request.",
        link: "https://example.com/rule",
        verdict,
        milliseconds: 5,
        exchanges: vec![Exchange {
            sent: "POST /mcp".into(),
            received: "HTTP 200\n\n<script>alert(1)</script>\u{1b}[31m".into(),
        }],
    }
}

fn report() -> Report {
    Report {
        url: "http://127.0.0.1:9000/mcp".into(),
        server: "<b>a server</b> 1.0".into(),
        versions: vec!["2026-07-28".into()],
        milliseconds: 1234,
        findings: vec![
            finding("protocol.one", Verdict::Passed),
            finding("protocol.two", Verdict::Failed("the id is \"7\" & not 7".into())),
            finding("protocol.three", Verdict::Warning("no serverInfo".into())),
            finding("protocol.four", Verdict::Skipped("no tools".into())),
        ],
    }
}

#[test]
fn a_page_has_what_the_server_sent_as_text_and_no_script() {
    let page = html(&report());
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;") && page.contains("&lt;b&gt;a server"));
    assert!(!page.contains("<script") && !page.contains("http-equiv") && !page.contains(" src="));
    assert_eq!(page.matches("<details class=\"check\" open").count(), 1, "what failed is open");
}

#[test]
fn junit_counts_failures_and_skips_and_keeps_no_characters_that_xml_forbids() {
    let xml = junit(&report()).expect("XML");
    assert!(
        xml.contains("tests=\"4\"") && xml.contains("failures=\"1\"") && xml.contains("skipped=\"1\""),
        "{xml}"
    );
    assert!(xml.contains("the id is &quot;7&quot; &amp; not 7"), "{xml}");
    assert!(!xml.contains('\u{1b}') && xml.contains("warning: no serverInfo"));
}

#[test]
fn json_has_a_result_and_a_reason_for_each_finding() {
    let value: serde_json::Value = serde_json::from_str(&json(&report()).expect("JSON")).expect("JSON");
    assert_eq!(value["findings"][1]["result"], "failed");
    assert_eq!(value["findings"][1]["reason"], "the id is \"7\" & not 7");
    assert_eq!(
        (&value["findings"][0]["result"], &value["findings"][0]["era"]),
        (&"passed".into(), &"2026-07-28".into())
    );
}

#[test]
fn lines_of_a_terminal_say_what_is_wrong_and_which_rule_it_breaks() {
    let report = report();
    let failed = line(&report.findings[1]);
    assert!(
        failed.starts_with("failed   protocol.two") && failed.contains("https://example.com/rule"),
        "{failed}"
    );
    assert_eq!(line(&report.findings[0]).lines().count(), 1);
    assert!(summary(&report).ends_with("1 passed, 1 failed, 1 warnings, 1 skipped in 1.2 s"));
}
