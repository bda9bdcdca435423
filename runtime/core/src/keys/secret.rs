//! Secrets with versions, one of which is current.

use std::{error::Error, fmt};

use async_trait::async_trait;

/// A secret that is kept outside of the process.
#[async_trait]
pub trait Secret: fmt::Debug + Send + Sync {
    /// The name of the secret, for the log.
    fn name(&self) -> &str;

    /// Reads a version of the secret. `None`: the secret has no version at this stage.
    ///
    /// # Errors
    ///
    /// When the secret cannot be read.
    async fn read(&self, stage: SecretStage) -> Result<Option<SecretValue>, Box<dyn Error + Send + Sync>>;
}

/// The stage of a version, as Secrets Manager names it.
/// <https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html#term_version> (read 2026-11-28).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretStage {
    /// `AWSCURRENT`: the version that signs.
    Current,
    /// `AWSPREVIOUS`: the version that was current before the last rotation.
    Previous,
}

/// A version of a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretValue {
    /// The id of the version.
    pub version: String,
    /// The secret.
    pub text: String,
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretValue({}, ...)", self.version)
    }
}
