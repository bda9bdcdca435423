//! What a check works with: requests of each era to one server, and what is known of that server.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use http::Method;
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use url::Url;

use super::{
    era::{Era, SESSION, STATELESS, TASKS},
    facts::Facts,
    finding::{Checked, ensure, skipped},
    sample::sample,
    stack::{Stack, View},
    suite::Suite,
    wire::{Draft, Http, Transcript},
};

const META: &str = "io.modelcontextprotocol";

/// The server, and the callers who ask it.
#[derive(Clone)]
pub struct Target {
    pub(crate) url: Url,
    pub(crate) http: Arc<dyn Http>,
    pub(crate) anonymous: Option<Arc<dyn Http>>,
    pub(crate) other: Option<Arc<dyn Http>>,
    pub(crate) token: Option<String>,
    pub(crate) stack: Option<Stack>,
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target").field("url", &self.url.as_str()).finish_non_exhaustive()
    }
}

impl Target {
    /// A server at this URL, and the transport that proves the caller.
    ///
    /// # Errors
    ///
    /// When the URL is none of HTTP.
    pub fn new(http: Arc<dyn Http>, url: &str) -> Result<Self, String> {
        let url = Url::parse(url).map_err(|error| format!("{url:?} is no URL: {error}"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!("{url} begins with neither http:// nor https://"));
        }
        Ok(Self { url, http, anonymous: None, other: None, token: None, stack: None })
    }

    /// Adds a transport that proves nothing, for the checks of refusals. Default: none, and these checks are skipped.
    #[must_use]
    pub fn anonymous(mut self, http: Arc<dyn Http>) -> Self {
        self.anonymous = Some(http);
        self
    }

    /// Adds the transport of another caller, for the checks of isolation. Default: none, and these checks are skipped.
    #[must_use]
    pub fn other(mut self, http: Arc<dyn Http>) -> Self {
        self.other = Some(http);
        self
    }

    /// Adds the access token that the caller sends, for the checks that damage it. Default: none, and these checks are skipped.
    #[must_use]
    pub fn token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    /// Adds the stack of the server, for the suite `infrastructure`. Default: none, and its checks are skipped.
    #[must_use]
    pub fn stack(mut self, stack: Stack) -> Self {
        self.stack = Some(stack);
        self
    }
}

/// A tool that checks may call although it does not declare `readOnlyHint`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolCall {
    /// The name of the tool.
    pub name: String,
    /// Its arguments. `None`: made from its input schema.
    pub arguments: Option<Value>,
}

/// Which checks run, and how.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The suites. Default: all but `infrastructure`.
    pub suites: Vec<Suite>,
    /// Tools that may be called besides those with `readOnlyHint`. Default: none.
    pub tools: Vec<ToolCall>,
    /// How long one response may take, and the whole of a stream. Default: 30 seconds.
    pub timeout: Duration,
    /// How long a check waits for what must not come. Default: 1 second.
    pub quiet: Duration,
    /// How many checks run at the same time. Default: 1.
    pub concurrency: usize,
    /// Whether the report shows the requests and responses of checks that passed. Default: no.
    pub detailed: bool,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            suites: Suite::of_mcp(),
            tools: Vec::new(),
            timeout: Duration::from_secs(30),
            quiet: Duration::from_secs(1),
            concurrency: 1,
            detailed: false,
        }
    }
}

impl Plan {
    /// A plan of these suites.
    pub fn of(suites: impl IntoIterator<Item = Suite>) -> Self {
        Self { suites: suites.into_iter().collect(), ..Self::default() }
    }

    /// Whether a check of the plan sends requests of MCP.
    pub(crate) fn asks_the_server(&self) -> bool {
        self.suites.iter().any(|suite| *suite != Suite::Infrastructure)
    }
}

/// A session that a check has opened.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    /// `None` of a server that gives none.
    pub(crate) id: Option<String>,
    pub(crate) version: String,
}

/// What one check works with, in one era.
pub(crate) struct Probe<'a> {
    pub(crate) target: &'a Target,
    pub(crate) plan: &'a Plan,
    pub(crate) facts: &'a Facts,
    era: Era,
    pub(crate) transcript: Transcript,
    shared: OnceCell<Session>,
    opened: Mutex<Vec<Session>>,
    ids: AtomicU64,
}

impl<'a> Probe<'a> {
    pub(crate) fn new(target: &'a Target, plan: &'a Plan, facts: &'a Facts, era: Era) -> Self {
        Self {
            target,
            plan,
            facts,
            era,
            transcript: Transcript::default(),
            shared: OnceCell::new(),
            opened: Mutex::default(),
            ids: AtomicU64::new(1),
        }
    }

