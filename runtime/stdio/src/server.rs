//! A server of the stdio transport as a handler.

// SEP-2577 deprecates logging, sampling and roots; servers and clients use them until they are gone.
#![allow(deprecated)]

use std::{
    borrow::Cow,
    ffi::OsString,
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::Duration,
};

use futures::future::BoxFuture;
use mcp_lambda_core::{
    McpContext,
    auth::Principal,
    error::ConfigError,
    handler::{Handler, HandlerResult, Request, Results},
    protocol::Method,
};
use rmcp::{
    ErrorData, RoleServer,
    model::{
        ClientNotification, DiscoverResult, Implementation, ProtocolVersion, ServerCapabilities,
        ServerConfig, ServerResult, TASKS_EXTENSION_ID, Tool,
    },
    service::NotificationContext,
};

use crate::{
    call::Call,
    caller::Caller,
    child::StartError,
    command::ChildCommand,
    pool::Pool,
    settings::{ChildPer, Settings, Start},
    time::within,
};

/// How long a server waits for its child before it serves. An execution environment has 10 s.
const PREPARED_WITHIN: Duration = Duration::from_secs(8);

/// Any MCP server of the stdio transport, as the handler of a [server](https://docs.rs/mcp-lambda-server): its process is started once
/// and kept, and every client is spoken to in its own revision, whichever one the process speaks.
///
/// ```no_run
/// use mcp_lambda_server::{McpLambdaServer, stdio::StdioServer};
///
/// fn main() -> Result<(), mcp_lambda_server::Error> {
///     McpLambdaServer::run(StdioServer::new("uvx").args(["mcp-server-time"]).name("time"))
/// }
/// ```
///
/// The process sees the variables that [`env`](Self::env) and [`pass_env`](Self::pass_env) list, those that AWS sets, and those that
/// programs need to run at all (`PATH`, `HOME`, `TMPDIR`, the locale, certificates and proxies). On Lambda `HOME` and `TMPDIR` are
/// `/tmp`, since no other directory is writable.
///
/// By default all callers share one process: see [`ChildPer`] for servers that keep something of their callers.
#[must_use = "a server does nothing until it is run"]
#[derive(Debug)]
pub struct StdioServer {
    pub(crate) settings: Settings,
    pool: OnceLock<Arc<Pool>>,
}

impl StdioServer {
    /// A server that is started with a command: the path of a program, or a name that is looked for in `PATH`. No shell reads it.
    pub fn new(command: impl Into<OsString>) -> Self {
        Self { settings: Settings::new(ChildCommand::new(command.into())), pool: OnceLock::new() }
    }

    fn set(mut self, set: impl FnOnce(&mut Settings)) -> Self {
        set(&mut self.settings);
        self
    }

    /// Adds arguments of the command. Default: none.
    pub fn args<A: Into<OsString>>(self, args: impl IntoIterator<Item = A>) -> Self {
        self.set(|settings| settings.command.args.extend(args.into_iter().map(Into::into)))
    }

    /// Sets a variable of the environment that the process sees. Default: none.
    pub fn env(self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.set(|settings| settings.command.env.push((name.into(), value.into())))
    }

    /// Lets the process see variables of this process, if they are set. Default: none beyond those of AWS and of the system.
    pub fn pass_env<N: Into<String>>(self, names: impl IntoIterator<Item = N>) -> Self {
        self.set(|settings| settings.command.pass_env.extend(names.into_iter().map(Into::into)))
    }

    /// Sets the working directory. Default: that of this process.
    pub fn cwd(self, directory: impl Into<PathBuf>) -> Self {
        self.set(|settings| settings.command.cwd = Some(directory.into()))
    }

    /// Sets the name of the server in the log and in errors. Default: the file name of the command.
    pub fn name(self, name: &str) -> Self {
        self.set(|settings| settings.name = name.into())
    }

    /// Sets when the process is started. Default: [`Start::AtInit`].
    pub fn start(self, start: Start) -> Self {
        self.set(|settings| settings.start = start)
    }

    /// Sets which calls share a process. Default: [`ChildPer::Server`].
    pub fn child_per(self, child_per: ChildPer) -> Self {
        self.set(|settings| settings.child_per = child_per)
    }

    /// Sets how many processes there are at most, at least one. Another one ends the one that was not used for the longest time; where
    /// all are busy, the call is refused. Default: 16.
    pub fn max_children(self, most: usize) -> Self {
        self.set(|settings| settings.max_children = most.max(1))
    }

    /// Sets how many processes each of them may have at a time, itself and all that it has started, at least one. With more of them, all
    /// are killed, and their calls fail. They are counted on Linux alone. Default: 256.
    pub fn max_processes(self, most: usize) -> Self {
        self.set(|settings| settings.max_processes = most.max(1))
    }

    /// Sets after which time a process ends that no call uses, unless all calls share it. Default: 15 minutes.
    pub fn idle(self, idle: Duration) -> Self {
        self.set(|settings| settings.idle = idle)
    }

