//! The item of the store: `LOGIN#UPSTREAM#<id of the grant>`.
//!
//! It ends with its grant. What is sealed in it opens for the user and the MCP server of the grant alone, whichever item it is read
//! from.

use std::time::Duration;

use mcp_lambda_core::{
    error::StoreError,
    session::{Rev, StateScope, StateStore},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{keys, upstream::UpstreamTokens};

const KEY: &str = "tokens";
/// A token that expires within this time is refreshed before it is used.
const MARGIN: Duration = Duration::from_secs(60);

/// The user of the tokens, the grant and the MCP server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Owner {
    /// The id of the grant.
    pub(crate) grant: String,
    /// The subject of the access token.
    pub(crate) subject: String,
    /// The URL of the MCP server.
    pub(crate) resource: String,
}

impl Owner {
    /// The owner that the claims of an access token of this issuer name.
    pub(super) fn of_claims(claims: &Map<String, Value>, issuer: &str) -> Option<Self> {
        let text = |name: &str| claims.get(name)?.as_str().map(str::to_owned);
        if text("iss")? != issuer {
            return None;
        }
        // The URL of the server stands first, before an audience of all servers.
        let resource = match claims.get("aud")? {
            Value::Array(list) => list.first()?.as_str()?.to_owned(),
            audience => audience.as_str()?.to_owned(),
        };
        Some(Self { grant: text("grant_id")?, subject: text("sub")?, resource })
    }

    /// What the tokens are sealed to.
    pub(super) fn data(&self, issuer: &str) -> String {
        keys::hash(&[issuer, &self.grant, &self.subject, &self.resource]).to_string()
    }

    fn scope(&self) -> StateScope {
        StateScope::Login(format!("UPSTREAM#{}", self.grant))
    }
}

/// What is sealed.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Kept {
    /// `None`: the provider issues none.
    pub(super) tokens: Option<UpstreamTokens>,
    /// The error code with which the provider has refused to refresh them, for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) refused: Option<String>,
    /// When the grant ends.
    pub(super) ends_at: Timestamp,
}

impl Kept {
    /// The refresh token, if the access token is about to expire.
    pub(super) fn to_refresh(&self, now: Timestamp) -> Option<&str> {
        let tokens = self.tokens.as_ref().filter(|_| self.refused.is_none())?;
        let is_due = tokens.expires_at.is_some_and(|at| now.plus(MARGIN) >= at);
        tokens.refresh_token.as_deref().filter(|_| is_due)
    }
}

/// The item.
#[derive(Serialize, Deserialize)]
pub(super) struct Record {
    /// A [`Kept`].
    pub(super) sealed: String,
    /// Until when another process may be refreshing the tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) lease: Option<Timestamp>,
}

/// Reads the record of an owner. `None`: there is none.
pub(super) async fn read(store: &dyn StateStore, owner: &Owner) -> Result<Option<(Record, Rev)>, StoreError> {
    let Some(found) = store.state(&owner.scope(), KEY).await? else { return Ok(None) };
    let record = serde_json::from_value(found.value);
    let record = record.map_err(|_| StoreError::Corrupt("a record of upstream tokens".to_owned()))?;
    Ok(Some((record, found.rev)))
}

/// Writes the record of an owner, if its revision is still the expected one.
pub(super) async fn write(
    store: &dyn StateStore,
    owner: &Owner,
    record: &Record,
    expected: Rev,
    ends_at: Timestamp,
) -> Result<Rev, StoreError> {
    store.put_state(&owner.scope(), KEY, &json!(record), expected, ends_at).await
}

/// Removes the record of a grant. Idempotent.
pub(super) async fn remove(store: &dyn StateStore, grant: &str) -> Result<(), StoreError> {
    store.remove_state(&StateScope::Login(format!("UPSTREAM#{grant}")), KEY).await
}
