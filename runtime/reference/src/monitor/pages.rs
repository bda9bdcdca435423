//! A page of resources, and the cursor that leads to the next.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use super::{resource::Resource, wanted::Wanted};

const LONGEST_CURSOR: usize = 8 * 1024;

pub(super) struct Page {
    /// Those that have the wanted tags.
    pub(super) resources: Vec<Resource>,
    /// The number of all.
    pub(super) scanned: usize,
    /// The token of the next page, in the words of the service.
    pub(super) next: Option<String>,
}

impl Page {
    pub(super) fn of(all: Vec<Resource>, next: Option<String>, wanted: &Wanted) -> Self {
        let scanned = all.len();
        let resources = all.into_iter().filter(|resource| resource.has(&wanted.tags)).collect();
        Self { resources, scanned, next }
    }
}

/// The cursor of a token: one that no client takes for a part of an URL or a name.
pub(super) fn cursor(token: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(token)
}

/// The token of a cursor. The service checks it.
pub(super) fn token(cursor: &str) -> Result<String, String> {
    let bytes = Some(cursor).filter(|cursor| cursor.len() <= LONGEST_CURSOR);
    let bytes = bytes.and_then(|cursor| BASE64_URL_SAFE_NO_PAD.decode(cursor).ok());
    let token = bytes.and_then(|bytes| String::from_utf8(bytes).ok()).filter(|token| !token.is_empty());
    token.ok_or_else(|| "cursor is not the next_cursor of a result of this tool".to_owned())
}
