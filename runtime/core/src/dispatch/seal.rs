//! `requestState`, sealed.
//!
//! A handler gives the client plain state and gets plain state back. In between it is in the client's hands, so it
//! leaves sealed and comes back verified: bound to the caller, the method, the parameters and a time.
//! <https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/mrtr> (read 2026-11-20).

use std::time::Duration;

use rmcp::model::{ClientRequest, RequestStateCodec, SealOptions};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::call;
use crate::{
    auth::Principal,
    config::StateKey,
    error::ConfigError,
    protocol::{Fault, Request},
    random,
};

/// The keys, and how long a seal holds.
pub(crate) struct Seal {
    codec: RequestStateCodec,
    life: Duration,
}

/// What sealed state is good for: this caller, this method, these parameters. Nearly no request carries state, so it is
/// made out only when there is some.
pub(super) struct Binding {
    principal: Principal,
    request: Request,
}

impl Seal {
    pub(crate) fn new(keys: &[StateKey], life: Duration) -> Result<Self, ConfigError> {
        let made;
        let keys = if keys.is_empty() {
            tracing::warn!(
                "MCP_STATE_KEYS is not set: requestState is sealed with a key made at start, so it will not open on \
                 another environment or after a restart"
            );
            made = [StateKey { id: "local".into(), secret: random::key().to_vec() }];
            &made[..]
        } else {
            keys
        };
        let ring = keys.iter().map(|key| (key.id.clone(), key.secret.clone()));
        let codec = RequestStateCodec::new_with_keyring(&keys[0].id, ring).map_err(|error| ConfigError {
            variable: "MCP_STATE_KEYS",
            found: "(keys)".into(),
            expected: error.to_string(),
        })?;
        Ok(Self { codec, life })
    }

    pub(super) fn seal(&self, state: &str, binding: &Binding) -> Result<String, Fault> {
        let digest = binding.digest()?;
        let options = SealOptions::new().associated_data(&digest).ttl(self.life);
        Ok(self.codec.seal_with(state.as_bytes(), &options))
    }

    /// Puts the plain state back into a request that carries a sealed one.
    pub(super) fn open(&self, request: &mut ClientRequest, binding: &Binding) -> Result<(), Fault> {
        let Some(state) = state_of(request) else { return Ok(()) };
        let digest = binding.digest()?;
        let opened =
            self.codec.open_with(state, &digest).ok().and_then(|plain| String::from_utf8(plain).ok());
        // One text for forged, expired, foreign and mismatched: a forger learns nothing.
        *state = opened.ok_or_else(|| {
            Fault::invalid_params(
                "requestState is not valid here: it was altered, has expired, or belongs to another request",
            )
        })?;
        Ok(())
    }
}

/// The three requests that may be answered with input requests.
fn state_of(request: &mut ClientRequest) -> Option<&mut String> {
    match request {
        ClientRequest::CallToolRequest(request) => request.params.request_state.as_mut(),
        ClientRequest::GetPromptRequest(request) => request.params.request_state.as_mut(),
        ClientRequest::ReadResourceRequest(request) => request.params.request_state.as_mut(),
        _ => None,
    }
}

/// Whether a method may be answered with input requests.
pub(super) fn may_ask(method: &str) -> bool {
    matches!(method, "tools/call" | "prompts/get" | "resources/read")
}

impl Binding {
    pub(super) fn of(principal: &Principal, request: &Request) -> Self {
        Self { principal: principal.clone(), request: request.clone() }
    }

    /// A retry has the same parameters but for its answers, its state and its metadata.
    fn digest(&self) -> Result<Vec<u8>, Fault> {
        #[derive(serde::Deserialize)]
        struct Params {
            #[serde(default)]
            params: Value,
        }
        let Params { mut params } = call::parse(&self.request)?;
        if let Value::Object(params) = &mut params {
            for own in ["_meta", "inputResponses", "requestState"] {
                params.remove(own);
            }
        }
        let mut digest = Sha256::new();
        for part in [self.principal.key(), &self.request.method] {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        canonical(&params, &mut digest);
        Ok(digest.finalize().to_vec())
    }
}

/// Feeds a value with its keys in order, so that a client that writes them in another order means the same.
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
