//! Secrets are compared in constant time: the source of the login compares them as a `Hash`, whose `==` is that of `subtle`.

use std::{fs, path::Path};

use mcp_lambda_server::config::Secret;

/// Words in the names of what a caller must not find out.
const SECRETS: [&str; 12] = [
    "secret",
    "password",
    "token",
    "verifier",
    "challenge",
    "nonce",
    "cookie",
    "browser",
    "digest",
    "sealed",
    "signature",
    "code",
];
/// What makes a `Hash`. It is compared with a `Hash` alone, as the compiler sees to.
const HASHES: [&str; 4] = ["hash(", "Hash::", "challenge(", ".hash()"];
/// A record that the server has just written, as the store has it; and a URL.
const HARMLESS: [&str; 2] = ["found.sealed == record.sealed", "known.jwks_uri == found.jwks_uri"];

/// Whether a line of code compares a secret with something else than a text of the source or a number.
fn compares_a_secret(line: &str) -> bool {
    let line = line.trim();
    if line.starts_with("//") || HARMLESS.iter().any(|known| line.contains(known)) {
        return false;
    }
    let compared = ["==", "!=", ".eq(", ".ne("].iter().any(|operator| {
        line.match_indices(operator).any(|(at, _)| {
            let right = line[at + operator.len()..].trim_start();
            let known =
                right.starts_with(|c: char| c == '"' || c.is_ascii_digit()) || right.starts_with("Some(\"");
            !known && !right.starts_with("StatusCode::") && !right.starts_with("Method::")
        })
    });
    compared
        && SECRETS.iter().any(|word| line.to_ascii_lowercase().contains(word))
        && !HASHES.iter().any(|hash| line.contains(hash))
}

/// The files of a folder, without those that are tests.
fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if path.is_dir() {
            sources(&path, found);
        } else if !["tests.rs", "flow.rs"].contains(&&*name) {
            let text = fs::read_to_string(&path).expect("a text");
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned();
            found.push((path.display().to_string(), code));
        }
    }
}

#[test]
fn no_secret_is_compared_in_a_time_that_depends_on_it() {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../runtime/login/src"));
    let mut files = Vec::new();
    sources(root, &mut files);
    assert!(files.len() > 30, "{} files", files.len());
    let found: Vec<_> = files
        .iter()
        .flat_map(|(path, code)| code.lines().map(move |line| (path, line)))
        .filter(|(_, line)| compares_a_secret(line))
        .collect();
    assert!(found.is_empty(), "compare them as `keys::hash(..)`: {found:#?}");
    let keys = &files
        .iter()
        .find(|(path, _)| path.ends_with("/keys.rs") && !path.contains("upstream"))
        .expect("keys")
        .1;
    let equality = keys.split("impl PartialEq for Hash {").nth(1).and_then(|rest| rest.split("\n}").next());
    assert!(equality.is_some_and(|code| code.contains(".ct_eq(")), "{equality:?}");
}

#[test]
fn the_check_finds_comparisons_of_secrets_and_no_others() {
    for line in [
        "if form.password == user.password {",
        "if code.verifier != verifier {",
        "let same = token.eq(&known);",
        "(cookie != known) && name == \"a\"",
    ] {
        assert!(compares_a_secret(line), "{line}");
    }
    for line in [
        "if keys::hash(&[id]) != token.grant.client {",
        "// password == password",
        "if parameters.require(\"response_type\")? != \"code\" {",
        "if value.len() == 32 && is_token {",
        "if path == known {",
    ] {
        assert!(!compares_a_secret(line), "{line}");
    }
}

#[test]
fn secrets_of_the_configuration_are_equal_when_their_texts_are() {
    let secret = Secret::new("planted-secret");
    assert!(secret == Secret::new("planted-secret"));
    for other in ["planted-secreT", "planted", "planted-secret-and-more", ""] {
        assert!(secret != Secret::new(other), "{other}");
    }
}
