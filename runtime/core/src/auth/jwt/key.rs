//! The keys of an issuer, which verify signatures.
//!
//! Signatures are verified with ring, which rustls uses as well. Each backend of jsonwebtoken would add a second
//! implementation of the algorithms to every deployment, and is selected by a global.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use ring::signature::{
    self, EcdsaVerificationAlgorithm, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::Deserialize;
use serde_json::Value;

use super::{
    super::{AuthError, TokenAlgorithm},
    token::{self, KeySelector, Token},
};

/// A public key of the issuer.
pub(super) struct Key {
    kid: Option<String>,
    /// The only algorithm that the key may be used with, if the key names one.
    algorithm: Option<TokenAlgorithm>,
    material: Material,
}

enum Material {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256(Vec<u8>),
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
}

/// The number of keys that are read from a set. Issuers have fewer.
const MAX_KEYS: usize = 100;

/// The keys of a JSON Web Key Set that verify signatures. A key of another kind is skipped.
pub(super) fn read(json: &[u8]) -> Result<Vec<Key>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<Value>,
    }
    let Set { keys } = serde_json::from_slice(json)?;
    let jwks = keys.into_iter().take(MAX_KEYS).filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
    Ok(jwks.filter_map(|jwk| Key::of(&jwk)).collect())
}

impl Key {
    fn of(jwk: &Jwk) -> Option<Self> {
        let common = &jwk.common;
        let signs = matches!(common.public_key_use, None | Some(PublicKeyUse::Signature))
            && common
                .key_operations
                .as_ref()
                .is_none_or(|operations| operations.contains(&KeyOperations::Verify));
        if !signs {
            return None;
        }
        let key_algorithm = match common.key_algorithm {
            None => None,
            Some(name) => Some(token::algorithm(name.try_into().ok()?)?),
        };
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok();
        let point = |x: &str, y: &str, size: usize| {
            let (x, y) = (decode(x)?, decode(y)?);
            (x.len() == size && y.len() == size).then(|| [&[4][..], &x, &y].concat())
        };
        let material = match &jwk.algorithm {
            AlgorithmParameters::RSA(rsa) => {
                Material::Rsa { n: without_zeros(decode(&rsa.n)?), e: without_zeros(decode(&rsa.e)?) }
            }
            AlgorithmParameters::EllipticCurve(ec) => match ec.curve {
                EllipticCurve::P256 => Material::P256(point(&ec.x, &ec.y, 32)?),
                EllipticCurve::P384 => Material::P384(point(&ec.x, &ec.y, 48)?),
                _ => return None,
            },
            AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => {
                Material::Ed25519(decode(&pair.x)?)
            }
            _ => return None,
        };
        Some(Self { kid: common.key_id.clone(), algorithm: key_algorithm, material })
    }

    /// Whether the key has the id that a token names, and its kind can verify the algorithm of the token.
    pub(super) fn matches(&self, selector: &KeySelector<'_>) -> bool {
        let has_id = selector.kid.is_none_or(|kid| self.kid.as_deref() == Some(kid));
        let algorithm = selector.algorithm;
        let has_kind = match self.material {
            Material::Rsa { .. } => rsa(algorithm).is_some(),
            Material::P256(_) => algorithm == TokenAlgorithm::ES256,
            Material::P384(_) => algorithm == TokenAlgorithm::ES384,
            Material::Ed25519(_) => algorithm == TokenAlgorithm::EdDSA,
        };
        has_id && has_kind && self.algorithm.is_none_or(|own| own == algorithm)
    }

    pub(super) fn verify(&self, token: &Token<'_>) -> Result<(), AuthError> {
        let (message, signature) = (token.message.as_bytes(), token.signature.as_slice());
        let ecdsa = |algorithm: &'static EcdsaVerificationAlgorithm, point: &[u8]| {
            UnparsedPublicKey::new(algorithm, point).verify(message, signature).is_ok()
        };
        let is_valid = match &self.material {
            Material::Rsa { n, e } => rsa(token.algorithm)
                .is_some_and(|rsa| RsaPublicKeyComponents { n, e }.verify(rsa, message, signature).is_ok()),
            Material::P256(point) => ecdsa(&signature::ECDSA_P256_SHA256_FIXED, point),
            Material::P384(point) => ecdsa(&signature::ECDSA_P384_SHA384_FIXED, point),
            Material::Ed25519(point) => {
                UnparsedPublicKey::new(&signature::ED25519, point).verify(message, signature).is_ok()
            }
        };
        if is_valid { Ok(()) } else { Err(AuthError::InvalidToken("the signature of the token is invalid")) }
    }
}

/// The parameters of an RSA algorithm, which accept keys of 2048 to 8192 bits. `None` for other algorithms.
fn rsa(algorithm: TokenAlgorithm) -> Option<&'static RsaParameters> {
    Some(match algorithm {
        TokenAlgorithm::RS256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        TokenAlgorithm::RS384 => &signature::RSA_PKCS1_2048_8192_SHA384,
        TokenAlgorithm::RS512 => &signature::RSA_PKCS1_2048_8192_SHA512,
        TokenAlgorithm::PS256 => &signature::RSA_PSS_2048_8192_SHA256,
        TokenAlgorithm::PS384 => &signature::RSA_PSS_2048_8192_SHA384,
        TokenAlgorithm::PS512 => &signature::RSA_PSS_2048_8192_SHA512,
        TokenAlgorithm::ES256 | TokenAlgorithm::ES384 | TokenAlgorithm::EdDSA => return None,
    })
}

fn without_zeros(number: Vec<u8>) -> Vec<u8> {
    number.into_iter().skip_while(|byte| *byte == 0).collect()
}
