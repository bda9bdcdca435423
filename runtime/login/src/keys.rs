//! The keys: of each secret of `MCP_LOGIN_KEYS` one that signs tokens, and one for each thing that is sealed.
//!
//! What is sealed is encrypted and authenticated (AES-256-GCM), so that what this server has to remember of a request can
//! travel with the request: it cannot be read or changed on the way.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use mcp_lambda_core::{
    config::{LoginConfig, LoginKey},
    error::ConfigError,
    random,
};
use ring::{
    aead::LessSafeKey,
    digest::{SHA256, digest},
    hkdf::{HKDF_SHA256, Salt},
    signature::{Ed25519KeyPair, KeyPair, Signature},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use subtle::ConstantTimeEq;

use crate::sealing;

/// What is sealed. Each has a key of its own, so that one never passes for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A registration: the `client_id` of its client.
    Registration,
    /// An authorization request, while its user signs in: the `state` upstream.
    Request,
    /// An authorization request, while its user is asked: a value of the form.
    Consent,
    /// An authorization code.
    Code,
    /// A refresh token.
    Refresh,
}

const PURPOSES: [(Purpose, &[u8]); 5] = [
    (Purpose::Registration, b"registration"),
    (Purpose::Request, b"request"),
    (Purpose::Consent, b"consent"),
    (Purpose::Code, b"code"),
    (Purpose::Refresh, b"refresh"),
];

/// All keys. The first one seals, and signs where no key of KMS does.
pub(crate) struct Keys(Vec<Key>);

struct Key {
    id: String,
    signing: Ed25519KeyPair,
    sealing: Vec<(Purpose, LessSafeKey)>,
}

impl Keys {
    pub(crate) fn new(config: &LoginConfig) -> Result<Self, ConfigError> {
        if config.keys.is_empty() {
            tracing::warn!(
                "MCP_LOGIN_KEYS is not set: tokens are signed with a key made at start, so they are worth nothing after a \
                 restart"
            );
            let made = format!("{}{}{}", random::token(), random::token(), random::token());
            return Ok(Self(vec![Key::new(&LoginKey::new("local", made))?]));
        }
        config.keys.iter().map(Key::new).collect::<Result<_, _>>().map(Self)
    }

    fn first(&self) -> &Key {
        // `new` makes one at least.
        &self.0[0]
    }

    /// Seals a value for a purpose: visible ASCII without characters that a URL encodes.
    pub(crate) fn seal<T: Serialize>(&self, purpose: Purpose, value: &T) -> Option<String> {
        let key = self.first();
        sealing::seal(key.sealing(purpose)?, &key.id, "", value)
    }

    /// Opens what was sealed for this purpose. `None` for any other text.
    pub(crate) fn open<T: DeserializeOwned>(&self, purpose: Purpose, sealed: &str) -> Option<T> {
        let (id, rest) = sealing::key_id(sealed)?;
        let key = self.0.iter().find(|key| key.id == id)?;
        sealing::open(key.sealing(purpose)?, id, "", rest)
    }

    /// The id of the key that signs and seals.
    pub(crate) fn id(&self) -> &str {
        &self.first().id
    }

    /// Signs a message with Ed25519.
    pub(crate) fn sign(&self, message: &[u8]) -> Signature {
        self.first().signing.sign(message)
    }

    /// The public keys, as a JSON Web Key Set: <https://www.rfc-editor.org/rfc/rfc8037#section-2> (read 2026-11-28).
    pub(crate) fn public(&self) -> Value {
        let keys: Vec<Value> = self.0.iter().map(Key::public).collect();
        json!({ "keys": keys })
    }
}

impl Key {
    fn new(key: &LoginKey) -> Result<Self, ConfigError> {
        let invalid = |_| ConfigError::new("MCP_LOGIN_KEYS", format!("(key {})", key.id), "another secret");
        let root = Salt::new(HKDF_SHA256, b"mcp-lambda-login").extract(key.secret.expose().as_bytes());
        let seed = sealing::bytes(&root, b"signing").map_err(invalid)?;
        let signing = Ed25519KeyPair::from_seed_unchecked(&seed)
            .map_err(|_| ring::error::Unspecified)
            .map_err(invalid)?;
        let sealing =
            PURPOSES.map(|(purpose, label)| sealing::derived(&root, label).map(|key| (purpose, key)));
        let sealing = sealing.into_iter().collect::<Result<_, _>>().map_err(invalid)?;
        Ok(Self { id: key.id.clone(), signing, sealing })
    }

    fn sealing(&self, purpose: Purpose) -> Option<&LessSafeKey> {
        self.sealing.iter().find(|(of, _)| *of == purpose).map(|(_, key)| key)
    }

