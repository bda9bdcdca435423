//! The keys of an issuer. They are kept for ten minutes, and used for an hour while the issuer fails.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http::Uri;

use super::{
    super::AuthError,
    discovery::{self, DiscoveryError},
    key::{self, Key},
    token::KeySelector,
};
use crate::{
    error::{Causes, ConfigError},
    fetch::{FetchError, Fetcher},
    time::{Clock, Deadline, Timestamp},
};

/// Keys are fetched again after this time, so that a key that the issuer has removed is no longer used.
const FRESH: Duration = Duration::from_secs(10 * 60);
/// While the issuer fails, keys are used up to this age.
const STALE: Duration = Duration::from_secs(60 * 60);
/// The pause between fetches for unknown key ids. Such a key may be new, but clients can also invent ids.
const UNKNOWN_KEY_PAUSE: Duration = Duration::from_secs(30);
/// The pause after a fetch that failed.
const FAILURE_PAUSE: Duration = Duration::from_secs(2);
/// The timeout for discovery and fetch together. A request waits for it.
const TIMEOUT: Duration = Duration::from_secs(5);

/// An issuer and the cache of its keys.
pub(super) struct Issuer {
    name: String,
    uri: Uri,
    /// The URL of the keys, if it is configured.
    configured: Option<Uri>,
    fetcher: Fetcher,
    clock: Clock,
    cache: Mutex<Option<CachedKeys>>,
    /// Locked by the one request that fetches keys. If that request is dropped, the next one fetches them.
    fetches: tokio::sync::Mutex<FetchState>,
}

#[derive(Clone)]
struct CachedKeys {
    keys: Arc<[Arc<Key>]>,
    fetched_at: Timestamp,
}

/// The last fetch of keys.
#[derive(Default)]
struct FetchState {
    /// The time of the last fetch, and whether it succeeded.
    last: Option<(Timestamp, bool)>,
    /// The URL of the keys from the metadata of the issuer.
    discovered: Option<Uri>,
}

/// Why keys were not fetched.
#[derive(Debug, thiserror::Error)]
enum KeysError {
    #[error("the URL of the issuer's keys was not found")]
    Discovery(#[from] DiscoveryError),
    #[error("the keys at {uri} cannot be fetched")]
    Fetch {
        uri: Uri,
        #[source]
        source: FetchError,
    },
    #[error("the keys were not fetched within {} s", TIMEOUT.as_secs())]
    Timeout,
    #[error("the keys at {uri} are invalid")]
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
            cache: Mutex::default(),
            fetches: tokio::sync::Mutex::default(),
        })
    }

    /// The key that verifies a token.
    pub(super) async fn key(
        &self,
        selector: &KeySelector<'_>,
        deadline: Deadline,
    ) -> Result<Arc<Key>, AuthError> {
        if let Some(cached) = self.cached()
            && cached.age(self.clock.now()) < FRESH
            && let Some(key) = cached.find(selector)
        {
            return Ok(key);
        }
        let refresh = tokio::time::timeout_at(deadline.instant(), self.refresh(selector)).await;
        let is_current = refresh.unwrap_or(false);
        let cached = self.cached().filter(|cached| cached.age(self.clock.now()) < STALE);
        match cached.map(|cached| cached.find(selector)) {
            Some(Some(key)) => Ok(key),
            // The token is refused only if the cache is current: the issuer may have added the key since.
            Some(None) if is_current => {
                Err(AuthError::InvalidToken("the token is signed by a key that its issuer does not have"))
            }
            _ => Err(AuthError::Unavailable),
        }
    }

    /// Fetches the keys, unless another request has just done so. Returns whether the cache holds the current keys.
    async fn refresh(&self, selector: &KeySelector<'_>) -> bool {
        let mut fetches = self.fetches.lock().await;
        let now = self.clock.now();
        let cached = self.cached();
        if let Some(cached) = &cached
            && cached.age(now) < FRESH
            && cached.find(selector).is_some()
        {
            return true;
        }
        if let Some((last, succeeded)) = fetches.last {
            let is_fresh = cached.is_some_and(|cached| cached.age(now) < FRESH);
            let pause = if succeeded { UNKNOWN_KEY_PAUSE } else { FAILURE_PAUSE };
            if (is_fresh || !succeeded) && now < last.plus(pause) {
                return succeeded;
            }
        }
        let fetch = tokio::time::timeout(TIMEOUT, self.fetch(&mut fetches.discovered)).await;
        let outcome = fetch.unwrap_or(Err(KeysError::Timeout));
        // The pause starts now, so that there is one after a slow fetch too.
        let now = self.clock.now();
        fetches.last = Some((now, outcome.is_ok()));
        match outcome {
            Ok(keys) => {
                *self.cache.lock().unwrap_or_else(PoisonError::into_inner) =
                    Some(CachedKeys { keys, fetched_at: now });
                true
            }
            Err(error) => {
                tracing::error!(
                    error = %Causes(&error),
                    issuer = self.name,
                    "the keys of the issuer cannot be fetched; tokens are checked with cached keys, if any"
                );
                false
            }
        }
    }

    async fn fetch(&self, discovered: &mut Option<Uri>) -> Result<Arc<[Arc<Key>]>, KeysError> {
        let uri = match (&self.configured, discovered.take()) {
            (Some(uri), _) => uri.clone(),
            (None, Some(uri)) => uri,
            (None, None) => discovery::jwks_url(&self.fetcher, &self.name, &self.uri).await?,
        };
        let json = self.fetcher.get(&uri).await;
        let json = json.map_err(|source| KeysError::Fetch { uri: uri.clone(), source })?;
        let keys = key::read(&json).map_err(|source| KeysError::Unreadable { uri: uri.clone(), source })?;
        // Kept only after a success, so that discovery runs again if the issuer has moved its keys.
        *discovered = Some(uri);
        Ok(keys.into_iter().map(Arc::new).collect())
    }

    fn cached(&self) -> Option<CachedKeys> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl CachedKeys {
    fn age(&self, now: Timestamp) -> Duration {
        Duration::from_millis(now.as_millis().saturating_sub(self.fetched_at.as_millis()))
    }

    /// The key that verifies a token. A token without a key id matches only if one key alone has its algorithm.
    fn find(&self, selector: &KeySelector<'_>) -> Option<Arc<Key>> {
        let mut matching = self.keys.iter().filter(|key| key.matches(selector));
        let first = matching.next()?;
        let is_unambiguous = selector.kid.is_some() || matching.next().is_none();
        is_unambiguous.then(|| Arc::clone(first))
    }
}
