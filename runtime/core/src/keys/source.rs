//! The keys of a process: given, or those of a secret, which are read when they are first needed.
//!
//! A secret is read again after [`FRESH`], and when something was signed with a key of another name: so a rotated secret arrives
//! without a deployment, in each environment, and what the previous version has signed keeps verifying.

use std::{fmt, sync::Arc, time::Duration};

use tokio::sync::Mutex;

use super::{NamedKey, Secret, SecretStage, named};
use crate::{
    error::Causes,
    time::{Clock, Timestamp},
};

/// How long keys are used before their secret is read again.
const FRESH: Duration = Duration::from_secs(300);
/// How often a key with an unknown name leads to a read: callers can invent names.
const UNKNOWN_NAMES: Duration = Duration::from_secs(5);
/// How long a failed read is not repeated, if there are no keys.
const PAUSE_WITHOUT_KEYS: Duration = Duration::from_secs(1);
/// How long a failed read is not repeated, if there are keys of an earlier one.
const PAUSE_WITH_KEYS: Duration = Duration::from_secs(30);

/// Why there are no keys: the secret and the cause, for the log.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the keys of the secret {secret} are not available: {cause}")]
pub struct KeysError {
    secret: Arc<str>,
    cause: Arc<str>,
}

/// The keys of a process. Clones share them.
#[derive(Clone)]
pub struct KeySource(Source);

#[derive(Clone)]
enum Source {
    Given(Arc<[NamedKey]>),
    Secret(Arc<SecretKeys>),
}

impl KeySource {
    /// Keys that do not change.
    #[must_use]
    pub fn given(keys: impl Into<Arc<[NamedKey]>>) -> Self {
        Self(Source::Given(keys.into()))
    }

    /// The keys of a secret. Nothing is read before the first of them is needed.
    #[must_use]
    pub fn of_secret(secret: Arc<dyn Secret>, clock: Clock) -> Self {
        Self(Source::Secret(Arc::new(SecretKeys { secret, clock, held: Mutex::default() })))
    }

    /// Returns the keys: the first one signs.
    ///
    /// # Errors
    ///
    /// When the keys are not available: the secret could not be read yet, or is malformed.
    pub async fn keys(&self) -> Result<Arc<[NamedKey]>, KeysError> {
        match &self.0 {
            Source::Given(keys) => Ok(Arc::clone(keys)),
            Source::Secret(secret) => secret.keys().await,
        }
    }

    /// Returns the keys after another look at the secret, for something that a key with an unknown name has signed: the current
    /// version may be a newer one, and the keys of the previous version are among them. Callers can invent names, so that the
    /// secret is looked at every 5 seconds at most.
    ///
    /// # Errors
    ///
    /// As [`KeySource::keys`].
    pub async fn look_again(&self) -> Result<Arc<[NamedKey]>, KeysError> {
        match &self.0 {
            Source::Given(keys) => Ok(Arc::clone(keys)),
            Source::Secret(secret) => secret.look_again().await,
        }
    }
}

impl fmt::Debug for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::Given(keys) => f.debug_tuple("Given").field(keys).finish(),
            Source::Secret(keys) => f.debug_tuple("Secret").field(&keys.secret).finish(),
        }
    }
}

/// The keys of a secret.
struct SecretKeys {
    secret: Arc<dyn Secret>,
    clock: Clock,
    /// Locked while the secret is read, so that all who need keys wait for one read.
    held: Mutex<Held>,
}

/// What is known of the secret.
#[derive(Default)]
struct Held {
    ring: Option<Ring>,
    failed: Option<(Timestamp, KeysError)>,
    /// The last look for a key with an unknown name, and why it failed.
    looked: Option<(Timestamp, Option<KeysError>)>,
}

/// The keys of the versions that were read.
#[derive(Clone)]
struct Ring {
    read: Timestamp,
    /// The id of the current version.
    version: String,
    /// Whether the keys of the previous version are among them. They are read when they are needed.
    has_previous: bool,
    keys: Arc<[NamedKey]>,
}

impl Ring {
    /// Adds the keys of the previous version. A name that the current version has too stays with the current key.
    fn with_previous(mut self, previous: Vec<NamedKey>) -> Self {
        let is_new = |key: &NamedKey| self.keys.iter().all(|known| known.id != key.id);
        let older: Vec<_> = previous.into_iter().filter(is_new).collect();
        self.keys = self.keys.iter().cloned().chain(older).collect();
        self.has_previous = true;
        self
    }
}

