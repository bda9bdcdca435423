//! The issuer's keys, for as long as they may be believed.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http::Uri;

use super::{
    super::AuthError,
    discovery::{self, DiscoveryError},
    fetch::{FetchError, Fetcher},
    key::{self, Key},
    token::Wanted,
};
use crate::{
    error::{Causes, ConfigError},
    time::Deadline,
    time::{Clock, Timestamp},
};

/// Keys are asked for anew after this: a key that was withdrawn is believed no longer.
const FRESH: Duration = Duration::from_secs(10 * 60);
/// And if the issuer does not answer, they are believed until then.
const STALE: Duration = Duration::from_secs(60 * 60);
/// A key nobody knows may be new. Anybody can make one up, so the issuer is asked about such keys only so often.
const ASK_ABOUT_UNKNOWN: Duration = Duration::from_secs(30);
/// An issuer that did not answer is left alone for this long.
const ASK_AFTER_FAILURE: Duration = Duration::from_secs(2);
/// How long it may take to find the keys and to read them. Whoever calls is waiting.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whose keys they are, and where from.
pub(super) struct Issuer {
    name: String,
    uri: Uri,
    /// Where the keys are, if that was configured.
    configured: Option<Uri>,
    fetcher: Fetcher,
    clock: Clock,
    known: Mutex<Option<Known>>,
    /// Held by the one request that asks. It is released when that request is dropped, so that another one goes on.
    asking: tokio::sync::Mutex<Asked>,
}

#[derive(Clone)]
struct Known {
    keys: Arc<[Arc<Key>]>,
    read_at: Timestamp,
}

/// What came of asking.
#[derive(Default)]
struct Asked {
    /// When, and whether there was an answer.
    last: Option<(Timestamp, bool)>,
    /// Where the metadata said that the keys are.
    found: Option<Uri>,
}

#[derive(Debug, thiserror::Error)]
enum KeysError {
    #[error("the issuer's keys cannot be found")]
    Discovery(#[from] DiscoveryError),
    #[error("there are no keys at {uri}")]
    Fetch {
        uri: Uri,
        #[source]
        source: FetchError,
    },
    #[error("it did not answer within {} s", PATIENCE.as_secs())]
    TooLate,
    #[error("the keys at {uri} cannot be read")]
    Unreadable {
        uri: Uri,
        #[source]
        source: serde_json::Error,
    },
}

impl Issuer {
    pub(super) fn new(name: &str, jwks_url: Option<&str>, clock: Clock) -> Result<Self, ConfigError> {
        let parse = |variable, text: &str| {
            text.parse::<Uri>().map_err(|error| ConfigError::new(variable, text, format!("a URL ({error})")))
        };
        Ok(Self {
            name: name.to_owned(),
            uri: parse("MCP_JWT_ISSUER", name)?,
            configured: jwks_url.map(|url| parse("MCP_JWT_JWKS_URL", url)).transpose()?,
            fetcher: Fetcher::default(),
            clock,
            known: Mutex::default(),
            asking: tokio::sync::Mutex::default(),
        })
    }

    /// The key a token asks for.
    pub(super) async fn key(&self, wanted: &Wanted<'_>, deadline: Deadline) -> Result<Arc<Key>, AuthError> {
        if let Some(known) = self.known()
            && known.age(self.clock.now()) < FRESH
            && let Some(key) = known.find(wanted)
        {
            return Ok(key);
        }
        let asked = tokio::time::timeout_at(deadline.instant(), self.ask(wanted)).await;
        let answered = asked.unwrap_or(false);
        let known = self.known().filter(|known| known.age(self.clock.now()) < STALE);
        match known.map(|known| known.find(wanted)) {
            Some(Some(key)) => Ok(key),
            // Only an issuer that has just answered can say that it has no such key.
            Some(None) if answered => {
                Err(AuthError::InvalidToken("the token is signed by a key its issuer does not have"))
            }
            _ => Err(AuthError::Unavailable),
        }
    }

    /// Asks the issuer, unless somebody else just did. Says whether what is known now is what the issuer says.
    async fn ask(&self, wanted: &Wanted<'_>) -> bool {
        let mut asked = self.asking.lock().await;
        let now = self.clock.now();
        let known = self.known();
        if let Some(known) = &known
            && known.age(now) < FRESH
            && known.find(wanted).is_some()
        {
            return true;
        }
        if let Some((last, answered)) = asked.last {
            let is_fresh = known.is_some_and(|known| known.age(now) < FRESH);
            let pause = if answered { ASK_ABOUT_UNKNOWN } else { ASK_AFTER_FAILURE };
            if (is_fresh || !answered) && now < last.plus(pause) {
                return answered;
            }
        }
        let read = tokio::time::timeout(PATIENCE, self.read(&mut asked.found)).await;
        let outcome = read.unwrap_or(Err(KeysError::TooLate));
        // Counted from the answer: a slow issuer must not be asked without a pause.
        let now = self.clock.now();
        asked.last = Some((now, outcome.is_ok()));
        match outcome {
            Ok(keys) => {
                *self.known.lock().unwrap_or_else(PoisonError::into_inner) =
                    Some(Known { keys, read_at: now });
                true
            }
            Err(error) => {
                tracing::error!(
                    error = %Causes(&error),
                    issuer = self.name,
                    "tokens cannot be checked anew"
                );
                false
            }
        }
    }

    async fn read(&self, found: &mut Option<Uri>) -> Result<Arc<[Arc<Key>]>, KeysError> {
        let uri = match (&self.configured, found.take()) {
            (Some(uri), _) => uri.clone(),
            (None, Some(uri)) => uri,
            (None, None) => discovery::keys_of(&self.fetcher, &self.name, &self.uri).await?,
        };
        let json = self.fetcher.get(&uri).await;
        let json = json.map_err(|source| KeysError::Fetch { uri: uri.clone(), source })?;
        let keys = key::read(&json).map_err(|source| KeysError::Unreadable { uri: uri.clone(), source })?;
        // Remembered only while it is right: an issuer may move its keys.
        *found = Some(uri);
        Ok(keys.into_iter().map(Arc::new).collect())
    }

    fn known(&self) -> Option<Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Known {
    fn age(&self, now: Timestamp) -> Duration {
        Duration::from_millis(now.as_millis().saturating_sub(self.read_at.as_millis()))
    }

    /// A token that names no key can only mean the only one that could have signed it.
    fn find(&self, wanted: &Wanted<'_>) -> Option<Arc<Key>> {
        let mut fitting = self.keys.iter().filter(|key| key.fits(wanted));
        let first = fitting.next()?;
        let is_clear = wanted.kid.is_some() || fitting.next().is_none();
        is_clear.then(|| Arc::clone(first))
    }
}
