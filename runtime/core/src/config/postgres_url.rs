//! The URL of a database, which may have a password.

use std::{fmt, str::FromStr};

const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];

/// What is shown instead of a host that may be part of a password.
const HIDDEN: &str = "(hidden)";

/// The URL of a database of `PostgreSQL`: `postgres://user:password@host:port/database?setting=value`. Its texts have neither user,
/// nor password, nor settings.
///
/// ```
/// use mcp_lambda_server::config::PostgresUrl;
///
/// let url: PostgresUrl = "postgres://mcp:secret@db.example/mcp?sslmode=require".parse()?;
/// assert_eq!(url.to_string(), "postgres://db.example/mcp");
/// # Ok::<(), mcp_lambda_server::config::InvalidPostgresUrl>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl(String);

/// A text that is no URL of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the URL of a database starts with postgres:// and names a host or a database")]
#[non_exhaustive]
pub struct InvalidPostgresUrl;

impl PostgresUrl {
    /// The whole URL, with the password.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for PostgresUrl {
    type Err = InvalidPostgresUrl;

    fn from_str(text: &str) -> Result<Self, InvalidPostgresUrl> {
        let rest = SCHEMES.iter().find_map(|scheme| text.strip_prefix(scheme));
        rest.filter(|rest| !rest.is_empty()).map(|_| Self(text.to_owned())).ok_or(InvalidPostgresUrl)
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest) = self.0.split_once("://").unwrap_or_default();
        let (before, settings) = rest.split_once('?').unwrap_or((rest, ""));
        let host = before.rsplit_once('@').map_or(before, |(_, host)| host);
        // A password that is not encoded may have any character, and end anywhere.
        write!(f, "{scheme}://{}", if settings.contains('@') { HIDDEN } else { host })
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A text without what is before its last `@`, which may be a password.
pub(super) fn without_user(text: &str) -> String {
    match text.rsplit_once('@') {
        Some((_, host)) => format!("(hidden)@{host}"),
        None => text.to_owned(),
    }
}

/// The URL of a database in the list of settings. `None`: the text is none.
pub(super) fn listed(text: &str) -> Option<String> {
    let url: PostgresUrl = text.parse().ok()?;
    let hidden = if text.contains(['@', '?']) { "(hidden)@" } else { "" };
    let shown = url.to_string();
    let (scheme, host) = shown.split_once("://")?;
    Some(format!("{scheme}://{hidden}{host}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_of_a_url_has_its_password() {
        for url in [
            "postgres://me:pass@db/mcp",
            "postgres://me:pa/ss@db/mcp",
            "postgres://me:pa@ss@db/mcp?sslmode=require",
            "postgres://db/mcp?user=me&password=pass",
        ] {
            let parsed: PostgresUrl = url.parse().expect("a URL");
            assert_eq!(format!("{parsed} {parsed:?}"), "postgres://db/mcp postgres://db/mcp", "{url}");
            assert_eq!(parsed.expose(), url);
            assert_eq!(listed(url).as_deref(), Some("postgres://(hidden)@db/mcp"));
        }
        for url in ["postgres://me:pa?ss@db/mcp", "postgres://db/mcp?password=pa@ss"] {
            assert_eq!(url.parse::<PostgresUrl>().expect("a URL").to_string(), "postgres://(hidden)");
        }
        assert_eq!(listed("postgres://db/mcp").as_deref(), Some("postgres://db/mcp"));
        assert_eq!(listed("sqlite:a@b"), None);
        assert_eq!(without_user("postgres:/me:pass@db"), "(hidden)@db");
    }

    #[test]
    fn other_texts_are_no_url() {
        for text in ["postgres:", "postgres://", "mysql://db/mcp", "db/mcp", "host=db password=x", ""] {
            assert_eq!(text.parse::<PostgresUrl>(), Err(InvalidPostgresUrl), "{text}");
        }
    }
}
