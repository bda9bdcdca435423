//! How URIs of resources are compared: by their syntax, as in
//! [RFC 3986, 6.2.2](https://datatracker.ietf.org/doc/html/rfc3986#section-6.2.2).

use std::borrow::Cow;

use fluent_uri::Uri;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// What no URI has and clients write encoded: `new URL(uri).href` of JavaScript, Python's `AnyUrl`.
const NO_CHARACTER_OF_URIS: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// The schemes of which clients write an empty path as `/`.
const WITH_ROOT: [&str; 5] = ["http", "https", "ws", "wss", "ftp"];

/// Returns the form in which two URIs are compared: the case of the scheme, of the host and of percent-encoding,
/// characters that need no encoding, and dot segments make no difference. A text that is no URI is compared as it is,
/// with the characters encoded that no URI has.
pub(crate) fn normalized(uri: &str) -> Cow<'_, str> {
    let encoded: Cow<'_, str> = utf8_percent_encode(uri, NO_CHARACTER_OF_URIS).into();
    let encoded = with_percent_signs_encoded(encoded);
    let Ok(parsed) = Uri::parse(&*encoded) else { return encoded };
    let lacks_root = parsed.path().as_str().is_empty()
        && WITH_ROOT.iter().any(|scheme| parsed.scheme().as_str().eq_ignore_ascii_case(scheme));
    let mut normalized = parsed.normalize().into_string();
    if lacks_root {
        let end = normalized.find(['?', '#']).unwrap_or(normalized.len());
        normalized.insert(end, '/');
    }
    if normalized == uri { Cow::Borrowed(uri) } else { Cow::Owned(normalized) }
}

/// Whether a resource is the one that a URI names, or lies below it. Both are normalized. A scheme alone (`event://`) covers all
/// resources of it.
pub(crate) fn covers(uri: &str, resource: &str) -> bool {
    let ends_a_segment = uri.ends_with("://") || (uri.ends_with('/') && !uri.ends_with("//"));
    let continues = |rest: &str| ends_a_segment || (rest.starts_with('/') && !uri.ends_with(':'));
    resource.strip_prefix(uri).is_some_and(|rest| rest.is_empty() || continues(rest))
}

/// A percent sign that encodes nothing is one of the text.
fn with_percent_signs_encoded(uri: Cow<'_, str>) -> Cow<'_, str> {
    let encodes =
        |rest: &str| rest.as_bytes().get(..2).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit));
    if uri.split('%').skip(1).all(encodes) {
        return uri;
    }
    let mut parts = uri.split('%');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push_str(if encodes(part) { "%" } else { "%25" });
        text.push_str(part);
    }
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{covers, normalized};

    /// RFC 3986, 6.2.2.1 to 6.2.2.3.
    #[test]
    fn uris_are_compared_by_their_syntax() {
        for (written, same) in [
            ("HTTP://Example.COM", "http://example.com/"),
            ("http://example.com:80?a", "http://example.com/?a"),
            ("eXAMPLE://a/./b/../b/%63/%7bfoo%7d", "example://a/b/c/%7Bfoo%7D"),
            ("test://One", "test://one"),
            ("test://one/Two", "test://one/Two"),
            ("test://one/a%2fb", "test://one/a%2Fb"),
            ("file:///a b/\u{fc}", "file:///a%20b/%C3%BC"),
            ("file:///100%", "file:///100%25"),
            ("file:///a/%2e%2E/b", "file:///b"),
            ("urn:Isbn:1", "urn:Isbn:1"),
            ("no uri", "no%20uri"),
            ("", ""),
        ] {
            assert_eq!(normalized(written), same, "{written}");
        }
    }

    #[test]
    fn a_uri_covers_what_lies_below_it() {
        for uri in ["file:///a", "file:///a/", "file:///a/b"] {
            assert!(covers("file:///a", uri), "{uri}");
        }
        for uri in ["file:///ab", "file:///", "file:///a?b"] {
            assert!(!covers("file:///a", uri), "{uri}");
        }
        assert!(covers("event://", "event://a/b") && covers("test://", "test://one"));
        assert!(!covers("event://", "events://a/b") && !covers("event:", "event://a/b"));
    }

    proptest! {
        #[test]
        fn the_form_of_any_text_is_its_own_form(text in "([a-zA-Z]{1,3}:(//)?)?([a-zA-Z0-9./%?#:@!~ ü\\[\\]-]|%[0-9a-fA-F]{2}){0,24}") {
            let once = normalized(&text).into_owned();
            prop_assert_eq!(normalized(&once), once.as_str());
        }
    }
}
