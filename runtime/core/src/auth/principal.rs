//! The principal: one type for every way of authentication.

use std::{
    borrow::Cow,
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::time::Timestamp;

/// The identity that a request acts for. Sessions, streams, state, `requestState` and limits belong to a principal. For
/// other principals they do not exist.
///
/// Tools read it with [`McpContext::principal`](crate::McpContext::principal). Two principals are equal if their keys are,
/// whichever way their requests were authenticated.
///
/// A tower layer of the program that authenticates callers puts a principal into the extensions of the request.
#[derive(Clone)]
pub struct Principal {
    key: Arc<str>,
    detail: Arc<Detail>,
}

/// What has authenticated a principal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthenticatedBy {
    /// Nothing: the caller is anonymous.
    Anonymous,
    /// A layer of the program.
    Layer,
    /// A bearer token, which this server has verified.
    Token,
    /// IAM: the caller has AWS credentials.
    Iam,
    /// The authorizer of an API Gateway.
    Authorizer,
    /// IAM, for a direct invocation: the caller may invoke the function, and Lambda does not pass its identity on.
    Invoke,
}

struct Detail {
    authenticated_by: AuthenticatedBy,
    scopes: Vec<String>,
    attributes: Map<String, Value>,
    expires_at: Option<Timestamp>,
}

/// The longest subject in a key, in bytes. A longer one is replaced by its digest, because keys of stores have limits.
const LONGEST_SUBJECT: usize = 256;
const DIGEST: &str = "sha256:";
const ANONYMOUS: &str = "anonymous";
/// The start of the key of a tenant's principal. No issuer starts like it, as `%` is escaped there.
const TENANT: &str = "%tenant:";

impl Principal {
    /// The principal of callers that are not authenticated.
    #[must_use]
    pub fn anonymous() -> Self {
        Self::keyed(ANONYMOUS.into(), AuthenticatedBy::Anonymous)
    }

    /// The principal with this subject at this issuer. The same subject at two issuers is two principals.
    #[must_use]
    pub fn new(issuer: &str, subject: &str) -> Self {
        Self::keyed(format!("{}|{}", escaped(issuer), bounded(subject)).into(), AuthenticatedBy::Layer)
    }

    /// The same identity as one of this tenant: another principal than that of any other tenant. An anonymous caller stays
    /// anonymous.
    #[must_use]
    pub fn in_tenant(self, tenant: &str) -> Self {
        let key = format!("{TENANT}{}|{}", escaped(&bounded(tenant)), self.key);
        Self { key: key.into(), detail: self.detail }
    }

    /// The principal of direct invocations of a Lambda function, which Lambda passes on without an identity.
    #[must_use]
    pub fn invoker() -> Self {
        Self::new("aws", "invoke").with_authentication(AuthenticatedBy::Invoke)
    }

    /// The principal with this [`Principal::key`], as stores keep it, without scopes and attributes.
    #[must_use]
    pub fn from_key(key: &str) -> Self {
        Self::keyed(
            key.into(),
            if is_anonymous(key) { AuthenticatedBy::Anonymous } else { AuthenticatedBy::Layer },
        )
    }

    fn keyed(key: Arc<str>, authenticated_by: AuthenticatedBy) -> Self {
        Self {
            key,
            detail: Arc::new(Detail {
                authenticated_by,
                scopes: Vec::new(),
                attributes: Map::new(),
                expires_at: None,
            }),
        }
    }

    /// Sets the scopes.
    #[must_use]
    pub fn with_scopes<S: Into<String>>(self, scopes: impl IntoIterator<Item = S>) -> Self {
        let scopes = scopes.into_iter().map(Into::into).collect();
        self.with(|detail| detail.scopes = scopes)
    }

    /// Sets the attributes, such as the claims of a token.
    #[must_use]
    pub fn with_attributes(self, attributes: Map<String, Value>) -> Self {
        self.with(|detail| detail.attributes = attributes)
    }

    /// Sets what has authenticated the principal.
    #[must_use]
    pub fn with_authentication(self, authenticated_by: AuthenticatedBy) -> Self {
        self.with(|detail| detail.authenticated_by = authenticated_by)
    }

    /// Sets when the proof of the identity expires, such as a token: streams that wait for events end by then.
    #[must_use]
    pub fn with_expiry(self, expires_at: Timestamp) -> Self {
        self.with(|detail| detail.expires_at = Some(expires_at))
    }

    fn with(self, change: impl FnOnce(&mut Detail)) -> Self {
        let Detail { authenticated_by, scopes, attributes, expires_at } = &*self.detail;
        let mut detail = Detail {
            authenticated_by: *authenticated_by,
            scopes: scopes.clone(),
            attributes: attributes.clone(),
            expires_at: *expires_at,
        };
        change(&mut detail);
        Self { key: self.key, detail: Arc::new(detail) }
    }

    /// The key of the principal, under which stores keep its items.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What has authenticated the principal.
    #[must_use]
    pub fn authenticated_by(&self) -> AuthenticatedBy {
        self.detail.authenticated_by
    }

    /// When the proof of the identity expires. `None`: not known.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.detail.expires_at
    }

    /// Whether the caller is not authenticated.
    #[must_use]
    pub fn is_anonymous(&self) -> bool {
        is_anonymous(&self.key)
    }

    /// The scopes that the token or the authorizer grants, and those that they imply.
    #[must_use]
    pub fn scopes(&self) -> &[String] {
        &self.detail.scopes
    }

    /// Whether the principal has this scope.
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        self.detail.scopes.iter().any(|held| held == scope)
    }

    /// The claims of the token, the context of the authorizer, or the fields of the IAM identity.
    #[must_use]
    pub fn attributes(&self) -> &Map<String, Value> {
        &self.detail.attributes
    }
}

/// The separator is escaped, so that different parts have different keys.
fn escaped(part: &str) -> String {
    part.replace('%', "%25").replace('|', "%7C")
}

fn is_anonymous(key: &str) -> bool {
    let of_tenant = key.strip_prefix(TENANT).and_then(|key| key.split_once('|'));
    of_tenant.map_or(key, |(_, key)| key) == ANONYMOUS
}

/// The subject, or its digest if it is long. A subject that begins like a digest is hashed too, so that it cannot equal
/// the digest of another subject.
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
