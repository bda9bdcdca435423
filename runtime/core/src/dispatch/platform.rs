//! Sessions with ids of a platform, such as AgentCore Runtime: it makes an id up, sends it with every message, the first one
//! included, and routes by it. <https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/runtime-mcp-protocol-contract.html>
//! (read 2026-11-27).
//!
//! Such an id becomes one of this server's, by a digest of the id and the principal: stores, event ids and logs know nothing of
//! it, each environment finds the same session, and two principals that name the same id have two sessions.

use std::{borrow::Cow, sync::Arc};

use super::{Caller, Dispatcher};
use crate::{
    config::SessionMode,
    error::StoreError,
    ids::SessionId,
    protocol::{Fault, SessionGet, SessionVersion, headers},
    session::{SessionClient, SessionRecord, fault_of},
};

/// The version of a session that begins without `initialize` and without the version header:
/// <https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#protocol-version-header> (read 2026-11-26).
const ASSUMED_VERSION: SessionVersion = SessionVersion::V2025_03_26;

impl Dispatcher {
    /// Finds the session that a message names. One that the platform has made up begins with its first message.
    pub(super) async fn session_of(
        &self,
        caller: &Caller,
        named: &str,
        version: Option<SessionVersion>,
    ) -> Result<Arc<SessionRecord>, Fault> {
        let found = self.sessions.find(named, &caller.principal).await;
        if self.session_mode != SessionMode::Platform || !matches!(found, Err(Fault::SessionNotFound)) {
            return found;
        }
        let id = SessionId::of_platform(caller.principal.key(), named);
        let found = self.sessions.find(id.as_str(), &caller.principal).await;
        if !matches!(found, Err(Fault::SessionNotFound)) {
            return found;
        }
        let version = version.unwrap_or(ASSUMED_VERSION);
        let record = self.record(caller, id, SessionClient::default(), version);
        match self.sessions.store().create(&record).await {
            Ok(()) => {
                tracing::debug!("a session begins without initialize: the platform has made up its id");
                Ok(Arc::new(record))
            }
            // Another message of the session was first.
            Err(StoreError::Conflict) => self.sessions.find(record.id.as_str(), &caller.principal).await,
            Err(error) => Err(fault_of(&error)),
        }
    }

    /// The id under which this server keeps the session that a message names.
    pub(super) async fn own_id<'n>(&self, caller: &Caller, named: &'n str) -> Cow<'n, str> {
        if self.session_mode != SessionMode::Platform
            || self.sessions.find(named, &caller.principal).await.is_ok()
        {
            return named.into();
        }
        SessionId::of_platform(caller.principal.key(), named).as_str().to_owned().into()
    }

    /// A GET with the id of this server. The session of a platform begins with it, if need be.
    pub(super) async fn opened_for_get(&self, caller: &Caller, get: SessionGet) -> Result<SessionGet, Fault> {
        if self.session_mode != SessionMode::Platform {
            return Ok(get);
        }
        let version = headers::single(&caller.parts.headers, headers::PROTOCOL_VERSION).ok().flatten();
        let version = version.and_then(SessionVersion::parse);
        let record = self.session_of(caller, &get.session, version).await?;
        Ok(SessionGet { session: record.id.as_str().to_owned(), ..get })
    }

    /// The id of the session that `initialize` opens, and the id that its client reads. A session of the platform begins anew.
    pub(super) async fn id_of_new(
        &self,
        caller: &Caller,
        named: Option<&str>,
    ) -> Result<(SessionId, String), Fault> {
        let Some(named) = named.filter(|_| self.session_mode == SessionMode::Platform) else {
            let id = SessionId::random();
            let text = id.as_str().to_owned();
            return Ok((id, text));
        };
        let id = match self.sessions.find(named, &caller.principal).await {
            Ok(own) => own.id.clone(),
            Err(_) => SessionId::of_platform(caller.principal.key(), named),
        };
        self.sessions.store().end(&id).await.map_err(|error| fault_of(&error))?;
        Ok((id, named.to_owned()))
    }
}
