//! The page of checks lists every check as the catalog has it.

use super::{CHECKS, Check, Eras};

fn row(check: &Check) -> String {
    let eras = match check.eras {
        Eras::Each => "each",
        Eras::Session => "2025",
        Eras::Stateless => "2026-07-28",
        Eras::Once => "once",
    };
    format!("| `{}` | {eras} | {} [Source]({}) |", check.id, check.rule.text, check.rule.link)
}

#[test]
fn docs_client_checks_has_a_row_for_every_check_and_no_other() {
    let page = include_str!("../../../../docs/client-checks.md");
    let expected: Vec<String> = CHECKS.iter().map(row).collect();
    let found: Vec<&str> = page.lines().filter(|line| line.contains("[Source](")).collect();
    assert_eq!(found, expected, "docs/client-checks.md should have these rows:\n{}", expected.join("\n"));
}

#[test]
fn ids_are_unique_and_begin_with_their_suite() {
    let mut ids: Vec<&str> = CHECKS.iter().map(|check| check.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), CHECKS.len());
    assert!(CHECKS.iter().all(|check| check.id.starts_with(&format!("{}.", check.suite))));
}
