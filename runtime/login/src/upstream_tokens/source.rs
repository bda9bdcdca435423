//! The MCP server finds the tokens of a caller: one read of the store, and a request to the authorization server for those that are
//! about to expire.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, Uri, header};
use mcp_lambda_core::{
    auth::Principal,
    config::UpstreamTokenConfig,
    error::{Causes, ConfigError},
    fetch::{FetchError, FetchLimits, Fetcher},
    keys::KeySource,
    session::StateStore,
    time::{Clock, Deadline, Timestamp},
    upstream_token::{UpstreamToken, UpstreamTokenError, UpstreamTokenSource},
};
use serde::Deserialize;
use url::form_urlencoded;

use super::{
    UpstreamKeys,
    keys::Purpose,
    record::{self, Kept, Owner},
    refreshed::{Asked, REQUEST_TIME},
};
use crate::{limits, metadata};

/// The tokens of the callers of an MCP server.
///
/// # Errors
///
/// When the configuration cannot be used.
pub fn upstream_tokens(
    config: &UpstreamTokenConfig,
    keys: Option<KeySource>,
    store: Arc<dyn StateStore>,
    clock: Clock,
) -> Result<Arc<dyn UpstreamTokenSource>, ConfigError> {
    let issuer = config.issuer.clone();
    let uri = format!("{issuer}{}", metadata::UPSTREAM).parse();
    let uri = uri.map_err(|_| ConfigError::new("MCP_JWT_ISSUER", &issuer, "a URL"))?;
    let keys = UpstreamKeys::of(config, keys);
    Ok(Arc::new(Source { issuer, uri, keys, store, clock, fetcher: Fetcher::default() }))
}

struct Source {
    issuer: String,
    /// Where tokens are refreshed.
    uri: Uri,
    keys: UpstreamKeys,
    store: Arc<dyn StateStore>,
    clock: Clock,
    fetcher: Fetcher,
}

#[async_trait]
impl UpstreamTokenSource for Source {
    async fn token(
        &self,
        caller: &Principal,
        deadline: Deadline,
    ) -> Result<UpstreamToken, UpstreamTokenError> {
        let found = tokio::time::timeout_at(deadline.instant(), self.find(caller, deadline)).await;
        found.unwrap_or_else(|_| Err(UpstreamTokenError::unavailable("there was no answer in time")))
    }
}

impl Source {
    async fn find(
        &self,
        caller: &Principal,
        deadline: Deadline,
    ) -> Result<UpstreamToken, UpstreamTokenError> {
        let owner = Owner::of_claims(caller.attributes(), &self.issuer);
        let owner = owner.ok_or(UpstreamTokenError::NotSignedIn)?;
        let found = record::read(&*self.store, &owner).await.map_err(UpstreamTokenError::unavailable)?;
        let (record, _) = found.ok_or(UpstreamTokenError::Ended)?;
        let kept = self.open(&owner, &record.sealed).await?;
        if kept.to_refresh(self.clock.now()).is_none() {
            return token(kept, self.clock.now());
        }
        match self.refresh(&owner, deadline).await {
            Ok(sealed) => token(self.open(&owner, &sealed).await?, self.clock.now()),
            Err(UpstreamTokenError::Unavailable(cause)) => {
                // It is about to expire, and may not have yet.
                let last = token(kept, self.clock.now());
                if last.is_ok() {
                    tracing::warn!(error = %Causes(&*cause), "a token of the upstream provider was not refreshed in advance");
                    return last;
                }
                Err(UpstreamTokenError::Unavailable(cause))
            }
            Err(error) => Err(error),
        }
    }

    async fn open(&self, owner: &Owner, sealed: &str) -> Result<Kept, UpstreamTokenError> {
        let kept = self.keys.open(Purpose::Tokens, &owner.data(&self.issuer), sealed).await;
        kept.map_err(UpstreamTokenError::unavailable)?.ok_or_else(|| {
            tracing::warn!("tokens of the upstream provider cannot be opened: they are of another owner, were altered, or their key is gone");
            UpstreamTokenError::Ended
        })
    }

    /// Asks the authorization server for refreshed tokens, which it returns sealed.
    async fn refresh(&self, owner: &Owner, deadline: Deadline) -> Result<String, UpstreamTokenError> {
        #[derive(Deserialize)]
        struct Answer {
            sealed: String,
        }
        let unavailable = |cause: FetchError| UpstreamTokenError::unavailable(cause);
        let asked = Asked { owner: owner.clone(), expires_at: self.clock.now().plus(REQUEST_TIME) };
        let sealed = self.keys.seal(Purpose::Request, "", &asked).await;
        let sealed = sealed.map_err(UpstreamTokenError::unavailable)?;
        let sealed = sealed.ok_or_else(|| UpstreamTokenError::unavailable("the request cannot be sealed"))?;
        let form = form_urlencoded::Serializer::new(String::new()).append_pair("request", &sealed).finish();
        let mut request = Request::new(Bytes::from(form));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers_mut().insert(header::CONTENT_TYPE, form_type);
        let limits = FetchLimits { timeout: deadline.remaining(), max_bytes: limits::UPSTREAM_ANSWER };
        let response = self.fetcher.send(request, limits).await.map_err(unavailable)?;
        match response.status() {
            StatusCode::OK => {
                let answer: Result<Answer, _> = serde_json::from_slice(response.body());
                answer.map(|answer| answer.sealed).map_err(UpstreamTokenError::unavailable)
            }
            StatusCode::BAD_REQUEST => Err(UpstreamTokenError::Ended),
            status => Err(unavailable(FetchError::Status(status))),
        }
    }
}

fn token(kept: Kept, now: Timestamp) -> Result<UpstreamToken, UpstreamTokenError> {
    if let Some(code) = kept.refused {
        return Err(UpstreamTokenError::Refused(code));
    }
    let tokens = kept.tokens.ok_or(UpstreamTokenError::NotIssued)?;
    if tokens.expires_at.is_some_and(|at| now >= at) {
        return Err(UpstreamTokenError::Ended);
    }
    let mut token = UpstreamToken::new(tokens.access_token);
    token.expires_at = tokens.expires_at;
    token.scopes = tokens.scope.unwrap_or_default().split_whitespace().map(str::to_owned).collect();
    Ok(token)
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}
