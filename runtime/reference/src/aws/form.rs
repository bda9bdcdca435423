//! A form, as the query protocol of AWS takes it: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Query-Requests.html>
//! (read 2026-11-28).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What stays as it is: the unreserved characters of RFC 3986.
const ENCODED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Names and values.
#[derive(Default)]
pub(crate) struct Form(String);

impl Form {
    /// Adds a field.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        if !self.0.is_empty() {
            self.0.push('&');
        }
        self.0.push_str(name);
        self.0.push('=');
        self.0.extend(utf8_percent_encode(value, &ENCODED));
        self
    }

    /// Adds a field, if it has a value.
    #[must_use]
    pub(crate) fn with_some(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// The text of a form without an action: a query.
    pub(crate) fn query(self) -> String {
        self.0
    }

    /// The text, with the action and the version of the API.
    pub(super) fn finish(self, action: &str, version: &str) -> String {
        self.with("Action", action).with("Version", version).0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_characters_are_encoded() {
        let form = Form::default().with("Message", "a b&c=é/~").with_some("Subject", None);
        assert_eq!(
            form.finish("Publish", "2010-03-31"),
            "Message=a%20b%26c%3D%C3%A9%2F~&Action=Publish&Version=2010-03-31"
        );
    }
}
