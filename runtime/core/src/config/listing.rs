//! What the command `config` of a program prints: the effective value and the source of each setting.

use std::fmt::Write;

use serde_json::{Value, json};

use super::{
    postgres_url::listed,
    sources::{Settings, Source},
    variables::{VARIABLES, Variable, is_of_lambda},
};

/// Parts of the names of variables with secrets.
const SECRET: [&str; 10] = [
    "SECRET",
    "PASSWORD",
    "TOKEN",
    "CREDENTIAL",
    "STATE_KEYS",
    "LOGIN_KEYS",
    "UPSTREAM_KEYS",
    "LOCAL_USERS",
    "PRIVATE",
    "OTLP_HEADERS",
];
/// What is shown instead of a secret.
const HIDDEN: &str = "(hidden)";

/// One setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The name of the variable.
    pub name: &'static str,
    /// Its effective value, or a description of it.
    pub value: String,
    /// Where the value comes from.
    pub source: String,
    /// What the variable sets.
    pub meaning: &'static str,
}

/// All settings. The program may have defaults of its own, by the name of their variable.
#[must_use]
pub fn listing(settings: &Settings, of_program: &[(&str, String)]) -> Vec<Listed> {
    let listed = |variable: &Variable| {
        let source = settings.source(variable);
        let own = of_program.iter().find(|(name, _)| *name == variable.name).map(|(_, value)| value.clone());
        let (value, source) = match (source, own) {
            (Source::Default, Some(own)) => (own, "program".to_owned()),
            (Source::Default, None) if is_of_lambda(variable) => {
                (variable.default.to_owned(), "not on Lambda".to_owned())
            }
            (Source::Default, None) => (variable.default.to_owned(), Source::Default.to_string()),
            (source, _) => (value(settings, variable), source.to_string()),
        };
        Listed { name: variable.name, value, source, meaning: variable.meaning }
    };
    VARIABLES.iter().map(listed).collect()
}

fn value(settings: &Settings, variable: &Variable) -> String {
    let value = settings.get(variable.name).or_else(|| settings.get(variable.alias?)).unwrap_or_default();
    match is_secret(variable) {
        true => HIDDEN.to_owned(),
        false => listed(value.trim()).unwrap_or_else(|| without_password(value.trim())),
    }
}

fn is_secret(variable: &Variable) -> bool {
    SECRET.iter().any(|part| variable.name.contains(part))
}

/// A URL without its user and password.
fn without_password(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    match authority.rsplit_once('@') {
        Some((user, host)) => format!("{scheme}://{HIDDEN}@{host}{}", &rest[user.len() + 1 + host.len()..]),
        None => text.to_owned(),
    }
}

/// The settings as columns of text.
#[must_use]
pub fn text(settings: &[Listed]) -> String {
    let width = |column: fn(&Listed) -> &str, title: &str| {
        settings.iter().map(|listed| column(listed).chars().count()).chain([title.len()]).max().unwrap_or(0)
    };
    let name = width(|listed| listed.name, "setting");
    // One long value does not push all sources out of sight.
    let value = width(|listed| &listed.value, "value").min(44);
    let mut text = format!("{:name$}  {:value$}  source\n", "setting", "value");
    for listed in settings {
        let _ = writeln!(text, "{:name$}  {:value$}  {}", listed.name, listed.value, listed.source);
    }
    text
}

/// The settings as an array of JSON.
#[must_use]
pub fn json(settings: &[Listed]) -> Value {
    let object = |listed: &Listed| json!({ "name": listed.name, "value": listed.value, "source": listed.source, "meaning": listed.meaning });
    settings.iter().map(object).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_a_url_is_hidden() {
        for (url, shown) in [
            ("https://collector.example:4318/v1", "https://collector.example:4318/v1"),
            ("https://me:pass@collector.example/v1?a=@b", "https://(hidden)@collector.example/v1?a=@b"),
            ("http://token@host", "http://(hidden)@host"),
            ("on", "on"),
        ] {
            assert_eq!(without_password(url), shown);
        }
    }

    #[test]
    fn keys_and_headers_are_secrets_and_the_rest_is_not() {
        let secret: Vec<_> =
            VARIABLES.iter().filter(|variable| is_secret(variable)).map(|v| v.name).collect();
        for name in [
            "MCP_STATE_KEYS",
            "MCP_LOGIN_KEYS",
            "MCP_LOGIN_UPSTREAM_KEYS",
            "MCP_LOGIN_LOCAL_USERS",
            "OTEL_EXPORTER_OTLP_HEADERS",
        ] {
            assert!(secret.contains(&name), "{secret:?}");
        }
        for name in [
            "MCP_LISTEN",
            "MCP_MAX_HEADERS",
            "MCP_JWT_ISSUER",
            "MCP_MAX_HEADER_BYTES",
            "MCP_LOGIN_SIGNING_KEYS",
        ] {
            assert!(!secret.contains(&name), "{secret:?}");
        }
    }
}
