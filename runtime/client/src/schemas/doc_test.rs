//! The page of the client lists every rule as the table has it.

use super::{RULES, Rule};

fn row(rule: &Rule) -> String {
    format!("| `{}` | {} [Source]({}) | {} |", rule.id, rule.text, rule.link, rule.read)
}

#[test]
fn docs_client_schemas_has_a_row_for_every_rule_and_no_other() {
    let page = include_str!("../../../../docs/client-schemas.md");
    let expected: Vec<String> = RULES.iter().map(row).collect();
    let found: Vec<&str> = page.lines().filter(|line| line.contains("[Source](")).collect();
    assert_eq!(found, expected, "docs/client-schemas.md should have these rows:\n{}", expected.join("\n"));
}
