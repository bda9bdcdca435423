//! The keys that the authorization server and the MCP server share. Nothing is signed with them.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use mcp_lambda_core::{
    config::UpstreamTokenConfig,
    keys::{KeySource, KeysError, NamedKey},
};
use ring::hkdf::{HKDF_SHA256, Salt};
use serde::{Serialize, de::DeserializeOwned};

use crate::sealing;

/// What is sealed. Each has a key of its own.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    /// The tokens of a grant, in the store.
    Tokens,
    /// What the MCP server asks of the authorization server.
    Request,
}

impl Purpose {
    fn label(self) -> &'static [u8] {
        match self {
            Self::Tokens => b"tokens",
            Self::Request => b"request",
        }
    }
}

/// The keys: the first seals, and all open.
#[derive(Clone, Debug)]
pub(crate) struct UpstreamKeys(KeySource);

impl UpstreamKeys {
    /// The keys of a secret, or those of the configuration.
    pub(crate) fn of(config: &UpstreamTokenConfig, secret: Option<KeySource>) -> Self {
        let given = || {
            let key = |key: &mcp_lambda_core::config::LoginKey| NamedKey::new(&*key.id, key.secret.expose());
            KeySource::given(config.keys.iter().map(key).collect::<Vec<_>>())
        };
        Self(secret.unwrap_or_else(given))
    }

    /// Seals a value, which opens with the same associated data alone.
    pub(super) async fn seal<T: Serialize>(
        &self,
        purpose: Purpose,
        data: &str,
        value: &T,
    ) -> Result<Option<String>, KeysError> {
        let keys = self.0.keys().await?;
        Ok(keys.first().and_then(|key| sealing::seal(&derived(key, purpose)?, &name(key), data, value)))
    }

    /// Opens what was sealed. `None`: it was altered, is of another purpose or has other associated data, or its key is gone.
    pub(super) async fn open<T: DeserializeOwned>(
        &self,
        purpose: Purpose,
        data: &str,
        sealed: &str,
    ) -> Result<Option<T>, KeysError> {
        let Some((id, rest)) = sealing::key_id(sealed) else { return Ok(None) };
        let mut keys = self.0.keys().await?;
        if keys.iter().all(|key| name(key) != id) {
            // The secret was rotated since it was read, or before.
            keys = self.0.look_again().await?;
        }
        let key = keys.iter().find(|key| name(key) == id);
        Ok(key.and_then(|key| sealing::open(&derived(key, purpose)?, id, data, rest)))
    }
}

/// The name of a key without the points that it may have in a list of a secret.
fn name(key: &NamedKey) -> String {
    if key.id.contains('.') { URL_SAFE_NO_PAD.encode(&key.id) } else { key.id.clone() }
}

fn derived(key: &NamedKey, purpose: Purpose) -> Option<ring::aead::LessSafeKey> {
    let root = Salt::new(HKDF_SHA256, b"mcp-lambda-login upstream tokens").extract(&key.secret);
    sealing::derived(&root, purpose.label()).ok()
}
