//! The cursor of a list of several handlers: the cursors of those that have more.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// The longest cursor that is read, in characters.
const LONGEST: usize = 64 * 1024;

/// The cursor of each handler that has more pages, by its prefix. A client could write one, but no other than it could send
/// to the handlers themselves: each handler judges its own cursor.
#[derive(Debug, Default, PartialEq)]
pub(super) struct ListCursor(BTreeMap<String, String>);

impl ListCursor {
    pub(super) fn insert(&mut self, prefix: &str, cursor: String) {
        self.0.insert(prefix.to_owned(), cursor);
    }

    pub(super) fn get(&self, prefix: &str) -> Option<&str> {
        self.0.get(prefix).map(String::as_str)
    }

    /// The cursor as text. `None`: no handler has more.
    pub(super) fn text(&self) -> Option<String> {
        let json = serde_json::to_vec(&self.0).ok().filter(|_| !self.0.is_empty())?;
        Some(URL_SAFE_NO_PAD.encode(json))
    }

    /// Reads a cursor. `None` for text that [`text`](Self::text) cannot have written for these prefixes.
    pub(super) fn read(text: &str, is_prefix: impl Fn(&str) -> bool) -> Option<Self> {
        if text.len() > LONGEST {
            return None;
        }
        let json = URL_SAFE_NO_PAD.decode(text).ok()?;
        let cursors: BTreeMap<String, String> = serde_json::from_slice(&json).ok()?;
        (!cursors.is_empty() && cursors.keys().all(|prefix| is_prefix(prefix))).then_some(Self(cursors))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_that_was_not_issued_is_none() {
        let mut cursor = ListCursor::default();
        assert_eq!(cursor.text(), None);
        cursor.insert("time", "page 2".into());
        let text = cursor.text().expect("a cursor");
        assert_eq!(ListCursor::read(&text, |prefix| prefix == "time"), Some(cursor));
        assert_eq!(ListCursor::read(&text, |prefix| prefix == "files"), None);
        for text in ["", "page 2", "e30", "W10", &"A".repeat(LONGEST + 1)] {
            assert_eq!(ListCursor::read(text, |_| true), None, "{text:.20}");
        }
    }
}
