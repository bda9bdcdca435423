//! The key of global events: a source and a type, as in CloudEvents, and the resource they name.
//!
//! Any text is a name, and clients normalize URIs: the written form is one that every normalization leaves as it is.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::uri;

/// URI scheme of event resources.
pub(crate) const SCHEME: &str = "event://";
/// URI template of event resources.
pub(crate) const TEMPLATE: &str = "event://{source}/{type}";
/// Longest source or type, in characters, and as it is written in a URI, in bytes. Longer text is cut, which keeps URIs
/// readable, and shorter than the longest one of a subscription.
const MAX_NAME_CHARS: usize = 128;
const MAX_WRITTEN: usize = 1000;
/// What a source has before a letter that is upper case, because clients write hosts in lower case (Go's modules have
/// the same mark); and a type before dots alone, because clients resolve them. It is written encoded in names.
const MARK: char = '!';

/// Every character except the unreserved ones of RFC 3986: <https://datatracker.ietf.org/doc/html/rfc3986#section-2.3>.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A source and a type of event, which name the resource `event://<source>/<type>`. Both are percent-encoded there. An
/// upper-case letter of the source is written as `!` and its lower-case letter, as hosts have no case, and the types `.`
/// and `..` have a `!` before them.
///
/// ```
/// use mcp_lambda_server::events::EventKey;
///
/// let key = EventKey::new("aws.ec2", "Instance State-change");
/// assert_eq!(key.uri(), "event://aws.ec2/Instance%20State-change");
/// assert_eq!(EventKey::parse(&key.uri()), Some(key));
/// assert_eq!(EventKey::new("OrderService", "..").uri(), "event://!order!service/!..");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventKey {
    source: String,
    kind: String,
}

impl EventKey {
    /// Creates the key of a source and a type. Both are trimmed, and cut to 128 characters and to 1,000 bytes of a URI;
    /// an empty one becomes `unknown`.
    #[must_use]
    pub fn new(source: &str, kind: &str) -> Self {
        Self { source: name(source), kind: name(kind) }
    }

    /// Returns the source, such as `aws.ec2`.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Returns the type of event.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Returns the URI of the resource: `event://<source>/<type>`, as this type's documentation describes it.
    #[must_use]
    pub fn uri(&self) -> String {
        let mut uri = String::with_capacity(SCHEME.len() + 2 * (self.source.len() + self.kind.len()));
        uri.push_str(SCHEME);
        for part in self.source.split_inclusive(|letter: char| letter.is_ascii_uppercase()) {
            let lower = part.trim_end_matches(|letter: char| letter.is_ascii_uppercase());
            uri.extend(encoded(lower));
            for letter in part[lower.len()..].chars() {
                uri.extend([MARK, letter.to_ascii_lowercase()]);
            }
        }
        uri.push('/');
        if is_dots(&self.kind) {
            uri.push(MARK);
        }
        uri.extend(encoded(&self.kind));
        uri
    }

    /// Parses the URI of an event resource, in any form that
    /// [RFC 3986, 6.2.2](https://datatracker.ietf.org/doc/html/rfc3986#section-6.2.2) makes equal to it. `None` for any
    /// other text.
    #[must_use]
    pub fn parse(uri: &str) -> Option<Self> {
        let uri = uri::normalized(uri);
        let (source, kind) = uri.strip_prefix(SCHEME)?.split_once('/')?;
        let decoded = |text| percent_decode_str(text).decode_utf8().ok();
        let mut parts = source.split(MARK);
        let mut source = decoded(parts.next()?)?.into_owned();
        for part in parts {
            let marked = part.chars().next().filter(char::is_ascii_lowercase)?;
            source.push(marked.to_ascii_uppercase());
            source.push_str(&decoded(&part[1..])?);
        }
        let kind = decoded(kind.strip_prefix(MARK).filter(|kind| is_dots(kind)).unwrap_or(kind))?;
        let key = Self::new(&source, &kind);
        (key.uri() == uri).then_some(key)
    }

    /// Whether a URI is of the scheme of event resources.
    pub(crate) fn is_scheme_of(uri: &str) -> bool {
        uri.get(..SCHEME.len()).is_some_and(|scheme| scheme.eq_ignore_ascii_case(SCHEME))
    }

    /// Whether a URI can be subscribed to: it names an event resource, all resources of a source, or all.
    pub(crate) fn can_match(uri: &str) -> bool {
        let uri = uri::normalized(uri);
        let Some(source) = uri.strip_prefix(SCHEME) else { return false };
        let source = source.strip_suffix('/').unwrap_or(source);
        Self::parse(&uri).is_some()
            || source.is_empty()
            || Self::parse(&format!("{SCHEME}{source}/unknown")).is_some()
    }
}

impl fmt::Display for EventKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.uri())
    }
}

fn encoded(text: &str) -> percent_encoding::PercentEncode<'_> {
    utf8_percent_encode(text, ENCODED)
}

fn is_dots(kind: &str) -> bool {
    matches!(kind, "." | "..")
}

fn name(text: &str) -> String {
    let text = text.trim();
    let mut written = 0;
    let fits = |&(number, (_, letter)): &(usize, (usize, char))| {
        written += match letter {
            'A'..='Z' => 2,
            'a'..='z' | '0'..='9' | '-' | '.' | '_' | '~' => 1,
            other => 3 * other.len_utf8(),
        };
        number < MAX_NAME_CHARS && written <= MAX_WRITTEN
    };
    let end = text.char_indices().enumerate().take_while(fits).last();
    let end = end.map_or(0, |(_, (at, letter))| at + letter.len_utf8());
    match text[..end].trim_end() {
        "" => "unknown".to_owned(),
        name => name.to_owned(),
    }
}
