//! A session that the server has forgotten is opened again, as the client has opened it.

use serde_json::{Value, json};

use super::{
    message::Message,
    post::{self, Posted},
    response,
    session::Opening,
    shared::Shared,
};
use crate::Error;

/// Opens a session again, unless another request has done so. The client notices nothing. `forgotten` is the number of the session
/// that the server does not know.
pub(super) async fn renew(shared: &Shared, forgotten: u64) -> Result<(), Error> {
    let _guard = shared.renewing.lock().await;
    let opening = {
        let session = shared.session();
        if session.generation() != forgotten {
            return Ok(());
        }
        session.opening()
    };
    let Some(Opening { initialize, initialized, settings }) = opening else {
        return Err(Error::Protocol(
            "the server has forgotten a session that this client has not opened".to_owned(),
        ));
    };
    tracing::info!("the server has forgotten the session: opening another one");
    let initialize = renamed(&initialize, "initialize")?;
    let Posted { response, .. } = post::post(shared, &initialize).await?;
    let headers = response.headers().clone();
    let result = response::result(shared, &initialize, response).await?;
    shared.session().opened(&headers, &result);
    if let Some(initialized) = initialized.and_then(|raw| Message::read(raw).ok()) {
        post::post(shared, &initialized).await?;
    }
    for setting in settings {
        let setting = renamed(&setting.raw, &setting.method)?;
        let Posted { response, .. } = post::post(shared, &setting).await?;
        if let Err(error) = response::result(shared, &setting, response).await {
            tracing::warn!(%error, method = setting.method, "a setting of the session could not be repeated");
        }
    }
    shared.ready.send_replace(shared.session().generation());
    Ok(())
}

/// The same request under an id of this client's own.
fn renamed(raw: &[u8], method: &str) -> Result<Message, Error> {
    let broken = |_| Error::Protocol(format!("the {method} request of the client cannot be read again"));
    let mut value: Value = serde_json::from_slice(raw).map_err(broken)?;
    value["id"] = json!(format!("mcp-lambda/{method}"));
    Message::read(value.to_string().into())
        .map_err(|_| Error::Protocol(format!("the {method} request of the client is no message")))
}
