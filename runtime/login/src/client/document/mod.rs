//! Clients that are identified by the https URL of a document that describes them:
//! <https://datatracker.ietf.org/doc/html/draft-ietf-oauth-client-id-metadata-document-02> (read 2026-11-28).
//!
//! Every caller can make this server fetch a URL, so it reaches the public internet alone, follows no redirects, waits five
//! seconds, and takes no more than 64 KiB.
//!
//! * [`metadata`]: what a document must say.

mod error;
#[cfg(test)]
mod flow;
mod metadata;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, StatusCode, Uri, header};
use mcp_lambda_core::{
    error::Causes,
    fetch::{FetchLimits, Fetcher, Reach},
    time::{Clock, Deadline, Timestamp},
};
use tokio::sync::Semaphore;
use url::{Host, Url};

pub(crate) use error::ClientError;

use super::Client;

/// The limits of one fetch. The draft recommends 5 KB for documents; those of real clients are smaller.
pub(crate) const LIMITS: FetchLimits = FetchLimits { timeout: Duration::from_secs(5), max_bytes: 64 * 1024 };
/// The longest URL of a document, in bytes.
pub(crate) const MAX_URL_BYTES: usize = 2048;
/// The shortest and the longest time that a document is kept. Between them, `Cache-Control` decides. One login asks for it once.
const KEPT: (Duration, Duration) = (Duration::from_secs(5 * 60), Duration::from_secs(24 * 60 * 60));
/// The pause after a fetch that failed. Requests for the same document fail at once until then.
const FAILURE_PAUSE: Duration = Duration::from_secs(10);
/// The number of documents and of failures that are kept.
pub(crate) const MAX_KEPT: usize = 1000;
/// The number of fetches at a time.
pub(crate) const MAX_FETCHES: usize = 16;

/// The documents of clients: fetched when they are needed, and kept.
pub(crate) struct ClientDocuments {
    fetcher: Fetcher,
    clock: Clock,
    kept: Mutex<HashMap<String, Kept>>,
    fetches: Semaphore,
}

struct Kept {
    client: Result<Arc<Client>, Arc<ClientError>>,
    until: Timestamp,
}

impl ClientDocuments {
    /// Documents of the public internet.
    pub(crate) fn new(clock: Clock) -> Self {
        Self::with(Fetcher::new(Reach::Public), clock)
    }

    /// Documents that a fetcher reaches.
    fn with(fetcher: Fetcher, clock: Clock) -> Self {
        Self { fetcher, clock, kept: Mutex::default(), fetches: Semaphore::new(MAX_FETCHES) }
    }

    /// The client with the document at the URL `id`.
    ///
    /// # Errors
    ///
    /// See [`ClientError`].
    pub(crate) async fn client(&self, id: &str, deadline: Deadline) -> Result<Arc<Client>, ClientError> {
        let url = check_url(id)?;
        let now = self.clock.now();
        if let Some(kept) = self.kept().get(id).filter(|kept| now < kept.until) {
            return kept.client.clone().map_err(ClientError::Recent);
        }
        let work = async {
            let _permit = self.fetches.acquire().await.map_err(|_| ClientError::Busy)?;
            self.fetch(id, &url).await
        };
        let fetched =
            tokio::time::timeout_at(deadline.instant(), work).await.unwrap_or(Err(ClientError::Busy));
        let now = self.clock.now();
        match fetched {
            Ok((client, lifetime)) => {
                let client = Arc::new(client);
                self.keep(id, Kept { client: Ok(Arc::clone(&client)), until: now.plus(lifetime) }, now);
                Ok(client)
            }
            Err(ClientError::Busy) => Err(ClientError::Busy),
            Err(error) => {
                tracing::warn!(error = %Causes(&error), "the document of a client cannot be used");
                let error = Arc::new(error);
                self.keep(id, Kept { client: Err(Arc::clone(&error)), until: now.plus(FAILURE_PAUSE) }, now);
                Err(ClientError::Recent(error))
            }
        }
    }

    async fn fetch(&self, id: &str, url: &Url) -> Result<(Client, Duration), ClientError> {
        let mut request = Request::new(Bytes::new());
        let uri: Uri =
            id.parse().map_err(|_| ClientError::Url("it has a character that URLs cannot have"))?;
        let host = uri.host().unwrap_or_default().to_owned();
        // Two parsers that read the URL in two ways would fetch from one host and show another.
        if url.host_str() != Some(host.as_str()) {
            return Err(ClientError::Url("its host is not in normal form"));
        }
        *request.uri_mut() = uri;
        request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        let response = self.fetcher.send(request, LIMITS).await;
        let response = response.map_err(|source| ClientError::Fetch { host, source })?;
        if response.status() != StatusCode::OK {
            return Err(ClientError::Status(response.status()));
        }
        check_content_type(response.headers())?;
        let client = metadata::read(id, url, response.body())?;
        Ok((client, lifetime(response.headers())))
    }

    fn keep(&self, id: &str, kept: Kept, now: Timestamp) {
        let mut all = self.kept();
        if all.len() >= MAX_KEPT {
            all.retain(|_, kept| now < kept.until);
        }
        if all.len() >= MAX_KEPT
            && let Some(first) = all.iter().min_by_key(|(_, kept)| kept.until).map(|(id, _)| id.clone())
        {
            all.remove(&first);
        }
        all.insert(id.to_owned(), kept);
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<String, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for ClientDocuments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientDocuments").field("kept", &self.kept().len()).finish_non_exhaustive()
    }
}

/// Checks the URL of a document: section 3 of the draft.
fn check_url(id: &str) -> Result<Url, ClientError> {
    let refuse = |text| Err(ClientError::Url(text));
    if id.len() > MAX_URL_BYTES {
        return refuse("it is longer than 2048 bytes");
    }
    let Ok(url) = Url::parse(id) else { return refuse("it cannot be parsed") };
    if url.scheme() != "https" {
        return refuse("its scheme is not https");
    }
    if url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
        return refuse("it has a fragment, a user name or a password");
    }
    match url.host() {
        Some(Host::Domain(name)) if name == "localhost" || name.ends_with(".localhost") => {
            return refuse("its host is this computer");
        }
        Some(Host::Domain(name)) if name.contains('.') && !name.ends_with('.') => {}
        _ => return refuse("its host is not a domain name"),
    }
    if url.path() == "/" {
        return refuse("it has no path");
    }
    // Dot segments, a port that https implies, upper case, and what a parser drops or maps.
    if url.as_str() != id {
        return refuse("it is not in normal form");
    }
    Ok(url)
}

fn check_content_type(headers: &HeaderMap) -> Result<(), ClientError> {
    let found = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = found.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_json = kind == "application/json"
        || kind.strip_prefix("application/").is_some_and(|subtype| subtype.ends_with("+json"));
    if is_json { Ok(()) } else { Err(ClientError::ContentType(found.chars().take(64).collect())) }
}

/// How long a document is kept.
fn lifetime(headers: &HeaderMap) -> Duration {
    let (shortest, longest) = KEPT;
    let directives =
        headers.get_all(header::CACHE_CONTROL).into_iter().filter_map(|value| value.to_str().ok());
    let max_age = directives.flat_map(|value| value.split(',')).find_map(|directive| {
        let (name, seconds) = directive.trim().split_once('=')?;
        let is_age = name.eq_ignore_ascii_case("max-age");
        is_age.then(|| seconds.trim_matches('"').parse().ok()).flatten()
    });
    max_age.map_or(shortest, Duration::from_secs).clamp(shortest, longest)
}
