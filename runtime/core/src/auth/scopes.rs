//! What a scope includes, and what a tool needs.

use super::Principal;

/// Names and the scopes that go with them. A name may end in `*`; all that fit count together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScopeTable(Vec<(String, Vec<String>)>);

impl ScopeTable {
    /// Adds scopes for a name.
    pub fn add<S: Into<String>>(&mut self, name: &str, scopes: impl IntoIterator<Item = S>) {
        self.0.push((name.to_owned(), scopes.into_iter().map(Into::into).collect()));
    }

    /// Adds the names of another table.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every scope of a name, each once, in the order they were written.
    pub(crate) fn of(&self, name: &str) -> Vec<&str> {
        let mut all = Vec::new();
        for (pattern, scopes) in &self.0 {
            if fits(pattern, name) {
                all.extend(
                    scopes
                        .iter()
                        .map(String::as_str)
                        .filter(|scope| !all.contains(scope))
                        .collect::<Vec<_>>(),
                );
            }
        }
        all
    }

    /// Every scope of every name, each once.
    pub(crate) fn all(&self) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        for scope in self.0.iter().flat_map(|(_, scopes)| scopes) {
            if !all.contains(scope) {
                all.push(scope.clone());
            }
        }
        all
    }

    /// Whether a caller holds every scope of a name.
    pub(crate) fn allows(&self, principal: &Principal, name: &str) -> bool {
        self.of(name).into_iter().all(|scope| principal.has_scope(scope))
    }

    /// These scopes and everything they include, however far down.
    pub(crate) fn with_included(&self, scopes: &[String]) -> Vec<String> {
        let mut all = scopes.to_vec();
        let mut at = 0;
        while let Some(scope) = all.get(at).cloned() {
            for included in self.of(&scope) {
                if !all.iter().any(|held| held == included) {
                    all.push(included.to_owned());
                }
            }
            at += 1;
        }
        all
    }
}

fn fits(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => pattern == name,
    }
}
