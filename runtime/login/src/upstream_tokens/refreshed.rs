//! The authorization server refreshes the tokens of a grant for the MCP server, which alone can seal a request for that.
//!
//! Of all that ask for one grant at a time, one holds the lease of its record and asks the provider; the others wait for its result.
//! So the provider sees each refresh token once, also if it takes the second use of one for a theft.

use std::time::Duration;

use mcp_lambda_core::{
    error::{Causes, StoreError},
    session::Rev,
    time::{Deadline, Timestamp},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{
    UpstreamKeys,
    keys::Purpose,
    record::{self, Kept, Owner, Record},
};
use crate::{error::OAuthError, limits, parameters::Parameters, server::Login, upstream::UpstreamError};

/// How long a request of the MCP server is accepted.
pub(super) const REQUEST_TIME: Duration = Duration::from_secs(60);
/// How long one process may take for a refresh: longer than it waits for the provider and for the store.
const LEASE: Duration = Duration::from_secs(15);
/// The pauses between two looks at a record that another process refreshes.
const LOOKS: Duration = Duration::from_millis(100);
/// The tries to write what the provider has given, which is lost otherwise.
const TRIES: u32 = 5;

/// What the MCP server asks for, sealed.
#[derive(Serialize, Deserialize)]
pub(super) struct Asked {
    pub(super) owner: Owner,
    pub(super) expires_at: Timestamp,
}

/// Answers a request of the MCP server with the sealed tokens.
pub(crate) async fn refreshed(
    login: &Login,
    keys: &UpstreamKeys,
    body: &[u8],
    deadline: Deadline,
) -> Result<Value, OAuthError> {
    let parameters = Parameters::read(body)?;
    let asked: Option<Asked> = keys.open(Purpose::Request, "", parameters.require("request")?).await?;
    let asked = asked.filter(|asked| login.clock.now() < asked.expires_at).ok_or_else(|| {
        OAuthError::invalid_client("the request is not one of the MCP server, or is older than a minute")
    })?;
    let refresh = Refresh { login, keys, data: asked.owner.data(&login.config.issuer), owner: asked.owner };
    let sealed = tokio::time::timeout_at(deadline.instant(), refresh.run(deadline)).await;
    let sealed = sealed.map_err(|_| OAuthError::temporarily_unavailable("the refresh took too long"))??;
    Ok(json!({ "sealed": sealed }))
}

struct Refresh<'a> {
    login: &'a Login,
    keys: &'a UpstreamKeys,
    owner: Owner,
    data: String,
}

impl Refresh<'_> {
    async fn run(&self, deadline: Deadline) -> Result<String, OAuthError> {
        let (store, clock) = (&*self.login.store, &self.login.clock);
        loop {
            let (record, rev) = record::read(store, &self.owner).await?.ok_or_else(ended)?;
            let kept: Option<Kept> = self.keys.open(Purpose::Tokens, &self.data, &record.sealed).await?;
            let kept = kept.ok_or_else(ended)?;
            let now = clock.now();
            // Another process has refreshed them, or they cannot be.
            let Some(token) = kept.to_refresh(now) else { return Ok(record.sealed) };
            if record.lease.is_some_and(|until| now < until) {
                sleep(LOOKS).await;
                continue;
            }
            let leased = Record { sealed: record.sealed.clone(), lease: Some(now.plus(LEASE)) };
            match record::write(store, &self.owner, &leased, rev, kept.ends_at).await {
                Ok(rev) => return self.exchange(token, &kept, record, rev, deadline).await,
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Asks the provider, as the holder of the lease, and writes what it answers.
    async fn exchange(
        &self,
        refresh_token: &str,
        kept: &Kept,
        record: Record,
        rev: Rev,
        deadline: Deadline,
    ) -> Result<String, OAuthError> {
        let upstream = &self.login.upstream;
        let ends_at = kept.ends_at;
        let next = match upstream.refresh(refresh_token, deadline.capped(limits::UPSTREAM_TIME)).await {
            Ok(tokens) => Kept { tokens: Some(tokens), refused: None, ends_at },
            Err(UpstreamError::Refused(code)) if code == "invalid_grant" => {
                tracing::warn!("the upstream provider has ended the tokens of a user: invalid_grant");
                Kept { refused: Some(code), ..kept.clone() }
            }
            Err(error) => {
                tracing::error!(error = %Causes(&error), "the tokens of a user were not refreshed at the upstream provider");
                // The next request tries again.
                let free = Record { lease: None, ..record };
                if let Err(error) = record::write(&*self.login.store, &self.owner, &free, rev, ends_at).await
                {
                    tracing::warn!(error = %Causes(&error), "the lease of a refresh was not given back");
                }
                return Err(OAuthError::temporarily_unavailable("the provider has not refreshed the tokens"));
            }
        };
        let sealed = self.keys.seal(Purpose::Tokens, &self.data, &next).await?;
        let record = Record { sealed: sealed.ok_or_else(OAuthError::server_error)?, lease: None };
        self.write(record, rev, ends_at).await
    }

    /// Writes the record until that succeeds: its refresh token may be the only one that the provider still accepts.
    async fn write(&self, record: Record, rev: Rev, ends_at: Timestamp) -> Result<String, OAuthError> {
        let store = &*self.login.store;
        let mut pause = LOOKS;
        for attempt in 1.. {
            match record::write(store, &self.owner, &record, rev, ends_at).await {
                Ok(_) => break,
                // The grant was revoked meanwhile, or an earlier try was written and its answer is lost.
                Err(StoreError::Conflict) => {
                    let found = record::read(store, &self.owner).await?;
                    match found {
                        Some((found, _)) if found.sealed == record.sealed => break,
                        _ => return Err(ended()),
                    }
                }
                Err(error) if error.is_retryable() && attempt < TRIES => {
                    tracing::warn!(error = %Causes(&error), attempt, "refreshed tokens were not stored; they will be");
                    sleep(pause).await;
                    pause *= 2;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(record.sealed)
    }
}

/// The grant has ended, or what is kept of it cannot be opened.
fn ended() -> OAuthError {
    OAuthError::invalid_grant("there are no tokens of this grant: the user has to sign in again")
}
