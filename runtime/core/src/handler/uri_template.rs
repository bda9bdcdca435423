//! What a URI template can expand to, as far as a subscription needs it.

use crate::uri::normalized;

/// A URI template ([RFC 6570](https://datatracker.ietf.org/doc/html/rfc6570)): the text between its expressions.
/// An expression is read as any text, slashes too, because servers fill `file:///{path}` with whole paths.
pub(super) struct UriTemplate {
    /// The text before the first expression, between two, and behind the last one, normalized.
    literals: Vec<String>,
}

impl UriTemplate {
    pub(super) fn new(template: &str) -> Self {
        // Braces are no characters of URIs: the normalized form has them encoded.
        let template = normalized(template);
        let mut literals = Vec::new();
        let mut rest = &*template;
        while let Some((literal, expression)) = rest.split_once("%7B") {
            let Some((_, behind)) = expression.split_once("%7D") else { break };
            literals.push(literal.to_owned());
            rest = behind;
        }
        literals.push(rest.to_owned());
        Self { literals }
    }

    /// Whether the template can expand to a normalized URI, or to one below it.
    pub(super) fn can_match(&self, uri: &str) -> bool {
        let below = format!("{}/", uri.strip_suffix('/').unwrap_or(uri));
        self.expands_to(uri) || self.goes_on_behind(&below)
    }

    /// Whether the template can expand to a normalized URI.
    pub(super) fn can_become(&self, uri: &str) -> bool {
        self.expands_to(uri)
    }

    /// Each literal where it is found first leaves the most for those behind it, except the last one, which is the end.
    fn expands_to(&self, uri: &str) -> bool {
        let [first, between @ .., last] = &*self.literals else {
            return self.literals.iter().any(|all| all == uri);
        };
        let Some(mut rest) = uri.strip_prefix(first.as_str()) else { return false };
        for literal in between {
            let Some((_, behind)) = rest.split_once(literal.as_str()) else { return false };
            rest = behind;
        }
        rest.ends_with(last.as_str())
    }

    /// Whether the text ends within a literal, or where an expression begins.
    fn goes_on_behind(&self, text: &str) -> bool {
        // Whether the text from one of these positions on is the begin of the rest of the template.
        let mut rests = vec![text];
        for (number, literal) in self.literals.iter().enumerate() {
            if number > 0 {
                let Some(longest) = rests.first() else { return false };
                rests = longest.char_indices().map(|(at, _)| &longest[at..]).collect();
            }
            if rests.iter().any(|rest| literal.starts_with(rest)) {
                return true;
            }
            rests.retain_mut(|rest| match rest.strip_prefix(literal.as_str()) {
                Some(behind) => {
                    *rest = behind;
                    true
                }
                None => false,
            });
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::UriTemplate;

    #[test]
    fn a_template_matches_what_it_can_expand_to_and_what_lies_above_that() {
        for (template, uris) in [
            ("test://{name}", &["test://one", "test://one/two", "test://"][..]),
            (
                "file:///logs/{date}.txt",
                &["file:///logs/1.txt", "file:///logs", "file:///logs/", "file:///logs/a/b.txt"],
            ),
            ("a://b/{id}/data", &["a://b/1/data", "a://b/1", "a://b", "a://b/1/2"]),
            ("a://b/{id}/data/{part}", &["a://b/1/data/2", "a://b/1/data", "a://b/1"]),
            ("A://B/{id}", &["a://b/1"]),
            ("a://b/c{?query}", &["a://b/c", "a://b/c?query=1"]),
            ("a://b/c", &["a://b/c", "a://b"]),
        ] {
            for uri in uris {
                assert!(UriTemplate::new(template).can_match(uri), "{template} {uri}");
            }
        }
    }

    #[test]
    fn a_template_matches_nothing_else() {
        for (template, uris) in [
            ("file:///logs/{date}.txt", &["file:///log", "file:///logs/1.pdf", "file:///logs.txt"][..]),
            ("a://b/{id}/data", &["a://c/1/data", "a://bc", "b://b/1/data"]),
            ("a://b/c", &["a://b/c/d", "a://b/d", ""]),
        ] {
            for uri in uris {
                assert!(!UriTemplate::new(template).can_match(uri), "{template} {uri}");
            }
        }
    }
}
