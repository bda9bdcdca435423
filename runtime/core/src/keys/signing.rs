//! Private keys that sign outside of the process, such as those of AWS KMS.

use std::{error::Error, fmt};

use async_trait::async_trait;

/// A public key on the curve P-256: 4, then x and y of its point.
pub type P256Point = [u8; 65];
/// A signature of ES256: r, then s.
pub type P256Signature = [u8; 64];

/// A private key on the curve P-256 that is kept outside of the process.
#[async_trait]
pub trait SigningKey: fmt::Debug + Send + Sync {
    /// The id of the key, for the log and as the `kid` of what it has signed.
    fn id(&self) -> &str;

    /// Reads the public key.
    ///
    /// # Errors
    ///
    /// When the key cannot be read, or is no such key.
    async fn public_key(&self) -> Result<P256Point, Box<dyn Error + Send + Sync>>;

    /// Signs a message with ECDSA and SHA-256.
    ///
    /// # Errors
    ///
    /// When the key did not sign.
    async fn sign(&self, message: &[u8]) -> Result<P256Signature, Box<dyn Error + Send + Sync>>;
}