    /// Sets how long a process may take until it has answered its first request. Default: 30 s.
    pub fn start_timeout(self, timeout: Duration) -> Self {
        self.set(|settings| settings.start_timeout = timeout)
    }

    /// Sets how long the process may take for a call. Default: none but the deadline of the request.
    pub fn call_timeout(self, timeout: Duration) -> Self {
        self.set(|settings| settings.call_timeout = Some(timeout))
    }

    /// Sets how long a process may take to end after its standard input was closed, and again after SIGTERM. Then it is killed with
    /// all that it has started. Default: 2 s.
    pub fn stop_timeout(self, timeout: Duration) -> Self {
        self.set(|settings| settings.stop_timeout = timeout)
    }

    /// Sets how long a message of the process may be, in bytes. A longer one is dropped, and its call fails. Default: 16 MiB.
    pub fn max_line(self, bytes: usize) -> Self {
        self.set(|settings| settings.max_line = bytes)
    }

    /// Sets how many requests a process answers at once. One more is refused. Default: 256.
    pub fn max_pending(self, most: usize) -> Self {
        self.set(|settings| settings.max_pending = most.max(1))
    }

    /// Sets how many calls wait at most, between two requests of a client of 2026-07-28, for the answer to a question of a process of
    /// an earlier revision. For one more, a call of the principal with most of them ends: the one that has waited for the longest time.
    /// 0: none waits, and each call is made again with the answer. Default: 32.
    pub fn max_suspended(self, most: usize) -> Self {
        self.set(|settings| settings.max_suspended = most)
    }

    /// Sets how long such a call waits. Then its question is refused, and the call is cancelled. Default: 5 minutes.
    pub fn suspend_timeout(self, timeout: Duration) -> Self {
        self.set(|settings| settings.suspend_timeout = timeout)
    }

    /// Sets whether a call is made again from its beginning, with the answers of its client, when the process that has asked does not
    /// wait for them any more, or runs in another environment. Calls of tools that declare `readOnlyHint` or `idempotentHint` always
    /// are, and prompts and resources: what another tool has done before it asked, it would do twice. Default: no, and the request is
    /// refused.
    pub fn repeat_calls(self, on: bool) -> Self {
        self.set(|settings| settings.repeat_calls = on)
    }

    /// Sets whether `_meta` of each request has the key `mcp-lambda-server/caller`, an object with the `principal`, its `scopes`,
    /// whether it is `anonymous`, and the `session`. A client cannot set it. Default: no.
    pub fn pass_identity(self, on: bool) -> Self {
        self.set(|settings| settings.pass_identity = on)
    }

    /// Sets whether the process may ask clients for their roots. A server that widens what it serves by the roots of its client would
    /// let each caller choose directories of this machine. Default: no.
    pub fn pass_roots(self, on: bool) -> Self {
        self.set(|settings| settings.pass_roots = on)
    }

    /// Sets whether the error of a call shows the last lines of the standard error of a process that has ended. Default: yes.
    pub fn show_stderr(self, on: bool) -> Self {
        self.set(|settings| settings.show_stderr = on)
    }

    fn pool(&self) -> &Arc<Pool> {
        self.pool.get_or_init(|| Arc::new(Pool::new(self.settings.clone())))
    }

    async fn answer(&self, request: Request) -> HandlerResult {
        let pool = self.pool();
        if let Ok(events) = request.context.events() {
            let _ = pool.events.set(events.clone());
        }
        let method = &request.message.method;
        let describes = matches!(method, Method::Initialize | Method::Discover);
        let is_shared = self.settings.child_per == ChildPer::Server;
        if let (true, false, Some(info)) = (describes, is_shared, pool.info()) {
            return Ok(self.described(method, info.clone()));
        }
        let context = &request.context;
        let caller = Caller::of(&context.extensions, &request.principal, &context.peer, pool);
        let audience = caller.wanted.audience.clone();
        let suspended = pool.suspended.of(&request);
        let lease = match &suspended {
            Some(running) => running.lease.clone(),
            None => tokio::select! {
                biased;
                lease = pool.child(caller.wanted) => lease.map_err(|error| start_error(&error))?,
                () = context.ct.cancelled() => return Err(ErrorData::internal_error("cancelled", None).into()),
            },
        };
        if describes {
            return Ok(self.described(method, lease.child.handshake.info.clone()));
        }
        if let Some(answered) = self.reports(&request, &lease).await? {
            return Ok(answered);
        }
        if suspended.is_none() && method.may_request_input() {
            pool.suspended.end_others(&lease.child, &caller.owner);
        }
        let call = Call {
            pool,
            settings: &self.settings,
            lease: &lease,
            request: &request,
            owner: caller.owner,
            audience,
            events: pool.events.get(),
        };
        call.run(suspended).await
    }