impl SecretKeys {
    async fn keys(&self) -> Result<Arc<[NamedKey]>, KeysError> {
        let mut held = self.held.lock().await;
        let now = self.clock.now();
        let pause = if held.ring.is_some() { PAUSE_WITH_KEYS } else { PAUSE_WITHOUT_KEYS };
        let failed = held.failed.as_ref().filter(|(failed, _)| now.since(*failed) < pause);
        match (&held.ring, failed) {
            (Some(ring), None) if now.since(ring.read) < FRESH => return Ok(Arc::clone(&ring.keys)),
            (Some(ring), Some(_)) => return Ok(Arc::clone(&ring.keys)),
            (None, Some((_, error))) => return Err(error.clone()),
            _ => {}
        }
        match self.current(held.ring.as_ref()).await {
            Ok(ring) => {
                held.failed = None;
                Ok(Arc::clone(&held.ring.insert(ring).keys))
            }
            Err(error) => {
                held.failed = Some((now, error.clone()));
                let Some(ring) = &held.ring else {
                    tracing::error!("{error}");
                    return Err(error);
                };
                tracing::warn!("{error}; the keys of the last read are used");
                Ok(Arc::clone(&ring.keys))
            }
        }
    }

    async fn look_again(&self) -> Result<Arc<[NamedKey]>, KeysError> {
        let mut held = self.held.lock().await;
        let now = self.clock.now();
        let looked = held.looked.as_ref().filter(|(looked, _)| now.since(*looked) < UNKNOWN_NAMES);
        match (&held.ring, looked) {
            (_, Some((_, Some(error)))) => return Err(error.clone()),
            (Some(ring), Some((_, None))) => return Ok(Arc::clone(&ring.keys)),
            _ => {}
        }
        let read = self.both(held.ring.as_ref()).await;
        held.looked = Some((now, read.as_ref().err().cloned()));
        let ring = read.inspect_err(|error| tracing::error!("{error}"))?;
        held.failed = None;
        Ok(Arc::clone(&held.ring.insert(ring).keys))
    }

    /// Reads the current version. If it has changed, those who still have something of the previous version need its keys.
    async fn current(&self, known: Option<&Ring>) -> Result<Ring, KeysError> {
        let read = self.clock.now();
        let current = self.version(SecretStage::Current).await?;
        let (version, keys) = current.ok_or_else(|| self.error("it has no current version"))?;
        match known {
            Some(known) if known.version == version => Ok(Ring { read, ..known.clone() }),
            Some(_) => {
                self.with_previous(Ring { read, version, has_previous: false, keys: keys.into() }).await
            }
            None => Ok(Ring { read, version, has_previous: false, keys: keys.into() }),
        }
    }

    /// Reads the current version, and the previous one.
    async fn both(&self, known: Option<&Ring>) -> Result<Ring, KeysError> {
        let ring = self.current(known).await?;
        if ring.has_previous { Ok(ring) } else { self.with_previous(ring).await }
    }

    async fn with_previous(&self, ring: Ring) -> Result<Ring, KeysError> {
        let previous = self.version(SecretStage::Previous).await?;
        Ok(ring.with_previous(previous.map(|(_, keys)| keys).unwrap_or_default()))
    }

    /// Reads the id of a version and its keys.
    async fn version(&self, stage: SecretStage) -> Result<Option<(String, Vec<NamedKey>)>, KeysError> {
        let read = self.secret.read(stage).await;
        let Some(value) = read.map_err(|error| self.error(Causes(&*error)))? else { return Ok(None) };
        let keys = named::parse_secret(&value).map_err(|problem| self.error(problem))?;
        Ok(Some((value.version, keys)))
    }

