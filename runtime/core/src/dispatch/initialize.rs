//! `initialize`: a session begins.

use std::sync::Arc;

use rmcp::model::{ClientRequest, InitializeResult, JsonRpcError, ServerJsonRpcMessage, ServerResult};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;

use super::{
    App, call,
    reply::{Answer, Caller, Final, Reply, encode},
    session,
};
use crate::{
    peer::{Exchange, Setting, Step},
    protocol::{Era, Fault, Request, SessionVersion},
    session::{SessionId, SessionRecord},
};

pub(super) async fn open(app: &Arc<App>, caller: &Caller, request: &Request) -> Result<Reply, Fault> {
    let typed = call::typed(request)?;
    let ClientRequest::InitializeRequest(ref asked) = typed else { return Err(Fault::Internal) };
    let version = negotiate(app, asked.params.protocol_version.as_str())?;
    let setting = Setting {
        peer_info: asked.params.clone(),
        extensions: app.extensions(caller, None),
        cancel: CancellationToken::new(),
    };
    // The handler's own `initialize` runs once per session, so that an override sees every client.
    let mut exchange = Exchange::start(Arc::clone(&app.handler), request.id.clone(), typed, setting);
    let outcome = tokio::time::timeout_at(caller.ingress.deadline.instant(), async {
        loop {
            if let Step::Done(outcome) = exchange.step().await {
                return outcome;
            }
        }
    })
    .await
    .map_err(|_| Fault::DeadlineExceeded { seconds: caller.ingress.deadline.budget().as_secs() })?;
    match outcome {
        Ok(ServerResult::InitializeResult(result)) => {
            let record = record(app, caller, request, version)?;
            app.stores.sessions.create(&record).await.map_err(|error| session::unavailable(&error))?;
            Ok(opened(app, request, record.id, version, result))
        }
        Ok(_) => Err(Fault::Internal),
        Err(error) => {
            let error = Final::error(&JsonRpcError::new(Some(request.id.clone()), error));
            Ok(Reply::answer(Era::Session, error))
        }
    }
}

/// The version the client asked for if we both speak it, else the newest we do:
/// <https://modelcontextprotocol.io/specification/2025-11-25/basic/lifecycle#version-negotiation> (read 2026-11-20).
fn negotiate(app: &App, asked: &str) -> Result<SessionVersion, Fault> {
    let willing = app.handler.versions();
    let speaks = |version: &SessionVersion| willing.contains(&version.to_rmcp());
    SessionVersion::parse(asked)
        .filter(speaks)
        .or_else(|| SessionVersion::ALL.into_iter().find(speaks))
        .ok_or_else(|| Fault::invalid_params("this server speaks no revision that has initialize"))
}

fn record(
    app: &App,
    caller: &Caller,
    request: &Request,
    version: SessionVersion,
) -> Result<SessionRecord, Fault> {
    #[derive(Deserialize)]
    struct Params {
        params: Box<RawValue>,
    }
    let raw: Params = call::parse(request)?;
    let now = app.clock.now();
    Ok(SessionRecord {
        id: SessionId::random(),
        owner: caller.principal.clone(),
        version,
        initialize: raw.params,
        log_level: None,
        listener: None,
        created_at: now,
        expires_at: now.plus(app.config.session_ttl),
    })
}

fn opened(
    app: &App,
    request: &Request,
    session: SessionId,
    version: SessionVersion,
    result: InitializeResult,
) -> Reply {
    let mut result = app.truthful(result);
    result.protocol_version = version.to_rmcp();
    let response = ServerJsonRpcMessage::response(ServerResult::InitializeResult(result), request.id.clone());
    Reply::Answer(Answer { era: Era::Session, json: encode(&response), code: None, opens: Some(session) })
}
