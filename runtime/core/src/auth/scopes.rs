//! The scopes that a tool requires, and those that a scope implies.

use super::Principal;

/// Maps names, of tools or of scopes, to scopes. A name may end in `*`. If several names match, all their scopes count.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScopeTable(Vec<(String, Vec<String>)>);

impl ScopeTable {
    /// Adds scopes to a name.
    pub fn add<S: Into<String>>(&mut self, name: &str, scopes: impl IntoIterator<Item = S>) {
        self.0.push((name.to_owned(), scopes.into_iter().map(Into::into).collect()));
    }

    /// Adds the entries of another table.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The scopes of a name, each once, in the order in which they were added.
    pub(crate) fn of(&self, name: &str) -> Vec<&str> {
        let mut all = Vec::new();
        for (pattern, scopes) in &self.0 {
            if matches(pattern, name) {
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

    /// The scopes of all names, each once.
    pub(crate) fn all(&self) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        for scope in self.0.iter().flat_map(|(_, scopes)| scopes) {
            if !all.contains(scope) {
                all.push(scope.clone());
            }
        }
        all
    }

    /// Whether a principal has every scope of a name.
    pub(crate) fn allows(&self, principal: &Principal, name: &str) -> bool {
        self.of(name).into_iter().all(|scope| principal.has_scope(scope))
    }

    /// These scopes and the scopes that they imply, directly or not.
    pub(crate) fn with_implied(&self, scopes: &[String]) -> Vec<String> {
        let mut all = scopes.to_vec();
        let mut index = 0;
        while let Some(scope) = all.get(index).cloned() {
            for implied in self.of(&scope) {
                if !all.iter().any(|held| held == implied) {
                    all.push(implied.to_owned());
                }
            }
            index += 1;
        }
        all
    }
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => pattern == name,
    }
}
