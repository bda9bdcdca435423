//! rmcp's client on a terminal: it prints progress and log lines, and asks a person what the server asks.

use std::{io::IsTerminal, time::Duration};

#[expect(deprecated, reason = "servers still send log lines, whatever becomes of them")]
use rmcp::{
    ClientHandler, RoleClient,
    model::{
        ClientCapabilities, ClientConfig, CreateMessageRequestParams, CreateMessageResult,
        ElicitRequestParams, ElicitResult, ErrorCode, ErrorData, FormElicitationCapability, Implementation,
        JsonObject, LoggingMessageNotificationParam, ProgressNotificationParam, ProtocolVersion,
        TASKS_EXTENSION_ID, UrlElicitationCapability,
    },
    service::{ClientLifecycleMode, ClientServiceExt, NotificationContext, RequestContext, RunningService},
};

use super::{
    args::{AuthArg, ClientArgs, EraArg, InvokeArg, RemoteArgs, RemoteOptions},
    elicitation,
    failure::Failure,
};
use crate::{Auth, Browser, Connection, InvokeMode, Limits, OAuthConfig, Remote};

/// How long one command tries to reach a server.
pub(super) const RETRY: Duration = Duration::from_secs(2);

/// A client that is connected.
pub(super) type Client = RunningService<RoleClient, Terminal>;

/// The side of the client that the server asks and tells.
#[derive(Debug, Clone)]
pub(super) struct Terminal;

/// What this client can do: ask a person, and wait for tasks.
pub(super) fn config() -> ClientConfig {
    let mut capabilities = ClientCapabilities::default();
    let elicitation = capabilities.elicitation.get_or_insert_default();
    elicitation.form = Some(FormElicitationCapability::default());
    elicitation.url = Some(UrlElicitationCapability::default());
    let extensions = capabilities.extensions.get_or_insert_default();
    extensions.insert(TASKS_EXTENSION_ID.to_owned(), JsonObject::new());
    ClientConfig::new(capabilities, Implementation::new("mcp-lambda", env!("CARGO_PKG_VERSION")))
}

impl ClientHandler for Terminal {
    fn get_info(&self) -> ClientConfig {
        config()
    }

    async fn create_elicitation(
        &self,
        request: ElicitRequestParams,
        _: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        elicitation::ask(request).await
    }

    #[expect(
        deprecated,
        reason = "SEP-2577 deprecates sampling; servers of earlier revisions still ask for it"
    )]
    async fn create_message(
        &self,
        _: CreateMessageRequestParams,
        _: RequestContext<RoleClient>,
    ) -> Result<CreateMessageResult, ErrorData> {
        Err(no_model())
    }

    async fn on_progress(&self, progress: ProgressNotificationParam, _: NotificationContext<RoleClient>) {
        if std::io::stderr().is_terminal() {
            let of = progress.total.map(|total| format!("/{total}")).unwrap_or_default();
            eprintln!("{}{of} {}", progress.progress, progress.message.unwrap_or_default());
        }
    }

    #[expect(deprecated, reason = "servers still send log lines, whatever becomes of them")]
    async fn on_logging_message(
        &self,
        message: LoggingMessageNotificationParam,
        _: NotificationContext<RoleClient>,
    ) {
        if std::io::stderr().is_terminal() {
            eprintln!("{:?}: {}", message.level, message.data);
        }
    }
}

/// The answer to a server that asks for a language model, though this client does not declare sampling.
pub(super) fn no_model() -> ErrorData {
    ErrorData::new(ErrorCode::METHOD_NOT_FOUND, "this client has no language model", None)
}

/// Connects to a server, in the revision that both speak.
pub(super) async fn connect(args: &ClientArgs) -> Result<Client, Failure> {
    let limits = Limits { retry_for: RETRY, ..Limits::default() };
    serve(Terminal, connection(&args.remote, limits)?, args.form.era).await
}

/// Begins to speak with a server, in the revision that both speak.
pub(super) async fn serve<H: ClientHandler>(
    handler: H,
    connection: Connection,
    era: EraArg,
) -> Result<RunningService<RoleClient, H>, Failure> {
    let preferred_versions = vec![ProtocolVersion::V_2026_07_28];
    let mode = match era {
        EraArg::Auto => ClientLifecycleMode::Auto {
            preferred_versions,
            legacy_version: Some(ProtocolVersion::LATEST_WITH_INITIALIZE),
        },
        EraArg::Stateless => ClientLifecycleMode::Discover { preferred_versions },
        EraArg::Session => ClientLifecycleMode::Initialize,
    };
    Ok(handler.serve_with_lifecycle(connection, mode).await?)
}

/// Opens a connection with the options of the command line.
pub(super) fn connection(args: &RemoteArgs, limits: Limits) -> Result<Connection, Failure> {
    Ok(remote(&args.server, &args.options)?.limits(limits).connect()?)
}

/// A server with the options of the command line.
pub(super) fn remote(server: &str, options: &RemoteOptions) -> Result<Remote, Failure> {
    let oauth = oauth(options);
    let mut remote = Remote::new(server)?
        .auth(auth(options, &oauth)?)
        .oauth(oauth)
        .timeout(options.timeout)
        .path(&options.path)
        .invoke_mode(match options.invoke_mode {
            InvokeArg::Stream => InvokeMode::Stream,
            InvokeArg::Buffered => InvokeMode::Buffered,
        });
    if let Some(profile) = &options.profile {
        remote = remote.profile(profile);
    }
    if let Some(region) = &options.region {
        remote = remote.region(region);
    }
    if let Some(service) = &options.service {
        remote = remote.service(service);
    }
    if let Some(url) = &options.endpoint_url {
        remote = remote.endpoint_url(url);
    }
    for header in &options.header {
        let (name, value) = header
            .split_once(':')
            .ok_or_else(|| Failure::usage(format!("--header {header:?}: expected \"NAME: VALUE\"")))?;
        remote = remote.header(name.trim(), value.trim())?;
    }
    Ok(remote)
}

fn auth(options: &RemoteOptions, oauth: &OAuthConfig) -> Result<Auth, Failure> {
    Ok(match (options.auth, &options.bearer_token) {
        (AuthArg::Auto | AuthArg::Bearer, Some(token)) => Auth::Bearer(token.clone()),
        (AuthArg::Bearer, None) => {
            return Err(Failure::usage("--auth bearer: expected the token in the variable MCP_BEARER_TOKEN"));
        }
        (AuthArg::Auto, None) => Auth::Auto,
        (AuthArg::None, _) => Auth::Anonymous,
        (AuthArg::Sigv4, _) => Auth::SigV4,
        (AuthArg::Oauth, _) => Auth::OAuth(oauth.clone()),
    })
}

fn oauth(options: &RemoteOptions) -> OAuthConfig {
    let args = &options.oauth;
    OAuthConfig {
        browser: match args.browser.as_deref() {
            None | Some("") => Browser::System,
            Some("none") => Browser::None,
            Some(command) => Browser::Command(command.to_owned()),
        },
        client_id: args.client_id.clone(),
        client_metadata_url: args.client_metadata_url.clone(),
        scopes: args.scope.clone(),
        port: args.oauth_port,
        token_folder: args.token_folder.clone(),
        ..OAuthConfig::default()
    }
}
