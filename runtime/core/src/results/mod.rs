//! Results of tools that are too large for a response: their parts are kept elsewhere, and the client receives links.

mod parts;

use std::{fmt, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;

pub(crate) use parts::{MovedParts, Part, Structured};

use crate::http::BoxError;

/// Where parts of large results are kept for some time, such as a bucket.
#[async_trait]
pub trait ResultStore: fmt::Debug + Send + Sync {
    /// Keeps a part, and returns a URL from which it can be read without other credentials, until its
    /// [`lifetime`](Self::lifetime) is over.
    ///
    /// # Errors
    ///
    /// When the part cannot be kept.
    async fn put(&self, part: ResultPart) -> Result<String, BoxError>;

    /// How long the URL of a part is valid.
    fn lifetime(&self) -> Duration;
}

/// A part of a result.
#[derive(Clone, PartialEq, Eq)]
pub struct ResultPart {
    /// The folder of the caller: a digest of its principal, as hexadecimal digits.
    pub folder: String,
    /// The name of the part within the folder, which cannot be guessed: letters, digits, `.`, `-` and `/`.
    pub name: String,
    /// The media type.
    pub media_type: String,
    /// The content.
    pub content: Bytes,
}

impl fmt::Debug for ResultPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResultPart")
            .field("name", &self.name)
            .field("media_type", &self.media_type)
            .field("bytes", &self.content.len())
            .finish_non_exhaustive()
    }
}
