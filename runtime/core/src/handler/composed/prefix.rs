//! Prefixes of names: `<prefix>_<name>`.

use std::fmt;

use crate::error::ConfigError;

/// What stands between a prefix and a name.
const SEPARATOR: char = '_';
/// The longest prefix, in bytes: a name keeps three quarters of [`LONGEST_NAME`].
const LONGEST_PREFIX: usize = 32;
/// The longest name of a tool:
/// <https://modelcontextprotocol.io/specification/2026-07-28/server/tools#tool-names> (read 2026-11-20).
pub(super) const LONGEST_NAME: usize = 128;

/// The prefix of a handler's names.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Prefix(String);

impl Prefix {
    /// A prefix, which [`check`] judges.
    pub(super) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// A name of the handler as clients read it.
    pub(super) fn name(&self, own: &str) -> String {
        format!("{}{SEPARATOR}{own}", self.0)
    }

    /// The handler's own name of what clients name so.
    pub(super) fn own<'n>(&self, name: &'n str) -> Option<&'n str> {
        name.strip_prefix(&self.0)?.strip_prefix(SEPARATOR).filter(|own| !own.is_empty())
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Refuses prefixes under which a name would have two meanings, or no client could call it.
pub(super) fn check<'p>(prefixes: impl Iterator<Item = &'p Prefix>) -> Result<(), ConfigError> {
    const PREFIX: &str = "the prefix of a mounted server";
    let mut seen: Vec<&Prefix> = Vec::new();
    for prefix in prefixes {
        let is_valid = (1..=LONGEST_PREFIX).contains(&prefix.0.len())
            && prefix.0.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        if !is_valid {
            let expected = "1 to 32 letters, digits, hyphens and underscores";
            return Err(ConfigError::new(PREFIX, &prefix.0, expected));
        }
        for other in &seen {
            let begins = |one: &Prefix, two: &Prefix| two.own(&one.0).is_some();
            if *other == prefix || begins(prefix, other) || begins(other, prefix) {
                let expected = format!(
                    "another one: with the prefix {:?} of another server, the name of a tool would have two meanings",
                    other.0
                );
                return Err(ConfigError::new(PREFIX, &prefix.0, expected));
            }
        }
        seen.push(prefix);
    }
    if seen.is_empty() {
        return Err(ConfigError::new("the number of mounted servers", "0", "one or more"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(prefixes: &[&str]) -> Option<String> {
        let prefixes: Vec<Prefix> = prefixes.iter().copied().map(Prefix::new).collect();
        check(prefixes.iter()).err().map(|error| error.to_string())
    }

    #[test]
    fn a_prefix_under_which_a_name_has_two_meanings_is_refused() {
        for good in [&["time"][..], &["time", "times"], &["my_time", "my_files"], &["a-b", "a"]] {
            assert_eq!(refused(good), None, "{good:?}");
        }
        for (bad, text) in [
            (&["time", "time"][..], "another one"),
            (&["a", "a_b"], "another one"),
            (&["a_b", "a"], "another one"),
            (&[""], "1 to 32"),
            (&["a b"], "1 to 32"),
            (&["ä"], "1 to 32"),
            (&[], "one or more"),
        ] {
            let error = refused(bad).unwrap_or_else(|| panic!("{bad:?} is accepted"));
            assert!(error.contains(text), "{bad:?}: {error}");
        }
        assert!(refused(&[&"x".repeat(33)]).is_some());
    }

    #[test]
    fn a_name_is_read_as_it_is_written() {
        let prefix = Prefix::new("my_time");
        for own in ["now", "_now", "my_time_now", "a_b"] {
            assert_eq!(prefix.own(&prefix.name(own)), Some(own));
        }
        for foreign in ["my_time", "my_time_", "my_timenow", "now", ""] {
            assert_eq!(prefix.own(foreign), None, "{foreign}");
        }
    }
}
