//! Names of tools and prompts in metrics, where each is a series of its own.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

/// The most names of one process.
const NAMES: usize = 100;
/// The longest name, in bytes.
const LENGTH: usize = 128;
/// The name of all others.
const OTHER: &str = "_OTHER";

/// The names that have a series of their own.
#[derive(Debug, Default)]
pub(crate) struct KnownNames(Mutex<HashSet<Box<str>>>);

impl KnownNames {
    /// The name for a metric: the name itself, if it is one of the server's and there are not too many.
    pub(crate) fn of<'a>(&self, name: &'a str, is_known: bool) -> &'a str {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if names.contains(name) {
            return name;
        }
        if !is_known || names.len() >= NAMES || name.len() > LENGTH {
            return OTHER;
        }
        names.insert(name.into());
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_adds_no_names_and_a_server_a_hundred() {
        let names = KnownNames::default();
        assert_eq!(names.of("invented", false), OTHER);
        assert_eq!(names.of(&"x".repeat(LENGTH + 1), true), OTHER);
        for at in 0..NAMES {
            let name = format!("tool {at}");
            assert_eq!(names.of(&name, true), name);
        }
        assert_eq!(names.of("one more", true), OTHER);
        // A tool that fails is still known.
        assert_eq!(names.of("tool 1", false), "tool 1");
    }
}
