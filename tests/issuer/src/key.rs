//! Keys that sign, and their published halves.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    hmac,
    rand::SystemRandom,
    rsa::PublicKeyComponents,
    signature::{
        self, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
        EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, RsaKeyPair,
    },
};
use serde_json::{Value, json};

/// A key with a name.
#[derive(Clone)]
pub struct Key {
    kid: String,
    pair: Pair,
}

#[derive(Clone)]
enum Pair {
    Rsa(Arc<RsaKeyPair>),
    P256(Arc<EcdsaKeyPair>),
    P384(Arc<EcdsaKeyPair>),
    Ed25519(Arc<Ed25519KeyPair>),
}

impl Key {
    /// An RSA key: the same one each time.
    #[must_use]
    pub fn rsa(kid: &str) -> Self {
        Self::of_rsa(kid, include_bytes!("../keys/rsa-one.pk8"))
    }

    /// Another RSA key.
    #[must_use]
    pub fn other_rsa(kid: &str) -> Self {
        Self::of_rsa(kid, include_bytes!("../keys/rsa-two.pk8"))
    }

    fn of_rsa(kid: &str, pkcs8: &[u8]) -> Self {
        let pair = RsaKeyPair::from_pkcs8(pkcs8).expect("a key of ours");
        Self { kid: kid.to_owned(), pair: Pair::Rsa(Arc::new(pair)) }
    }

    /// A new key on P-256.
    #[must_use]
    pub fn ec(kid: &str) -> Self {
        Self { kid: kid.to_owned(), pair: Pair::P256(ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING)) }
    }

    /// A new key on P-384.
    #[must_use]
    pub fn ec384(kid: &str) -> Self {
        Self { kid: kid.to_owned(), pair: Pair::P384(ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING)) }
    }

    /// A new Ed25519 key.
    #[must_use]
    pub fn ed25519(kid: &str) -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("randomness");
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).expect("a new key");
        Self { kid: kid.to_owned(), pair: Pair::Ed25519(Arc::new(pair)) }
    }

    /// Its name.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The algorithm it signs with by default.
    #[must_use]
    pub fn algorithm(&self) -> &'static str {
        match self.pair {
            Pair::Rsa(_) => "RS256",
            Pair::P256(_) => "ES256",
            Pair::P384(_) => "ES384",
            Pair::Ed25519(_) => "EdDSA",
        }
    }

    /// Its JSON Web Key, as the issuer publishes it.
    #[must_use]
    pub fn jwk(&self) -> Value {
        let mut jwk = match &self.pair {
            Pair::Rsa(pair) => {
                let PublicKeyComponents { n, e } = PublicKeyComponents::<Vec<u8>>::from(pair.public());
                json!({ "kty": "RSA", "n": text(&n), "e": text(&e) })
            }
            Pair::P256(pair) => point("P-256", pair.public_key().as_ref()),
            Pair::P384(pair) => point("P-384", pair.public_key().as_ref()),
            Pair::Ed25519(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": text(pair.public_key().as_ref()) })
            }
        };
        jwk["kid"] = json!(self.kid);
        jwk["use"] = json!("sig");
        jwk["alg"] = json!(self.algorithm());
        jwk
    }

    /// Signs a message by an algorithm of its kind; anything else is answered with a signature of no use.
    #[must_use]
    pub fn sign(&self, algorithm: &str, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match (&self.pair, algorithm) {
            (Pair::Rsa(pair), name) => {
                let padding: &dyn signature::RsaEncoding = match name {
                    "RS384" => &signature::RSA_PKCS1_SHA384,
                    "RS512" => &signature::RSA_PKCS1_SHA512,
                    "PS256" => &signature::RSA_PSS_SHA256,
                    "PS384" => &signature::RSA_PSS_SHA384,
                    "PS512" => &signature::RSA_PSS_SHA512,
                    _ => &signature::RSA_PKCS1_SHA256,
                };
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(padding, &random, message, &mut signature).expect("a signature");
                signature
            }
            (Pair::P256(pair) | Pair::P384(pair), _) => {
                pair.sign(&random, message).expect("a signature").as_ref().to_vec()
            }
            (Pair::Ed25519(pair), _) => pair.sign(message).as_ref().to_vec(),
        }
    }

    /// The signature that an attacker can make who uses the published key as a shared secret.
    #[must_use]
    pub fn confuse(&self, message: &[u8]) -> Vec<Vec<u8>> {
        let secrets = match &self.pair {
            Pair::Rsa(pair) => {
                let PublicKeyComponents { n, .. } = PublicKeyComponents::<Vec<u8>>::from(pair.public());
                vec![n, pair.public().as_ref().to_vec(), self.jwk().to_string().into_bytes()]
            }
            Pair::P256(pair) | Pair::P384(pair) => vec![pair.public_key().as_ref().to_vec()],
            Pair::Ed25519(pair) => vec![pair.public_key().as_ref().to_vec()],
        };
        let sign = |secret: Vec<u8>| {
            hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), message).as_ref().to_vec()
        };
        secrets.into_iter().map(sign).collect()
    }
}

fn ecdsa(algorithm: &'static EcdsaSigningAlgorithm) -> Arc<EcdsaKeyPair> {
    let random = SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("randomness");
    Arc::new(EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).expect("a new key"))
}

fn point(curve: &str, uncompressed: &[u8]) -> Value {
    let (x, y) = uncompressed[1..].split_at(uncompressed.len() / 2);
    json!({ "kty": "EC", "crv": curve, "x": text(x), "y": text(y) })
}

pub(crate) fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