    fn error(&self, cause: impl fmt::Display) -> KeysError {
        KeysError { secret: self.secret.name().into(), cause: cause.to_string().into() }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex as StdMutex;

    use async_trait::async_trait;

    use super::*;
    use crate::{http::BoxError, keys::SecretValue};

    /// A secret as Secrets Manager keeps it: its versions, the newest of which is current, and how often it was read.
    #[derive(Debug, Default)]
    struct Rotated {
        versions: StdMutex<Vec<String>>,
        reads: StdMutex<Vec<SecretStage>>,
        fails: StdMutex<bool>,
    }

    impl Rotated {
        fn rotate(&self, letter: char) {
            self.versions.lock().expect("versions").push(letter.to_string().repeat(64));
        }

        fn reads(&self) -> Vec<SecretStage> {
            std::mem::take(&mut *self.reads.lock().expect("reads"))
        }

        fn fail(&self, fails: bool) {
            *self.fails.lock().expect("a switch") = fails;
        }
    }

    #[async_trait]
    impl Secret for Rotated {
        fn name(&self) -> &str {
            "arn:aws:secretsmanager:eu-north-1:123456789012:secret:keys"
        }

        async fn read(&self, stage: SecretStage) -> Result<Option<SecretValue>, BoxError> {
            self.reads.lock().expect("reads").push(stage);
            if *self.fails.lock().expect("a switch") {
                return Err("the role may not read it".into());
            }
            let versions = self.versions.lock().expect("versions");
            let back = if stage == SecretStage::Current { 1 } else { 2 };
            let text = versions.len().checked_sub(back).map(|index| versions[index].clone());
            Ok(text.map(|text| SecretValue { version: format!("version-{}", &text[..1]), text }))
        }
    }

    fn world() -> (Arc<Rotated>, KeySource, Clock) {
        let secret = Arc::new(Rotated::default());
        secret.rotate('a');
        let clock = Clock::manual(Timestamp::from_millis(1_795_737_600_000));
        (Arc::clone(&secret), KeySource::of_secret(secret, clock.clone()), clock)
    }

    fn names(keys: &[NamedKey]) -> Vec<&str> {
        keys.iter().map(|key| key.id.as_str()).collect()
    }

    use SecretStage::{Current, Previous};

    #[tokio::test]
    async fn a_secret_is_read_once_when_keys_are_first_needed_and_again_after_five_minutes() {
        let (secret, source, clock) = world();
        assert_eq!(secret.reads(), []);
        for _ in 0..3 {
            assert_eq!(names(&source.keys().await.expect("keys")), ["version-a"]);
        }
        assert_eq!(secret.reads(), [Current]);
        secret.rotate('b');
        clock.advance(FRESH - Duration::from_millis(1));
        assert_eq!(names(&source.keys().await.expect("keys")), ["version-a"]);
        assert_eq!(secret.reads(), []);
        clock.advance(Duration::from_millis(1));
        assert_eq!(names(&source.keys().await.expect("keys")), ["version-b", "version-a"]);
        assert_eq!(secret.reads(), [Current, Previous]);
    }

    /// What was signed before the last rotation but one verifies no longer: a key that has leaked is gone after two.
    #[tokio::test]
    async fn an_unknown_name_finds_a_rotated_secret_at_once_and_only_the_last_version_before_it() {
        let (secret, source, clock) = world();
        source.keys().await.expect("keys");
        secret.rotate('b');
        assert_eq!(names(&source.look_again().await.expect("keys")), ["version-b", "version-a"]);
        secret.rotate('c');
        secret.rotate('d');
        clock.advance(UNKNOWN_NAMES);
        assert_eq!(names(&source.look_again().await.expect("keys")), ["version-d", "version-c"]);
    }

    /// An environment that starts after a rotation is given what an older one signed.
    #[tokio::test]
    async fn the_previous_version_is_read_when_it_is_needed() {
        let (secret, source, _) = world();
        secret.rotate('b');
        assert_eq!(names(&source.keys().await.expect("keys")), ["version-b"]);
        assert_eq!(names(&source.look_again().await.expect("keys")), ["version-b", "version-a"]);
        assert_eq!(secret.reads(), [Current, Current, Previous]);
    }

    #[tokio::test]
    async fn unknown_names_lead_to_one_look_in_five_seconds() {
        let (secret, source, clock) = world();
        for _ in 0..100 {
            source.look_again().await.expect("keys");
        }
        assert_eq!(secret.reads(), [Current, Previous]);
        clock.advance(UNKNOWN_NAMES);
        source.look_again().await.expect("keys");
        assert_eq!(secret.reads(), [Current], "the previous version of an unchanged one is known");
    }

    #[tokio::test]
    async fn without_keys_a_failed_read_is_an_error_that_names_the_secret_and_is_repeated_after_a_second() {
        let (secret, source, clock) = world();
        secret.fail(true);
        for _ in 0..3 {
            let error = source.keys().await.expect_err("a failure").to_string();
            assert!(error.contains("secret:keys") && error.contains("the role may not read it"), "{error}");
        }
        assert_eq!(secret.reads().len(), 1);
        secret.fail(false);
        clock.advance(PAUSE_WITHOUT_KEYS);
        assert_eq!(names(&source.keys().await.expect("keys")), ["version-a"]);
    }

    #[tokio::test]
    async fn keys_outlive_a_failure_of_their_secret() {
        let (secret, source, clock) = world();
        source.keys().await.expect("keys");
        secret.rotate('b');
        secret.fail(true);
        clock.advance(FRESH);
        for _ in 0..3 {
            assert_eq!(names(&source.keys().await.expect("keys")), ["version-a"]);
        }
        assert_eq!(secret.reads(), [Current, Current]);
        source.look_again().await.expect_err("it cannot be told whether the name is a new one");
        secret.fail(false);
        clock.advance(PAUSE_WITH_KEYS);
        assert_eq!(names(&source.keys().await.expect("keys")), ["version-b", "version-a"]);
    }

    #[tokio::test]
    async fn a_secret_without_a_version_or_with_a_malformed_one_has_no_keys_and_is_not_quoted() {
        let (secret, source, clock) = world();
        secret.versions.lock().expect("versions").clear();
        assert!(source.keys().await.expect_err("none").to_string().contains("no current version"));
        secret.versions.lock().expect("versions").push("planted".into());
        clock.advance(PAUSE_WITHOUT_KEYS);
        let error = source.keys().await.expect_err("malformed").to_string();
        assert!(error.contains("expected 43 or more") && !error.contains("planted"), "{error}");
    }
}
