//! Two servers around one handler: ours, and rmcp's own HTTP service.

use std::{sync::Arc, time::Duration};

use http::Request;
use http_body_util::BodyExt;
use mcp_lambda_server::{
    Body, Server,
    config::SessionMode,
    rmcp::transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
    },
};
use serde_json::{Value, json};

use test_support::{Fixture, McpRequest, Stage, World, environments_with, sse};

/// How long an answer is waited for, in virtual time.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server that takes requests.
pub(crate) enum Target {
    Ours(World),
    Theirs(StreamableHttpService<Fixture, LocalSessionManager>),
}

impl Target {
    pub(crate) fn ours() -> Self {
        // rmcp has no sessions that are optional.
        let world = environments_with(1, |config| config.sessions.mode = Some(SessionMode::Required));
        world.allow(100);
        Self::Ours(world)
    }

    pub(crate) fn theirs() -> Self {
        let (stage, reports) = Stage::new();
        stage.gate.add_permits(100);
        // The reports of tools are not read; the channel only has to stay open.
        std::mem::forget(reports);
        let make = move || Ok(Fixture::new(stage.clone()));
        let config = StreamableHttpServerConfig::default().with_json_response(true).with_sse_keep_alive(None);
        Self::Theirs(StreamableHttpService::new(make, Arc::new(LocalSessionManager::default()), config))
    }

    pub(crate) async fn send(&self, post: McpRequest) -> Outcome {
        let request = post.request();
        let answering = async {
            match self {
                Self::Ours(world) => ours(world.at(0), request).await,
                Self::Theirs(service) => read(service.handle(request).await).await,
            }
        };
        tokio::time::timeout(PATIENCE, answering).await.unwrap_or_else(|_| Outcome::silence())
    }
}

async fn ours(server: &Server, request: Request<Body>) -> Outcome {
    read(server.handle(request).await).await
}

/// What a client sees of an answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Outcome {
    /// The HTTP status; 0 when no answer came.
    pub(crate) status: u16,
    /// The code of the JSON-RPC error, if it is one.
    pub(crate) code: Option<i64>,
    /// The result, if it is one.
    pub(crate) result: Option<Value>,
    /// The id that was echoed.
    pub(crate) id: Option<Value>,
    /// Whether a session id came with it.
    pub(crate) opens: Option<String>,
}

impl Outcome {
    fn silence() -> Self {
        Self { status: 0, code: None, result: None, id: None, opens: None }
    }

    /// The status and the code: what most differences are about.
    pub(crate) fn gist(&self) -> (u16, Option<i64>) {
        (self.status, self.code)
    }

    /// What is compared: without the names that each server makes up for itself.
    pub(crate) fn normal(mut self) -> Self {
        self.opens = self.opens.map(|_| "(a session)".to_owned());
        if let Some(state) = self.result.as_mut().and_then(|result| result.get_mut("requestState")) {
            *state = json!("(sealed by us, plain with rmcp)");
        }
        self
    }
}

/// Reads a whole answer. Of a stream that stays open, as GET streams do, only the head is known.
async fn read<B>(response: http::Response<B>) -> Outcome
where
    B: http_body::Body<Data = bytes::Bytes> + Send,
    B::Error: std::fmt::Debug,
{
    let (parts, body) = response.into_parts();
    let header = |name: &str| parts.headers.get(name).map(|value| value.to_str().expect("ASCII").to_owned());
    let status = parts.status.as_u16();
    let mut outcome = Outcome { status, opens: header("mcp-session-id"), ..Outcome::silence() };
    let is_stream = header("content-type").is_some_and(|kind| kind == "text/event-stream");
    let Ok(whole) = tokio::time::timeout(PATIENCE / 2, body.collect()).await else {
        return if is_stream { outcome } else { Outcome::silence() };
    };
    let bytes = whole.expect("a body").to_bytes();
    let last = if is_stream {
        let events = sse::parse(&bytes);
        let data = events.into_iter().filter_map(|event| event.data);
        data.filter_map(|data| serde_json::from_str::<Value>(&data).ok()).next_back()
    } else {
        serde_json::from_slice(&bytes).ok()
    };
    if let Some(message) = last {
        outcome.code = message["error"]["code"].as_i64();
        outcome.result = message.get("result").cloned();
        outcome.id = message.get("id").filter(|id| !id.is_null()).cloned();
    }
    outcome
}
