//! URI templates of resources, while a URI is typed.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// What `{name}` encodes: all but the unreserved characters of RFC 3986.
const SIMPLE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// What `{+name}` encodes: it keeps the reserved characters.
const RESERVED: &AsciiSet = &SIMPLE
    .remove(b':')
    .remove(b'/')
    .remove(b'?')
    .remove(b'#')
    .remove(b'[')
    .remove(b']')
    .remove(b'@')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=');

/// What a template has after the text that is typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// The URI up to the next variable, or to its end: whether there is a next variable.
    Literal { uri: String, goes_on: bool },
    /// A variable, at the cursor.
    Variable(Variable),
}

/// A variable of a template, with what is typed of its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) value: String,
    /// The variables before it.
    pub(super) given: Vec<(String, String)>,
    /// The URI before the value, and the text of the template behind it.
    pub(super) before: String,
    pub(super) after: String,
    /// Whether another variable follows.
    pub(super) goes_on: bool,
    keeps_reserved: bool,
}

impl Variable {
    /// The URI with this value, up to the next variable.
    pub(super) fn uri(&self, value: &str) -> String {
        let set = if self.keeps_reserved { RESERVED } else { SIMPLE };
        format!("{}{}{}", self.before, utf8_percent_encode(value, set), self.after)
    }
}

/// What could follow the text. `None` if no URI of the template begins with the text, if the text is a whole URI, or if the
/// variable at its end is neither `{name}` nor `{+name}`.
pub(super) fn next(template: &str, typed: &str) -> Option<Next> {
    let (mut at, mut rest) = (0, template);
    let mut given = Vec::new();
    loop {
        let (literal, expression) = rest.split_once('{').unwrap_or((rest, ""));
        let tail = &typed[at..];
        if tail.len() < literal.len() {
            let goes_on = rest.contains('{');
            let uri = format!("{}{literal}", &typed[..at]);
            return literal.starts_with(tail).then_some(Next::Literal { uri, goes_on });
        }
        if !tail.starts_with(literal) {
            return None;
        }
        at += literal.len();
        let (expression, behind) = expression.split_once('}')?;
        let (name, keeps_reserved) = variable(expression)?;
        let after = behind.split('{').next().unwrap_or_default();
        let end = after.chars().next().and_then(|first| typed[at..].find(first));
        let value = &typed[at..end.map_or(typed.len(), |end| at + end)];
        let value_typed = percent_decode_str(value).decode_utf8_lossy().into_owned();
        let Some(end) = end else {
            return Some(Next::Variable(Variable {
                name: name.to_owned(),
                value: value_typed,
                given,
                before: typed[..at].to_owned(),
                after: after.to_owned(),
                goes_on: behind.contains('{'),
                keeps_reserved,
            }));
        };
        given.push((name.to_owned(), value_typed));
        at += end;
        rest = behind;
    }
}

/// The name in an expression with one variable, and whether its value keeps reserved characters.
fn variable(expression: &str) -> Option<(&str, bool)> {
    let (name, keeps_reserved) = match expression.strip_prefix('+') {
        Some(name) => (name, true),
        None => (expression, false),
    };
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.';
    (!name.is_empty() && name.bytes().all(is_name)).then_some((name, keeps_reserved))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENTS: &str = "event://{source}/{type}";

    fn literal(uri: &str, goes_on: bool) -> Option<Next> {
        Some(Next::Literal { uri: uri.to_owned(), goes_on })
    }

    fn at(template: &str, typed: &str) -> Variable {
        match next(template, typed) {
            Some(Next::Variable(variable)) => variable,
            other => panic!("{typed}: {other:?}"),
        }
    }

    #[test]
    fn the_literal_parts_of_a_template_are_completed() {
        assert_eq!(next(EVENTS, ""), literal("event://", true));
        assert_eq!(next(EVENTS, "eve"), literal("event://", true));
        assert_eq!(next(EVENTS, "http"), None);
        assert_eq!(next("a://{id}/data", "a://7/d"), literal("a://7/data", false));
        assert_eq!(next("a://{id}/data", "a://7/other"), None);
        assert_eq!(next("a://{id}/data", "a://7/data"), None);
        assert_eq!(next("a://b", "a://b"), None);
    }

    #[test]
    fn a_variable_has_those_before_it_as_its_context() {
        let source = at(EVENTS, "event://or");
        assert_eq!((source.name.as_str(), source.value.as_str(), source.given.len()), ("source", "or", 0));
        assert_eq!((source.uri("orders").as_str(), source.goes_on), ("event://orders/", true));
        let kind = at(EVENTS, "event://caf%C3%A9/");
        assert_eq!((kind.name.as_str(), kind.value.as_str()), ("type", ""));
        assert_eq!(kind.given, [("source".to_owned(), "café".to_owned())]);
        assert_eq!((kind.uri("paid").as_str(), kind.goes_on), ("event://caf%C3%A9/paid", false));
    }

    #[test]
    fn values_are_encoded_as_their_expression_wants_it() {
        assert_eq!(at("a://{id}", "a://").uri("é/ 1"), "a://%C3%A9%2F%201");
        assert_eq!(at("file:///{+path}", "file:///").uri("src/a b.rs"), "file:///src/a%20b.rs");
    }

    #[test]
    fn expressions_of_other_forms_and_broken_templates_are_not_completed() {
        for template in ["a://{?q}", "a://{x,y}", "a://{x:3}", "a://{x*}", "a://{", "a://{}", "a://{+}"] {
            assert_eq!(next(template, "a://"), None, "{template}");
        }
    }
}
