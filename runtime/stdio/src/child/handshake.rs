//! What a child speaks: found out once for a command, and asked again of each child that is started.
//!
//! A server of 2026-07-28 answers `server/discover`, and some of them serve only the era of their first message. So it is asked
//! first, and `initialize` follows where it is not known.
//! <https://modelcontextprotocol.io/specification/2026-07-28/basic/versioning> (read 2026-11-27).

use std::{sync::Arc, time::Duration};

use rmcp::{
    ErrorData,
    model::{
        ClientCapabilities, Implementation, InitializeRequestParams, MetaObject, ServerCapabilities,
        ServerConfig,
    },
};
use serde_json::{Value, json};

use super::link::{Failed, Link, Reply};
use crate::time::within;

/// How long a child may leave `server/discover` unanswered before `initialize` follows.
const PROBE: Duration = Duration::from_secs(3);
/// The revision that `initialize` asks for.
const NEWEST_SESSION: &str = "2025-11-25";
const SESSION: [&str; 4] = [NEWEST_SESSION, "2025-06-18", "2025-03-26", "2024-11-05"];
const STATELESS: &str = "2026-07-28";
/// The code of an unknown version.
const UNSUPPORTED_VERSION: i32 = -32022;
const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";

/// Which era a child is spoken to in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speaks {
    /// Revisions up to 2025-11-25, after a handshake.
    Session,
    /// 2026-07-28.
    Stateless,
}

/// What a child says about itself.
#[derive(Debug, Clone)]
pub(crate) struct Handshake {
    pub(crate) speaks: Speaks,
    pub(crate) version: &'static str,
    /// The name, version, capabilities and instructions of the server.
    pub(crate) info: ServerConfig,
}

/// The client, as the child knows it.
#[derive(Debug, Clone)]
pub(crate) struct ClientSide {
    pub(crate) capabilities: ClientCapabilities,
    pub(crate) info: Implementation,
}

impl ClientSide {
    /// The metadata of a request of 2026-07-28.
    pub(crate) fn meta(&self) -> Value {
        json!({
            "io.modelcontextprotocol/protocolVersion": STATELESS,
            "io.modelcontextprotocol/clientInfo": self.info,
            "io.modelcontextprotocol/clientCapabilities": self.capabilities,
        })
    }
}

/// Why there is no understanding with a child.
#[derive(Debug, Clone)]
pub(crate) enum NoHandshake {
    Failed(Failed),
    Answer(String),
}

impl From<Failed> for NoHandshake {
    fn from(failed: Failed) -> Self {
        Self::Failed(failed)
    }
}

/// Asks a child what it speaks. `known`: what another child of the command has answered.
pub(crate) async fn shake_hands(
    link: &Arc<Link>,
    client: &ClientSide,
    known: Option<Speaks>,
) -> Result<Handshake, NoHandshake> {
    if known == Some(Speaks::Session) {
        return initialize(link, client).await;
    }
    let params = json!({ "_meta": client.meta() });
    let discovering = link.request("server/discover", &params);
    tokio::pin!(discovering);
    match within(PROBE, &mut discovering).await {
        Some(answer) => match discovered(answer)? {
            Some(found) => Ok(found),
            None => initialize(link, client).await,
        },
        // A slow start, or a server that does not answer what it does not know.
        None => {
            let initializing = initialize(link, client);
            tokio::pin!(initializing);
            tokio::select! {
                initialized = &mut initializing => match initialized {
                    // It has read `server/discover` first, and serves that era alone.
                    Err(NoHandshake::Answer(text)) => discovered(discovering.await)?.ok_or(NoHandshake::Answer(text)),
                    done => done,
                },
                answer = &mut discovering => match discovered(answer)? {
                    Some(found) => Ok(found),
                    None => initializing.await,
                },
            }
        }
    }
}

/// The answer to `server/discover`. `None`: the child does not know it.
fn discovered(answer: Reply) -> Result<Option<Handshake>, NoHandshake> {
    let mut result = match answer {
        Ok(result) => result,
        Err(Failed::Error(error)) if error.code.0 == UNSUPPORTED_VERSION => {
            let supported = error.data.as_ref().map(|data| data["supported"].to_string()).unwrap_or_default();
            return Err(NoHandshake::Answer(format!(
                "it speaks {supported}, and this server {STATELESS} and {}",
                SESSION.join(", ")
            )));
        }
        Err(Failed::Error(_)) => return Ok(None),
        Err(failed) => return Err(failed.into()),
    };
    let supported = result["supportedVersions"].as_array().cloned().unwrap_or_default();
    if !supported.iter().any(|version| version == STATELESS) {
        return Ok(None);
    }
    let declared = result["capabilities"].take();
    let mut info = ServerConfig::new(capabilities(&declared));
    info.server_info = implementation(result["_meta"].get(SERVER_INFO));
    info.instructions = result["instructions"].as_str().map(str::to_owned);
    info.meta = result["_meta"].as_object().cloned().map(MetaObject);
    Ok(Some(Handshake { speaks: Speaks::Stateless, version: STATELESS, info }))
}

async fn initialize(link: &Arc<Link>, client: &ClientSide) -> Result<Handshake, NoHandshake> {
    let params = InitializeRequestParams::new(client.capabilities.clone(), client.info.clone());
    let mut params = json!(params);
    params["protocolVersion"] = NEWEST_SESSION.into();
    let mut result = match link.request("initialize", &params).await {
        Ok(result) => result,
        Err(Failed::Error(error)) => return Err(refused("initialize", &error)),
        Err(failed) => return Err(failed.into()),
    };
    let answered = result["protocolVersion"].as_str().unwrap_or_default();
    let Some(version) = SESSION.into_iter().find(|known| *known == answered) else {
        return Err(NoHandshake::Answer(format!(
            "it answers initialize with the version {answered:?}: expected {}",
            SESSION.join(", ")
        )));
    };
    link.notify("notifications/initialized", None).await;
    let declared = result["capabilities"].take();
    let mut info = ServerConfig::new(capabilities(&declared));
    info.server_info = implementation(result.get("serverInfo"));
    info.instructions = result["instructions"].as_str().map(str::to_owned);
    info.meta = result["_meta"].as_object().cloned().map(MetaObject);
    Ok(Handshake { speaks: Speaks::Session, version, info })
}

fn refused(method: &str, error: &ErrorData) -> NoHandshake {
    NoHandshake::Answer(format!("it answers {method} with the error {}: {}", error.code.0, error.message))
}

/// The capabilities of a child. One that cannot be read is none.
fn capabilities(declared: &Value) -> ServerCapabilities {
    let Some(object) = declared.as_object() else { return ServerCapabilities::default() };
    serde_json::from_value(declared.clone()).unwrap_or_else(|_| {
        let mut readable = object.clone();
        readable.retain(|name, value| {
            serde_json::from_value::<ServerCapabilities>(json!({ name: value })).is_ok()
        });
        serde_json::from_value(Value::Object(readable)).unwrap_or_default()
    })
}

fn implementation(sent: Option<&Value>) -> Implementation {
    let read = sent.and_then(|sent| serde_json::from_value(sent.clone()).ok());
    read.unwrap_or_else(|| {
        let text = |key: &str| sent.and_then(|sent| sent.get(key)).and_then(Value::as_str);
        Implementation::new(text("name").unwrap_or("unknown"), text("version").unwrap_or("0"))
    })
}
