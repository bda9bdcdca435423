//! `initialize`: opens a session.

use rmcp::model::{ClientRequest, InitializeRequestParams, InitializeResult, JsonRpcError, ServerResult};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{Caller, Dispatcher, JsonReply, Reply, params};
use crate::{
    config::SessionMode,
    error::StoreError,
    exchange::HandlerContext,
    handler::HandlerError,
    ids::SessionId,
    protocol::{Era, Fault, JsonRpcResponse, Request, SessionVersion},
    session::{SessionClient, SessionRecord, fault_of},
    tasks::experimental,
};

impl Dispatcher {
    /// Opens a session, unless the server has none. `named`: the session id of the request, which counts if a platform makes
    /// ids up.
    pub(super) async fn initialize(
        &self,
        caller: &Caller,
        request: &Request,
        named: Option<&str>,
    ) -> Result<Reply, Fault> {
        let typed = params::typed(request)?;
        let ClientRequest::InitializeRequest(ref initialize) = typed else { return Err(Fault::Internal) };
        let version = self.negotiate(initialize.params.protocol_version.as_str())?;
        let client = match self.session_mode {
            SessionMode::Off => None,
            SessionMode::Required | SessionMode::Optional | SessionMode::Platform => {
                Some(client(&initialize.params)?)
            }
        };
        let context = HandlerContext {
            era: Era::Session,
            principal: caller.principal.clone(),
            peer_info: initialize.params.clone(),
            extensions: self.services.extensions(caller, None),
            cancel: CancellationToken::new(),
            served: caller.served.clone(),
        };
        // The handler's own `initialize` runs once per session, so that it sees every client.
        let deadline = caller.ingress.deadline;
        let result = self.exchanges.call(request.clone(), typed, context, deadline).await;
        let seconds = deadline.budget().as_secs();
        match result.ok_or(Fault::DeadlineExceeded { seconds })? {
            Ok(ServerResult::InitializeResult(result)) => {
                let session = match client {
                    None => None,
                    Some(client) => {
                        let (id, shown) = self.id_of_new(caller, named).await?;
                        let record = self.record(caller, id, client, version);
                        self.sessions.store().create(&record).await.map_err(|error| fault_of(&error))?;
                        Some(shown)
                    }
                };
                Ok(self.opened(request, session, version, result, caller))
            }
            Ok(_) => Err(Fault::Internal),
            Err(HandlerError::Refused(fault)) => Err(fault),
            Err(HandlerError::Handler(error)) => {
                let error = JsonRpcResponse::error(&JsonRpcError::new(Some(request.id.clone()), error));
                Ok(Reply::response(Era::Session, Some(request.id.clone()), error))
            }
        }
    }

    /// The version that the client asks for if both sides speak it, else the newest that the server speaks:
    /// <https://modelcontextprotocol.io/specification/2025-11-25/basic/lifecycle#version-negotiation> (read 2026-11-20).
    fn negotiate(&self, requested: &str) -> Result<SessionVersion, Fault> {
        let spoken = self.exchanges.handler.versions();
        let is_spoken = |version: &SessionVersion| spoken.contains(&version.to_rmcp());
        SessionVersion::parse(requested)
            .filter(is_spoken)
            .or_else(|| SessionVersion::ALL.into_iter().find(is_spoken))
            .ok_or_else(|| Fault::invalid_params("this server speaks no revision that has initialize"))
    }

    /// The reply. rmcp's capabilities have no experimental tasks.
    fn opened(
        &self,
        request: &Request,
        session: Option<String>,
        version: SessionVersion,
        mut result: InitializeResult,
        caller: &Caller,
    ) -> Reply {
        result.protocol_version = version.to_rmcp();
        let mut result = json!(result);
        if self.capabilities.has_tasks() && version.has_tasks() {
            result["capabilities"]["tasks"] = experimental::capability(!caller.principal.is_anonymous());
        }
        let json = JsonRpcResponse::result(&request.id, &result).json;
        Reply::Json(JsonReply { era: Era::Session, json, code: None, session })
    }

    pub(super) fn record(
        &self,
        caller: &Caller,
        id: SessionId,
        client: SessionClient,
        version: SessionVersion,
    ) -> SessionRecord {
        let (created_at, expires_at) = (self.sessions.now(), self.sessions.expiry());
        SessionRecord::new(id, caller.principal.clone(), version, client, created_at, expires_at)
    }
}

/// What the session keeps of the client.
fn client(params: &InitializeRequestParams) -> Result<SessionClient, Fault> {
    SessionClient::new(params).map_err(|error| match error {
        StoreError::TooLarge { size, limit } => Fault::invalid_params(format!(
            "params.capabilities and params.clientInfo have {size} bytes together, without icons; a session keeps at \
             most {limit}"
        )),
        error => fault_of(&error),
    })
}