    /// What the child says about itself, in the way that the client asks.
    fn described(&self, method: &Method, info: ServerConfig) -> ServerResult {
        let mut info = self.declared(info);
        if *method == Method::Initialize {
            info.meta = None;
            return ServerResult::InitializeResult(info);
        }
        let mut result = DiscoverResult::new(ProtocolVersion::KNOWN_VERSIONS.to_vec(), info.capabilities);
        result.instructions = info.instructions;
        result.set_server_info(info.server_info);
        ServerResult::DiscoverResult(result)
    }

    /// What of the capabilities of a child can be kept here: its tasks end with this process, and a child of one call reports nothing
    /// after it.
    fn declared(&self, mut info: ServerConfig) -> ServerConfig {
        let capabilities = &mut info.capabilities;
        if let Some(extensions) = &mut capabilities.extensions {
            extensions.remove(TASKS_EXTENSION_ID);
        }
        if self.settings.child_per == ChildPer::Invocation {
            if let Some(tools) = &mut capabilities.tools {
                tools.list_changed = None;
            }
            if let Some(prompts) = &mut capabilities.prompts {
                prompts.list_changed = None;
            }
            if let Some(resources) = &mut capabilities.resources {
                resources.list_changed = None;
                resources.subscribe = None;
            }
        }
        info
    }

    async fn notified(&self, notification: ClientNotification, context: NotificationContext<RoleServer>) {
        let (method, params) = match notification {
            ClientNotification::RootsListChangedNotification(_) if self.settings.pass_roots => {
                ("notifications/roots/list_changed".to_owned(), None)
            }
            ClientNotification::CustomNotification(custom) => (custom.method, custom.params),
            _ => return,
        };
        let pool = self.pool();
        let principal = context.extensions.get::<Principal>().cloned().unwrap_or_else(Principal::anonymous);
        let caller = Caller::of(&context.extensions, &principal, &context.peer, pool);
        match pool.running(&caller.wanted.key) {
            Some(child) => child.link.notify(&method, params.as_ref()).await,
            None => tracing::debug!(method, "a notification for a server that does not run"),
        }
    }

    /// Starts the child of all calls.
    async fn started(&self) -> Result<(), ConfigError> {
        if self.settings.child_per != ChildPer::Server || self.settings.start != Start::AtInit {
            return Ok(());
        }
        let wanted = Caller::everyone(self.pool());
        match within(PREPARED_WITHIN, self.pool().child(wanted)).await {
            Some(Err(error)) if error.is_final => {
                let program = self.settings.command.program.to_string_lossy();
                let expected =
                    format!("a program that can be started: the server {} {}", error.server(), error.text());
                Err(ConfigError::new("the command of the stdio server", program, expected))
            }
            // The next call says why, or starts it again.
            Some(_) => Ok(()),
            None => {
                let (server, seconds) = (&*self.settings.name, PREPARED_WITHIN.as_secs());
                tracing::warn!(server, seconds, "the server is still starting; calls wait for it");
                Ok(())
            }
        }
    }
}

impl Drop for StdioServer {
    /// Ends the processes, also those of calls that wait for their client.
    fn drop(&mut self) {
        if let Some(pool) = self.pool.get() {
            pool.abandon();
        }
    }
}

fn start_error(error: &StartError) -> ErrorData {
    ErrorData::internal_error(error.to_string(), None)
}

/// What a child may be able to do, as long as none has answered.
fn unknown(settings: &Settings) -> ServerConfig {
    let capabilities = ServerCapabilities::builder()
        .enable_tools()
        .enable_tool_list_changed()
        .enable_prompts()
        .enable_prompts_list_changed()
        .enable_resources()
        .enable_resources_list_changed()
        .enable_resources_subscribe()
        .enable_completions()
        .enable_logging()
        .build();
    let mut info = ServerConfig::new(capabilities);
    info.server_info = Implementation::new(&*settings.name, env!("CARGO_PKG_VERSION"));
    info
}

impl Handler for StdioServer {
    fn request(&self, request: Request) -> BoxFuture<'_, HandlerResult> {
        Box::pin(self.answer(request))
    }

    fn notification(
        &self,
        notification: ClientNotification,
        context: NotificationContext<RoleServer>,
    ) -> BoxFuture<'_, Result<(), ErrorData>> {
        Box::pin(async move {
            self.notified(notification, context).await;
            Ok(())
        })
    }

    fn info(&self) -> ServerConfig {
        let info = self.pool.get().and_then(|pool| pool.info().cloned());
        self.declared(info.unwrap_or_else(|| unknown(&self.settings)))
    }

    fn tool(&self, name: &str) -> Option<Tool> {
        self.pool.get()?.tool(name)
    }

    fn versions(&self) -> Cow<'static, [ProtocolVersion]> {
        Cow::Borrowed(ProtocolVersion::KNOWN_VERSIONS)
    }

    fn results(&self) -> Results {
        Results::Passed
    }

    fn prepare(&self) -> BoxFuture<'_, Result<(), ConfigError>> {
        Box::pin(self.started())
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            if let Some(pool) = self.pool.get() {
                pool.close().await;
            }
        })
    }
}
