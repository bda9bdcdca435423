//! `requestState`: the state that a client carries from one round of a request to the next.
//!
//! A handler gives the client plain state and gets plain state back. On the way the client could change it, so it is
//! signed: it is accepted only from the same caller, for the same method and parameters, and only for some time. It is not
//! encrypted: the client can read it.
//! <https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/mrtr> (read 2026-11-20).

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use rmcp::model::{ClientRequest, RequestStateCodec, RequestStateError, SealOptions, ServerResult};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{Handler, HandlerError, HandlerResult, Layer, Request};
use crate::{
    auth::Principal,
    error::ConfigError,
    keys::{KeySource, KeysError, NamedKey},
    protocol::{self, Era, Fault},
    random,
};

/// The layer: signs the state of results, and verifies the state of requests.
pub(super) struct RequestState {
    inner: Arc<dyn Handler>,
    keys: KeySource,
    ttl: Duration,
}

/// The keys of `requestState`.
pub(crate) enum StateKeys<'a> {
    /// Those of the configuration. None: one is made.
    Given(&'a [NamedKey]),
    /// Those of a secret.
    Secret(KeySource),
}

/// What state is bound to: the caller, the method and the parameters. Few requests carry state, so the digest is made
/// only for those.
struct Binding {
    principal: Principal,
    request: protocol::Request,
}

impl RequestState {
    pub(super) fn new(
        inner: Arc<dyn Handler>,
        keys: StateKeys<'_>,
        ttl: Duration,
    ) -> Result<Self, ConfigError> {
        let keys = match keys {
            StateKeys::Given([]) => KeySource::given([NamedKey::new("local", random::key())]),
            StateKeys::Given(keys) => {
                codec(keys)
                    .map_err(|error| ConfigError::new("MCP_STATE_KEYS", "(keys)", error.to_string()))?;
                KeySource::given(keys)
            }
            StateKeys::Secret(keys) => keys,
        };
        Ok(Self { inner, keys, ttl })
    }

    async fn seal(&self, state: &str, binding: &Binding) -> Result<String, Fault> {
        let codec = sealing(self.keys.keys().await)?;
        let digest = binding.digest()?;
        let options = SealOptions::new().associated_data(&digest).ttl(self.ttl);
        Ok(codec.seal_with(state.as_bytes(), &options))
    }

    /// Verifies the state of a request, and puts the plain state in its place.
    async fn open(&self, request: &mut ClientRequest, binding: &Binding) -> Result<(), Fault> {
        let Some(state) = state_of(request) else { return Ok(()) };
        let digest = binding.digest()?;
        let mut opened = sealing(self.keys.keys().await)?.open_with(state, &digest);
        if let Err(RequestStateError::UnknownKeyId) = opened {
            opened = sealing(self.keys.look_again().await)?.open_with(state, &digest);
        }
        // One text for forged, expired, foreign and mismatched state, so that a forger learns nothing.
        *state = opened.ok().and_then(|plain| String::from_utf8(plain).ok()).ok_or_else(|| {
            Fault::invalid_params(
                "requestState is not valid here: it was altered, has expired, or belongs to another request",
            )
        })?;
        Ok(())
    }
}

/// The codec of these keys. Why there are none is in the log.
fn sealing(keys: Result<Arc<[NamedKey]>, KeysError>) -> Result<RequestStateCodec, Fault> {
    let keys = keys.map_err(|_| Fault::Unavailable)?;
    codec(&keys).map_err(|error| {
        tracing::error!(error = %error, "the keys of requestState cannot be used");
        Fault::Internal
    })
}

fn codec(keys: &[NamedKey]) -> Result<RequestStateCodec, RequestStateError> {
    let first = keys.first().map(|key| key.id.as_str()).unwrap_or_default();
    let ring = keys.iter().map(|key| (key.id.clone(), key.secret.clone()));
    RequestStateCodec::new_with_keyring(first, ring)
}

impl Layer for RequestState {
    fn inner(&self) -> &dyn Handler {
        &*self.inner
    }

    fn request(&self, mut request: Request) -> BoxFuture<'_, HandlerResult> {
        if request.era == Era::Session || !request.message.method.may_request_input() {
            return self.inner.request(request);
        }
        let binding = Binding { principal: request.principal.clone(), request: request.message.clone() };
        Box::pin(async move {
            self.open(&mut request.typed, &binding).await.map_err(HandlerError::Refused)?;
            let mut result = self.inner.request(request).await?;
            if let ServerResult::InputRequiredResult(required) = &mut result
                && let Some(state) = &mut required.request_state
            {
                *state = self.seal(state, &binding).await.map_err(HandlerError::Refused)?;
            }
            Ok(result)
        })
    }
}

/// The state of the three requests that may be answered with input requests.
fn state_of(request: &mut ClientRequest) -> Option<&mut String> {
    match request {
        ClientRequest::CallToolRequest(request) => request.params.request_state.as_mut(),
        ClientRequest::GetPromptRequest(request) => request.params.request_state.as_mut(),
        ClientRequest::ReadResourceRequest(request) => request.params.request_state.as_mut(),
        _ => None,
    }
}

impl Binding {
    /// The next round of a request has the same parameters, but for its responses, its state and its metadata.
    fn digest(&self) -> Result<Vec<u8>, Fault> {
        let mut params: Map<String, Value> = self.request.parse()?;
        for own in ["_meta", "inputResponses", "requestState"] {
            params.remove(own);
        }
        let mut digest = Sha256::new();
        for part in [self.principal.key(), self.request.method.as_str()] {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        canonical(&Value::Object(params), &mut digest);
        Ok(digest.finalize().to_vec())
    }
}

/// Hashes a value with its keys in order: a client that writes them in another order sends the same parameters.
fn canonical(value: &Value, digest: &mut Sha256) {
    match value {
        Value::Object(object) => {
            let mut keys: Vec<_> = object.keys().collect();
            keys.sort_unstable();
            digest.update(b"{");
            for key in keys {
                digest.update(Value::String(key.clone()).to_string());
                digest.update(b":");
                canonical(&object[key.as_str()], digest);
                digest.update(b",");
            }
            digest.update(b"}");
        }
        Value::Array(items) => {
            digest.update(b"[");
            for item in items {
                canonical(item, digest);
                digest.update(b",");
            }
            digest.update(b"]");
        }
        scalar => digest.update(scalar.to_string()),
    }
}
