//! The caller, one type for every way in.

use std::{fmt, sync::Arc};

/// Whoever sent a request. Sessions, streams, state, sealed request state and stream caps belong to a principal, and
/// another principal's things answer as if they did not exist.
///
/// A tower layer (see `McpLambdaServer::layer`) that authenticates puts one into the request's extensions; without
/// one every caller is [`Principal::anonymous`]. Tools read it from `RequestContext::extensions`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Principal {
    key: Arc<str>,
}

impl Principal {
    /// A caller nobody authenticated.
    #[must_use]
    pub fn anonymous() -> Self {
        Self { key: "anonymous".into() }
    }

    /// A caller an issuer vouches for. The same subject of two issuers is two principals.
    #[must_use]
    pub fn new(issuer: &str, subject: &str) -> Self {
        Self { key: format!("{issuer}|{subject}").into() }
    }

    /// Reads back what [`Principal::key`] gave, as stores keep it.
    #[must_use]
    pub fn from_key(key: &str) -> Self {
        Self { key: key.into() }
    }

    /// What stores and seals bind to.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Whether nobody vouches for this caller.
    #[must_use]
    pub fn is_anonymous(&self) -> bool {
        &*self.key == "anonymous"
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Principal({})", self.key)
    }
}