    fn public(&self) -> Value {
        let x = URL_SAFE_NO_PAD.encode(self.signing.public_key());
        json!({ "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": self.id, "x": x })
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<_> = self.0.iter().map(|key| &key.id).collect();
        f.debug_struct("Keys").field("ids", &ids).finish_non_exhaustive()
    }
}

/// A SHA-256 as base64url. Values of a caller are compared with secrets as hashes, in constant time.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Hash(String);

impl Hash {
    /// A hash that was made elsewhere.
    pub(crate) fn read(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(crate) fn of_digest(digest: &[u8]) -> Self {
        Self(URL_SAFE_NO_PAD.encode(digest))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartialEq for Hash {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hash").finish_non_exhaustive()
    }
}

/// The SHA-256 of texts with their lengths, so that no two lists of texts have the same.
pub(crate) fn hash(texts: &[&str]) -> Hash {
    let mut bytes = Vec::new();
    for text in texts {
        bytes.extend_from_slice(&(text.len() as u64).to_be_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    Hash::of_digest(digest(&SHA256, &bytes).as_ref())
}

/// The S256 challenge of a verifier: <https://www.rfc-editor.org/rfc/rfc7636#section-4.2> (read 2026-11-28).
pub(crate) fn challenge(verifier: &str) -> Hash {
    Hash::of_digest(digest(&SHA256, verifier.as_bytes()).as_ref())
}

#[cfg(test)]
mod tests {
    use mcp_lambda_core::config::LoginUpstream;

    use super::*;

    fn keys(secrets: &[(&str, &str)]) -> Keys {
        let upstream: LoginUpstream = mcp_lambda_core::config::LoginUpstream::local(Vec::new());
        let mut config = LoginConfig::new("https://login.example", "https://mcp.example/mcp", upstream);
        config.keys = secrets.iter().map(|(id, secret)| LoginKey::new(*id, secret.repeat(64))).collect();
        Keys::new(&config).expect("keys")
    }

    #[test]
    fn what_is_sealed_opens_for_its_purpose_alone_and_only_unchanged() {
        let keys = keys(&[("one", "a")]);
        let sealed = keys.seal(Purpose::Code, &json!({ "for": "ada" })).expect("sealed");
        assert!(!sealed.contains("ada") && sealed.starts_with("one."));
        assert_eq!(keys.open::<Value>(Purpose::Code, &sealed), Some(json!({ "for": "ada" })));
        for (purpose, _) in PURPOSES {
            assert_eq!(keys.open::<Value>(purpose, &sealed).is_some(), purpose == Purpose::Code);
        }
        for at in 0..sealed.len() {
            let mut bytes = sealed.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).expect("ASCII");
            // The last character may hold bits that no byte has; a strict decoder refuses those.
            assert_eq!(keys.open::<Value>(Purpose::Code, &changed), None, "{at}");
        }
        for text in ["", ".", "one.", "one.AAAA", "two.AAAA", &sealed[..sealed.len() - 1]] {
            assert_eq!(keys.open::<Value>(Purpose::Code, text), None, "{text}");
        }
    }

    #[test]
    fn a_key_that_is_added_in_front_signs_and_the_others_still_open() {
        let old = keys(&[("one", "a")]);
        let both = keys(&[("two", "b"), ("one", "a")]);
        let sealed = old.seal(Purpose::Refresh, &1).expect("sealed");
        assert_eq!(both.open::<u8>(Purpose::Refresh, &sealed), Some(1));
        let sealed = both.seal(Purpose::Refresh, &2).expect("sealed");
        assert_eq!(
            (both.open::<u8>(Purpose::Refresh, &sealed), old.open::<u8>(Purpose::Refresh, &sealed)),
            (Some(2), None)
        );
        assert_eq!(both.public()["keys"].as_array().map(Vec::len), Some(2));
        assert_eq!(both.public()["keys"][1], old.public()["keys"][0], "a key is the same wherever it stands");
        assert_ne!(keys(&[("one", "c")]).public(), old.public());
    }

    #[test]
    fn two_seals_of_one_value_differ() {
        let keys = keys(&[("one", "a")]);
        assert_ne!(keys.seal(Purpose::Code, &1), keys.seal(Purpose::Code, &1));
    }

    #[test]
    fn a_hash_keeps_the_texts_of_a_list_apart() {
        assert_ne!(hash(&["a", "bc"]), hash(&["ab", "c"]));
        // RFC 7636, appendix B.
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(challenge(verifier).as_str(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        let (one, other) = (hash(&["a"]), hash(&["b"]));
        assert!(
            one == hash(&["a"])
                && one != other
                && one != Hash::read("")
                && one != Hash::read(&one.as_str()[1..])
        );
        assert!(!format!("{one:?}").contains(one.as_str()));
    }
}
