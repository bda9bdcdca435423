//! Where events of one kind belong: a source and a type, and the resource they make.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// The scheme of the resources that events are kept under.
pub(crate) const SCHEME: &str = "event://";
/// The template of their URIs.
pub(crate) const TEMPLATE: &str = "event://{source}/{type}";
/// A source and a type are names. What is longer is cut: a resource must have a URI that people can handle.
const LONGEST: usize = 128;

/// What RFC 3986 never wants encoded stays as it is: <https://datatracker.ietf.org/doc/html/rfc3986#section-2.3>.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// One kind of event of one source.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventKey {
    source: String,
    kind: String,
}

impl EventKey {
    /// The topic of these names.
    #[must_use]
    pub fn new(source: &str, kind: &str) -> Self {
        Self { source: name(source), kind: name(kind) }
    }

    /// Who.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What kind of thing.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The resource: `event://<source>/<type>`.
    #[must_use]
    pub fn uri(&self) -> String {
        let encoded = |text| utf8_percent_encode(text, ENCODED);
        format!("{SCHEME}{}/{}", encoded(&self.source), encoded(&self.kind))
    }

    /// Reads the URI of a topic. `None` for anything else.
    #[must_use]
    pub fn parse(uri: &str) -> Option<Self> {
        let (source, kind) = uri.strip_prefix(SCHEME)?.split_once('/')?;
        let decoded = |text| percent_decode_str(text).decode_utf8().ok();
        let key = Self::new(&decoded(source)?, &decoded(kind)?);
        // One topic has one URI: another spelling of it would be another name for the same subscription.
        (key.uri() == uri).then_some(key)
    }
}

impl fmt::Display for EventKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.uri())
    }
}

fn name(text: &str) -> String {
    let text = text.trim();
    if text.is_empty() { "unknown".to_owned() } else { text.chars().take(LONGEST).collect() }
}
