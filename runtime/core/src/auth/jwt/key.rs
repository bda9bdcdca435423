//! Whether the issuer has signed a token.
//!
//! By ring, which is here already: rustls uses it to reach the issuer. jsonwebtoken's own backends would each bring a
//! second set of algorithms into every deployment, and be chosen by a global.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use ring::signature::{
    self, EcdsaVerificationAlgorithm, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::Deserialize;
use serde_json::Value;

use super::{
    super::{AuthError, TokenAlgorithm},
    token::{self, Token, Wanted},
};

/// A key of the issuer.
pub(super) struct Key {
    kid: Option<String>,
    /// The one algorithm it is for, if it says.
    only: Option<TokenAlgorithm>,
    material: Material,
}

enum Material {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256(Vec<u8>),
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
}

/// More keys than any issuer has.
const MOST: usize = 100;

/// The keys of a JSON Web Key Set that can check signatures. One that cannot be read is for somebody else.
pub(super) fn read(json: &[u8]) -> Result<Vec<Key>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<Value>,
    }
    let Set { keys } = serde_json::from_slice(json)?;
    let jwks = keys.into_iter().take(MOST).filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
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
        let only = match common.key_algorithm {
            None => None,
            Some(named) => Some(token::algorithm(named.try_into().ok()?)?),
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
        Some(Self { kid: common.key_id.clone(), only, material })
    }

    /// Whether this is the key a token asks for, and one that could have signed it.
    pub(super) fn fits(&self, wanted: &Wanted<'_>) -> bool {
        let named = wanted.kid.is_none_or(|kid| self.kid.as_deref() == Some(kid));
        let algorithm = wanted.algorithm;
        let kind = match self.material {
            Material::Rsa { .. } => rsa(algorithm).is_some(),
            Material::P256(_) => algorithm == TokenAlgorithm::ES256,
            Material::P384(_) => algorithm == TokenAlgorithm::ES384,
            Material::Ed25519(_) => algorithm == TokenAlgorithm::EdDSA,
        };
        named && kind && self.only.is_none_or(|only| only == algorithm)
    }

    pub(super) fn verify(&self, token: &Token<'_>) -> Result<(), AuthError> {
        let (message, signature) = (token.message.as_bytes(), token.signature.as_slice());
        let ecdsa = |algorithm: &'static EcdsaVerificationAlgorithm, point: &[u8]| {
            UnparsedPublicKey::new(algorithm, point).verify(message, signature).is_ok()
        };
        let holds = match &self.material {
            Material::Rsa { n, e } => rsa(token.algorithm)
                .is_some_and(|rsa| RsaPublicKeyComponents { n, e }.verify(rsa, message, signature).is_ok()),
            Material::P256(point) => ecdsa(&signature::ECDSA_P256_SHA256_FIXED, point),
            Material::P384(point) => ecdsa(&signature::ECDSA_P384_SHA384_FIXED, point),
            Material::Ed25519(point) => {
                UnparsedPublicKey::new(&signature::ED25519, point).verify(message, signature).is_ok()
            }
        };
        if holds { Ok(()) } else { Err(AuthError::InvalidToken("the token's signature does not hold")) }
    }
}

/// Keys shorter than 2048 bits hold nothing.
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
