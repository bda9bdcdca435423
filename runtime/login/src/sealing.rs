//! Sealing: AES-256-GCM with a random nonce, as visible ASCII without characters that a URL encodes.
//!
//! The name of the key stands before the sealed bytes, so that a value is opened after another key has taken the place of its
//! own.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use mcp_lambda_core::random;
use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    digest::{SHA256, digest},
    error::Unspecified,
    hkdf::{HKDF_SHA256, Prk},
};
use serde::{Serialize, de::DeserializeOwned};

/// Derives the key of a purpose.
pub(crate) fn derived(root: &Prk, label: &[u8]) -> Result<LessSafeKey, Unspecified> {
    UnboundKey::new(&AES_256_GCM, &bytes(root, label)?).map(LessSafeKey::new)
}

/// Derives the 32 bytes of a purpose.
pub(crate) fn bytes(root: &Prk, label: &[u8]) -> Result<[u8; 32], Unspecified> {
    let mut key = [0; 32];
    root.expand(&[label], HKDF_SHA256)?.fill(&mut key)?;
    Ok(key)
}

/// Seals a value with the key of this name. It opens with the same associated data alone.
pub(crate) fn seal<T: Serialize>(key: &LessSafeKey, id: &str, data: &str, value: &T) -> Option<String> {
    let mut bytes = serde_json::to_vec(value).ok()?;
    // Of 244 random bits as many as there is room for.
    let nonce: [u8; NONCE_LEN] = digest(&SHA256, &random::key()).as_ref()[..NONCE_LEN].try_into().ok()?;
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad(id, data), &mut bytes).ok()?;
    Some(format!("{id}.{}", URL_SAFE_NO_PAD.encode([&nonce[..], &bytes].concat())))
}

/// Splits what was sealed into the name of its key and the rest.
pub(crate) fn key_id(sealed: &str) -> Option<(&str, &str)> {
    sealed.split_once('.')
}

/// Opens the rest of what was sealed with the key of this name. `None` for any other text, and with other associated data.
pub(crate) fn open<T: DeserializeOwned>(key: &LessSafeKey, id: &str, data: &str, rest: &str) -> Option<T> {
    let mut bytes = URL_SAFE_NO_PAD.decode(rest).ok()?;
    let (nonce, sealed) = bytes.split_at_mut_checked(NONCE_LEN)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    serde_json::from_slice(key.open_in_place(nonce, aad(id, data), sealed).ok()?).ok()
}

/// No name of a key has a point.
fn aad(id: &str, data: &str) -> Aad<Vec<u8>> {
    let text = if data.is_empty() { id.to_owned() } else { format!("{id}.{data}") };
    Aad::from(text.into_bytes())
}
