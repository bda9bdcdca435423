//! The key of global events: a source and a type, as in CloudEvents, and the resource they name.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// URI scheme of event resources.
pub(crate) const SCHEME: &str = "event://";
/// URI template of event resources.
pub(crate) const TEMPLATE: &str = "event://{source}/{type}";
/// Longest source or type, in characters. Longer text is cut, which keeps URIs readable.
const MAX_NAME_CHARS: usize = 128;

/// Every character except the unreserved ones of RFC 3986: <https://datatracker.ietf.org/doc/html/rfc3986#section-2.3>.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A source and a type of event, which name the resource `event://<source>/<type>`.
///
/// ```
/// use mcp_lambda_server::events::EventKey;
///
/// let key = EventKey::new("aws.ec2", "Instance State-change");
/// assert_eq!(key.uri(), "event://aws.ec2/Instance%20State-change");
/// assert_eq!(EventKey::parse(&key.uri()), Some(key));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventKey {
    source: String,
    kind: String,
}

impl EventKey {
    /// Creates the key of a source and a type. Both are trimmed and cut to 128 characters; an empty one becomes
    /// `unknown`.
    #[must_use]
    pub fn new(source: &str, kind: &str) -> Self {
        Self { source: normalized(source), kind: normalized(kind) }
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

    /// Returns the URI of the resource: `event://<source>/<type>`, percent-encoded.
    #[must_use]
    pub fn uri(&self) -> String {
        let encoded = |text| utf8_percent_encode(text, ENCODED);
        format!("{SCHEME}{}/{}", encoded(&self.source), encoded(&self.kind))
    }

    /// Parses the URI of an event resource. `None` for any other text, and for another encoding of such a URI: two
    /// spellings would be two subscriptions to one resource.
    #[must_use]
    pub fn parse(uri: &str) -> Option<Self> {
        let (source, kind) = uri.strip_prefix(SCHEME)?.split_once('/')?;
        let decoded = |text| percent_decode_str(text).decode_utf8().ok();
        let key = Self::new(&decoded(source)?, &decoded(kind)?);
        (key.uri() == uri).then_some(key)
    }
}

impl fmt::Display for EventKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.uri())
    }
}

fn normalized(name: &str) -> String {
    let name = name.trim();
    if name.is_empty() { "unknown".to_owned() } else { name.chars().take(MAX_NAME_CHARS).collect() }
}
