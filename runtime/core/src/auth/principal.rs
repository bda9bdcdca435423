//! The caller, one type for every way in.

use std::{
    borrow::Cow,
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// Whoever sent a request. Sessions, streams, state, sealed request state and stream caps belong to a principal, and
/// another principal's things answer as if they did not exist.
///
/// Tools read it from `RequestContext::extensions`. Two principals are the same when their keys are: whoever vouches for
/// a subject, by whatever way its request came in, it is the same caller.
///
/// A tower layer (see `McpLambdaServer::layer`) that authenticates by itself puts one into the request's extensions.
#[derive(Clone)]
pub struct Principal {
    key: Arc<str>,
    detail: Arc<Detail>,
}

/// Who says that a caller is who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthenticatedBy {
    /// Nobody.
    Anonymous,
    /// The program: a layer of its own.
    Layer,
    /// The issuer of a token that was verified here.
    Token,
    /// AWS, for a caller with credentials of its own.
    Iam,
    /// The authorizer of an API Gateway.
    Authorizer,
    /// AWS, for a direct invocation: somebody who may invoke the function, and Lambda does not say who.
    Invoke,
}

struct Detail {
    authenticated_by: AuthenticatedBy,
    scopes: Vec<String>,
    attributes: Map<String, Value>,
}

/// A subject longer than this is kept by its digest: keys of stores have limits.
const LONGEST_SUBJECT: usize = 256;
const DIGEST: &str = "sha256:";
const ANONYMOUS: &str = "anonymous";

impl Principal {
    /// A caller nobody authenticated.
    #[must_use]
    pub fn anonymous() -> Self {
        Self::keyed(ANONYMOUS.into(), AuthenticatedBy::Anonymous)
    }

    /// A caller an issuer vouches for. The same subject of two issuers is two principals.
    #[must_use]
    pub fn new(issuer: &str, subject: &str) -> Self {
        // What separates the two must not be written in the first, or two pairs could make one key.
        let issuer = issuer.replace('%', "%25").replace('|', "%7C");
        Self::keyed(format!("{issuer}|{}", bounded(subject)).into(), AuthenticatedBy::Layer)
    }

    /// The caller of a direct invocation of a Lambda function: Lambda does not say who it is.
    #[must_use]
    pub fn invoker() -> Self {
        Self::new("aws", "invoke").with_authentication(AuthenticatedBy::Invoke)
    }

    /// Reads back what [`Principal::key`] gave, as stores keep it. Nothing else is kept.
    #[must_use]
    pub fn from_key(key: &str) -> Self {
        Self::keyed(
            key.into(),
            if key == ANONYMOUS { AuthenticatedBy::Anonymous } else { AuthenticatedBy::Layer },
        )
    }

    fn keyed(key: Arc<str>, authenticated_by: AuthenticatedBy) -> Self {
        Self {
            key,
            detail: Arc::new(Detail { authenticated_by, scopes: Vec::new(), attributes: Map::new() }),
        }
    }

    /// Says what the caller may do.
    #[must_use]
    pub fn with_scopes<S: Into<String>>(self, scopes: impl IntoIterator<Item = S>) -> Self {
        let scopes = scopes.into_iter().map(Into::into).collect();
        self.with(|detail| detail.scopes = scopes)
    }

    /// Says what else is known of the caller, such as the claims of its token.
    #[must_use]
    pub fn with_attributes(self, attributes: Map<String, Value>) -> Self {
        self.with(|detail| detail.attributes = attributes)
    }

    /// Sets how the caller was authenticated.
    #[must_use]
    pub fn with_authentication(self, authenticated_by: AuthenticatedBy) -> Self {
        self.with(|detail| detail.authenticated_by = authenticated_by)
    }

    fn with(self, change: impl FnOnce(&mut Detail)) -> Self {
        let Detail { authenticated_by, scopes, attributes } = &*self.detail;
        let mut detail = Detail {
            authenticated_by: *authenticated_by,
            scopes: scopes.clone(),
            attributes: attributes.clone(),
        };
        change(&mut detail);
        Self { key: self.key, detail: Arc::new(detail) }
    }

    /// What stores and seals bind to.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Who says so.
    #[must_use]
    pub fn authenticated_by(&self) -> AuthenticatedBy {
        self.detail.authenticated_by
    }

    /// Whether nobody vouches for this caller.
    #[must_use]
    pub fn is_anonymous(&self) -> bool {
        &*self.key == ANONYMOUS
    }

    /// What the caller may do, as its authenticated_by says.
    #[must_use]
    pub fn scopes(&self) -> &[String] {
        &self.detail.scopes
    }

    /// Whether the caller may do this.
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        self.detail.scopes.iter().any(|held| held == scope)
    }

    /// What else its authenticated_by says: the claims of a token, the context of an authorizer, the fields of an IAM identity.
    #[must_use]
    pub fn attributes(&self) -> &Map<String, Value> {
        &self.detail.attributes
    }
}

/// Text that itself begins like a digest is hashed too, so that nobody can choose a subject that looks like another's.
fn bounded(subject: &str) -> Cow<'_, str> {
    if subject.len() <= LONGEST_SUBJECT && !subject.starts_with(DIGEST) {
        return subject.into();
    }
    let digest = Sha256::digest(subject.as_bytes());
    digest.iter().fold(DIGEST.to_owned(), |text, byte| format!("{text}{byte:02x}")).into()
}

impl PartialEq for Principal {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Principal {}

impl PartialOrd for Principal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Principal {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key)
    }
}

impl Hash for Principal {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key.hash(state);
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Principal({})", self.key)
    }
}
