//! `docs/conformance.md`: every rule of the protocol names a test that exists, or says that it is not built yet.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

const NOT_BUILT: &str = "Not built yet";
/// The number of rules. A new rule gets the next number, and no number is used again.
const RULES: u32 = 123;

/// One line of a table.
#[derive(Debug, PartialEq)]
struct Rule {
    number: u32,
    link: String,
    tests: String,
}

/// The lines of all tables: those that begin with a number.
fn rules(document: &str) -> Vec<Rule> {
    let cells = |line: &str| -> Option<Rule> {
        let cells: Vec<&str> = line.strip_prefix('|')?.strip_suffix('|')?.split('|').map(str::trim).collect();
        let number = cells.first()?.parse().ok()?;
        let [_, _versions, _rule, link, tests] = cells[..] else { panic!("not five cells: {line}") };
        Some(Rule { number, link: link.to_owned(), tests: tests.to_owned() })
    };
    document.lines().filter_map(cells).collect()
}

/// The files and functions that a cell names.
fn named(tests: &str) -> Vec<(String, String)> {
    let quoted = tests.split('`').skip(1).step_by(2);
    let split = |test: &str| {
        let (file, function) = test.split_once("::").unwrap_or_else(|| panic!("no function: {test}"));
        (file.to_owned(), function.to_owned())
    };
    quoted.map(split).collect()
}

/// Whether the file has a test function of this name: one below an attribute that makes it a test.
fn has_test(source: &str, function: &str) -> bool {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let is_it = |line: &&str| {
        let line = line.trim_start_matches("async ");
        line.strip_prefix("fn ").and_then(|rest| rest.split('(').next()) == Some(function)
    };
    let is_in_proptest = source.contains("proptest! {");
    lines.iter().position(is_it).is_some_and(|at| {
        let above = lines[..at].iter().rev().take_while(|line| line.starts_with(['#', '/']));
        let mut attributes = above.filter(|line| line.starts_with('#'));
        attributes.any(|line| line.contains("test")) || is_in_proptest
    })
}

/// What is wrong with the document, if the tests are found with `source`.
fn faults(document: &str, source: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let rules = rules(document);
    let mut faults = Vec::new();
    let mut seen: BTreeMap<u32, usize> = BTreeMap::new();
    for rule in &rules {
        *seen.entry(rule.number).or_default() += 1;
        let tests = named(&rule.tests);
        if tests.is_empty() != rule.tests.starts_with(NOT_BUILT) {
            faults.push(format!("rule {} names no test, and does not say {NOT_BUILT:?}", rule.number));
        }
        let target = rule.link.split('[').nth(2).and_then(|link| link.strip_suffix(']'));
        if !target.is_some_and(|target| document.contains(&format!("\n[{target}]: https://"))) {
            faults.push(format!("rule {} has no link to a specification: {}", rule.number, rule.link));
        }
        for (file, function) in tests {
            if !source(&file).is_some_and(|source| has_test(&source, &function)) {
                faults.push(format!("rule {}: there is no test {file}::{function}", rule.number));
            }
        }
    }
    let all: BTreeSet<u32> = (1..=RULES).collect();
    let found: BTreeSet<u32> = seen.keys().copied().collect();
    faults.extend(
        all.symmetric_difference(&found).map(|number| format!("rule {number} is missing or unknown")),
    );
    faults.extend(
        seen.iter().filter(|(_, times)| **times > 1).map(|(number, _)| format!("rule {number} is doubled")),
    );
    faults
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// A file of tests, by its path below `tests/it`, or below the repository.
fn source(file: &str) -> Option<String> {
    let folder = if file.starts_with("tests/") { "" } else { "tests/it" };
    fs::read_to_string(root().join(folder).join(file)).ok()
}

#[test]
fn every_rule_of_the_protocol_names_a_test_that_exists() {
    let document = fs::read_to_string(root().join("docs/conformance.md")).expect("docs/conformance.md");
    assert_eq!(faults(&document, source), [""; 0]);
}

#[test]
fn a_rule_without_a_test_or_with_one_that_does_not_exist_is_found() {
    let lines = |change: &dyn Fn(u32) -> Option<&'static str>| -> String {
        let tests = |number| change(number).unwrap_or("`a.rs::exists`");
        let line = |number| format!("| {number} | all | A rule. | [spec][s] | {} |\n", tests(number));
        (1..=RULES).map(line).collect::<String>() + "\n[s]: https://example.com\n"
    };
    let source = |file: &str| (file == "a.rs").then(|| "#[test]\nfn exists() {}\nfn helper() {}".to_owned());
    let faults = |document: &str| faults(document, source);
    let good = lines(&|_| None);
    assert_eq!(faults(&good), [""; 0]);
    assert_eq!(faults(&lines(&|number| (number == 7).then_some("Not built yet: no tasks."))), [""; 0]);
    for (tests, fault) in [
        ("", "rule 7 names no test, and does not say \"Not built yet\""),
        ("`a.rs::gone`", "rule 7: there is no test a.rs::gone"),
        ("`a.rs::helper`", "rule 7: there is no test a.rs::helper"),
        ("`b.rs::exists`", "rule 7: there is no test b.rs::exists"),
    ] {
        assert_eq!(faults(&lines(&|number| (number == 7).then_some(tests))), [fault]);
    }
    assert_eq!(faults(&good.replace("| 7 | all", "| x | all")), ["rule 7 is missing or unknown"]);
    assert_eq!(
        faults(&good.replace("| 7 | all", "| 8 | all")),
        ["rule 7 is missing or unknown", "rule 8 is doubled"]
    );
    let unlinked = good.replace("| 7 | all | A rule. | [spec][s]", "| 7 | all | A rule. | [spec][t]");
    assert_eq!(faults(&unlinked), ["rule 7 has no link to a specification: [spec][t]"]);
}
