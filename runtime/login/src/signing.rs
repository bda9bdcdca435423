//! Access tokens are signed: with a key of the server, or with one outside of the process, such as a key of AWS KMS.
//!
//! A key outside signs once for each token. Its public key is read once in each process, when that is first asked for.

use std::{sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures::future::join_all;
use mcp_lambda_core::{
    http::BoxError,
    keys::{P256Point, SigningKey},
    time::{Clock, Deadline, Timestamp},
};
use serde_json::{Value, json};
use tokio::{sync::Mutex, time::timeout_at};

use crate::{error::OAuthError, keys::Keys, limits};

/// How long a public key that could not be read is not asked for again.
const PAUSE: Duration = Duration::from_secs(2);

/// What signs access tokens.
pub(crate) enum Signer {
    /// The keys of the server.
    Derived(Arc<Keys>),
    /// Keys outside of the process.
    Managed(Arc<ManagedKeys>),
}

/// Keys outside of the process, one at least. The first signs.
pub(crate) struct ManagedKeys {
    first: ManagedKey,
    others: Vec<ManagedKey>,
    clock: Clock,
}

struct ManagedKey {
    key: Arc<dyn SigningKey>,
    /// Locked while the public key is read, so that all who need it wait for one read.
    public: Mutex<Public>,
}

#[derive(Default)]
struct Public {
    point: Option<P256Point>,
    failed: Option<Timestamp>,
}

impl Signer {
    /// The algorithm of the tokens.
    pub(crate) fn algorithm(&self) -> &'static str {
        match self {
            Self::Derived(_) => "EdDSA",
            Self::Managed(_) => "ES256",
        }
    }

    /// Signs the claims of an access token.
    pub(crate) async fn sign(&self, claims: &Value, deadline: Deadline) -> Result<String, OAuthError> {
        let id = match self {
            Self::Derived(keys) => keys.id(),
            Self::Managed(keys) => keys.first.key.id(),
        };
        let header = json!({ "alg": self.algorithm(), "typ": "at+jwt", "kid": id });
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", encode(&header), encode(claims));
        let signature = match self {
            Self::Derived(keys) => URL_SAFE_NO_PAD.encode(keys.sign(message.as_bytes())),
            Self::Managed(keys) => {
                let signed = in_time(deadline, keys.first.key.sign(message.as_bytes())).await;
                URL_SAFE_NO_PAD.encode(signed.map_err(|error| {
                    tracing::error!("no access token was signed: {error}");
                    unavailable()
                })?)
            }
        };
        Ok(format!("{message}.{signature}"))
    }

    /// The public keys, as a JSON Web Key Set.
    pub(crate) async fn public(&self, deadline: Deadline) -> Result<Value, OAuthError> {
        match self {
            Self::Derived(keys) => Ok(keys.public()),
            Self::Managed(keys) => keys.public(deadline).await,
        }
    }
}

impl ManagedKeys {
    /// `None`: there are no such keys.
    pub(crate) fn of(keys: &[Arc<dyn SigningKey>], clock: &Clock) -> Option<Arc<Self>> {
        let managed =
            |key: &Arc<dyn SigningKey>| ManagedKey { key: Arc::clone(key), public: Mutex::default() };
        let (first, others) = keys.split_first()?;
        let others = others.iter().map(managed).collect();
        Some(Arc::new(Self { first: managed(first), others, clock: clock.clone() }))
    }

    /// The key that signs has to be there. One of the others may be gone: its tokens are refused then.
    async fn public(&self, deadline: Deadline) -> Result<Value, OAuthError> {
        let first = self.first.jwk(&self.clock, deadline);
        let others = join_all(self.others.iter().map(|key| key.jwk(&self.clock, deadline)));
        let (first, others) = futures::join!(first, others);
        let first = first.ok_or_else(unavailable)?;
        let keys: Vec<Value> = [first].into_iter().chain(others.into_iter().flatten()).collect();
        Ok(json!({ "keys": keys }))
    }
}

impl ManagedKey {
    /// The public key: <https://www.rfc-editor.org/rfc/rfc7518#section-6.2> (read 2026-11-28). `None`: it could not be read.
    async fn jwk(&self, clock: &Clock, deadline: Deadline) -> Option<Value> {
        let mut public = timeout_at(deadline.instant(), self.public.lock()).await.ok()?;
        let point = match (public.point, public.failed) {
            (Some(point), _) => point,
            (None, Some(failed)) if clock.now().since(failed) < PAUSE => return None,
            (None, _) => match in_time(deadline, self.key.public_key()).await {
                Ok(point) => *public.point.insert(point),
                Err(error) => {
                    tracing::error!(
                        kid = self.key.id(),
                        "the public key of a signing key was not read: {error}"
                    );
                    public.failed = Some(clock.now());
                    return None;
                }
            },
        };
        let encode = |half: &[u8]| URL_SAFE_NO_PAD.encode(half);
        let (x, y) = (encode(&point[1..33]), encode(&point[33..]));
        let kid = self.key.id();
        Some(json!({ "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": kid, "x": x, "y": y }))
    }
}

async fn in_time<T>(
    deadline: Deadline,
    work: impl Future<Output = Result<T, BoxError>>,
) -> Result<T, BoxError> {
    let deadline = deadline.capped(limits::SIGNING_TIME);
    timeout_at(deadline.instant(), work).await.unwrap_or_else(|_| Err("there was no answer in time".into()))
}

fn unavailable() -> OAuthError {
    OAuthError::temporarily_unavailable("the server cannot answer at the moment: try again")
}