    pub(crate) fn is_stateless(&self) -> bool {
        self.era == Era::Stateless
    }

    /// The tools that the server lists in this era.
    pub(crate) fn tools(&self) -> &'a [Value] {
        self.facts.tools.get(&self.era).map_or(&[], Vec::as_slice)
    }

    /// What the server declares in this era.
    pub(crate) fn capabilities(&self) -> Value {
        let result = if self.is_stateless() { &self.facts.stateless } else { &self.facts.session };
        result.as_ref().map_or(Value::Null, |result| result["capabilities"].clone())
    }

    /// The tools that may be called, each with arguments.
    pub(crate) fn callable(&self) -> Vec<(&'a Value, Value)> {
        let arguments = |tool: &Value| {
            let named = self.plan.tools.iter().find(|named| tool["name"] == named.name.as_str());
            let is_safe = tool["annotations"]["readOnlyHint"] == true;
            let made = || sample(&tool["inputSchema"]);
            match named {
                Some(named) => Some(named.arguments.clone().unwrap_or_else(made)),
                None => is_safe.then(made),
            }
        };
        self.tools().iter().filter_map(|tool| Some((tool, arguments(tool)?))).collect()
    }

    /// The tool that sends progress, with its arguments.
    pub(crate) fn speaker(&self) -> Option<(&'a Value, &'a Value)> {
        self.facts.speakers.get(&self.era).map(|(tool, arguments)| (tool, arguments))
    }

    /// The stack of the server.
    pub(crate) fn stack(&self) -> Checked<View<'_>> {
        match &self.target.stack {
            Some(stack) => Ok(View { stack, transcript: &self.transcript }),
            None => skipped!("no stack is known: --stack names it"),
        }
    }

    pub(crate) fn next_id(&self) -> u64 {
        self.ids.fetch_add(1, Ordering::Relaxed)
    }

    /// A request without anything, of the caller.
    pub(crate) fn draft(&self, method: Method) -> Draft<'a> {
        let url = self.target.url.as_str();
        let transcript = Transcript::clone(&self.transcript);
        Draft::new(&*self.target.http, transcript, self.plan.timeout, url, method)
    }

    pub(crate) fn post(&self, message: Value) -> Draft<'a> {
        self.draft(Method::POST).header("accept", "application/json, text/event-stream").json(message)
    }

    /// A request of 2026-07-28, with every header that it needs, and with these client capabilities.
    pub(crate) fn stateless_with(&self, method: &str, mut params: Value, capabilities: &Value) -> Draft<'a> {
        let given = params["_meta"].take();
        params["_meta"] = json!({
            format!("{META}/protocolVersion"): STATELESS,
            format!("{META}/clientCapabilities"): capabilities,
            format!("{META}/clientInfo"): { "name": "mcp-lambda", "version": env!("CARGO_PKG_VERSION") },
        });
        for (key, value) in given.as_object().into_iter().flatten() {
            params["_meta"][key] = value.clone();
        }
        let headers = self.mirrored(method, &params);
        let message = json!({ "jsonrpc": "2.0", "id": self.next_id(), "method": method, "params": params });
        let draft = self.post(message).header("mcp-protocol-version", STATELESS).header("mcp-method", method);
        headers.into_iter().fold(draft, |draft, (name, value)| draft.header(&name, value))
    }

    pub(crate) fn stateless(&self, method: &str, params: Value) -> Draft<'a> {
        self.stateless_with(method, params, &json!({}))
    }

    /// A request of 2026-07-28 that declares the tasks extension.
    pub(crate) fn with_tasks(&self, method: &str, params: Value) -> Draft<'a> {
        self.stateless_with(method, params, &json!({ "extensions": { TASKS: {} } }))
    }

    /// The headers that repeat parameters: `Mcp-Name`, and `Mcp-Param-*` of annotated arguments.
    fn mirrored(&self, method: &str, params: &Value) -> Vec<(String, String)> {
        let name = match method {
            "tools/call" | "prompts/get" => &params["name"],
            "resources/read" => &params["uri"],
            "tasks/get" | "tasks/update" | "tasks/cancel" => &params["taskId"],
            _ => &Value::Null,
        };
        let mut headers: Vec<_> =
            name.as_str().map(|name| ("mcp-name".to_owned(), encoded(name))).into_iter().collect();
        if method == "tools/call"
            && let Some(tool) = self.tools().iter().find(|tool| tool["name"] == params["name"])
        {
            annotated(&tool["inputSchema"], &params["arguments"], &mut headers);
        }
        headers
    }

    /// `initialize` with this version.
    pub(crate) fn initialize(&self, version: &str) -> Draft<'a> {
        self.post(json!({
            "jsonrpc": "2.0", "id": self.next_id(), "method": "initialize",
            "params": {
                "protocolVersion": version, "capabilities": {},
                "clientInfo": { "name": "mcp-lambda", "version": env!("CARGO_PKG_VERSION") },
            },
        }))
    }

    /// Opens a session. It is ended with the check.
    pub(crate) async fn open(&self) -> Checked<Session> {
        let mut answer = self.initialize(SESSION).send().await?;
        let id = answer.header("mcp-session-id");
        let result = answer.result().await?;
        let version = result["protocolVersion"].as_str().unwrap_or(SESSION).to_owned();
        let session = Session { id, version };
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).push(session.clone());
        let initialized = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        let accepted = Self::in_session(&session, self.post(initialized)).send().await?;
        ensure!(
            accepted.status.is_success(),
            "notifications/initialized got HTTP {}",
            accepted.status.as_u16()
        );
        Ok(session)
    }

    /// Ends a session with the check that another request has opened.
    pub(crate) fn adopt(&self, id: String) {
        let session = Session { id: Some(id), version: SESSION.to_owned() };
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).push(session);
    }

    /// The session that requests of this check share.
    pub(crate) async fn session(&self) -> Checked<&Session> {
        self.shared.get_or_try_init(|| self.open()).await
    }

    /// Adds the headers of a session.
    pub(crate) fn in_session(session: &Session, draft: Draft<'a>) -> Draft<'a> {
        let draft = draft.header("mcp-protocol-version", &session.version);
        match &session.id {
            Some(id) => draft.header("mcp-session-id", id),
            None => draft,
        }
    }

    /// A request of a session.
    pub(crate) fn of_session(&self, session: &Session, method: &str, params: Value) -> Draft<'a> {
        let mut message = json!({ "jsonrpc": "2.0", "id": self.next_id(), "method": method });
        message["params"] = params;
        Self::in_session(session, self.post(message))
    }

    /// The GET stream of a session.
    pub(crate) fn get_stream(&self, session: &Session) -> Draft<'a> {
        Self::in_session(session, self.draft(Method::GET).header("accept", "text/event-stream"))
    }

    /// A request of the era of this check.
    pub(crate) async fn request(&self, method: &str, params: Value) -> Checked<Draft<'a>> {
        if self.is_stateless() {
            return Ok(self.stateless(method, params));
        }
        Ok(self.of_session(self.session().await?, method, params))
    }

    /// A call of a tool, with a progress token if one is given.
    pub(crate) async fn call(
        &self,
        tool: &Value,
        arguments: &Value,
        token: Option<Value>,
    ) -> Checked<Draft<'a>> {
        let mut params = json!({ "name": tool["name"], "arguments": arguments });
        if let Some(token) = token {
            params["_meta"] = json!({ "progressToken": token });
        }
        self.request("tools/call", params).await
    }

    /// Any message in the envelope of the era: what its body is does not matter.
    pub(crate) async fn raw(&self, body: &str) -> Checked<Draft<'a>> {
        let draft = self.request("tools/list", json!({})).await?;
        Ok(draft.text(body))
    }

    /// Ends the sessions that the check has opened. What comes of it is no finding of that check.
    pub(crate) async fn close(&self) {
        let opened = std::mem::take(&mut *self.opened.lock().unwrap_or_else(PoisonError::into_inner));
        for session in opened.iter().filter(|session| session.id.is_some()) {
            let _ = Self::in_session(session, self.draft(Method::DELETE)).send().await;
        }
    }
}

/// A value as a header carries it: in base64 unless it is visible ASCII.
pub(crate) fn encoded(value: &str) -> String {
    let is_plain = value.bytes().all(|byte| (0x20..0x7f).contains(&byte))
        && value.trim() == value
        && !(value.starts_with("=?base64?") && value.ends_with("?="));
    if is_plain { value.to_owned() } else { format!("=?base64?{}?=", STANDARD.encode(value)) }
}

/// Adds a header for each argument that has a property with `x-mcp-header`.
fn annotated(schema: &Value, arguments: &Value, headers: &mut Vec<(String, String)>) {
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let argument = &arguments[name];
        let text = match argument {
            Value::String(text) => encoded(text),
            Value::Bool(_) | Value::Number(_) => argument.to_string(),
            _ => {
                annotated(property, argument, headers);
                continue;
            }
        };
        if let Some(header) = property["x-mcp-header"].as_str() {
            headers.push((format!("Mcp-Param-{header}"), text));
        }
    }
}
