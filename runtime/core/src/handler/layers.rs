//! The layers around the handler, in their order.

use std::{borrow::Cow, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use rmcp::{
    ErrorData, RoleServer,
    model::{ClientNotification, ProtocolVersion, ServerConfig, Tool},
    service::NotificationContext,
};

#[cfg(feature = "tool-definitions")]
use super::defined_tools::DefinedTools;
use super::{
    arguments::Arguments,
    capabilities::{Capabilities, DeclaredCapabilities},
    completions::Completions,
    cursors::Cursors,
    dynamic_tools::DynamicTools,
    event_resources::EventResources,
    experimental_tasks::{ExperimentalTasks, listed::TaskSupportListed},
    large_results::{LargeResultParts, LargeResults},
    listed_schemas::ListedSchemas,
    param_headers::ParamHeaders,
    request::{Handler, HandlerResult, Layer, Request, Results},
    request_state::{RequestState, StateKeys},
    resource_uris::ResourceUris,
    scopes::Scopes,
    structured_content::StructuredContent,
    tasks::{TaskCalls, TaskRunner, TaskTools},
};
use crate::{auth::ScopeTable, error::ConfigError, events::EventLog, tasks::Tasks, tools::Tools};
#[cfg(feature = "tool-definitions")]
use crate::{time::Clock, tool_definitions::Definitions};

/// What the layers need. A rule that is not configured has no layer and costs nothing.
pub(crate) struct LayerParts<'a> {
    pub(crate) capabilities: &'a DeclaredCapabilities,
    /// The event log, if its events are resources.
    pub(crate) event_log: Option<Arc<dyn EventLog>>,
    /// The tools that are enabled, if tools can be switched.
    pub(crate) tools: Option<Tools>,
    /// Whether arguments are checked against the input schema of their tool.
    pub(crate) argument_checks: bool,
    /// What calls need that run as tasks.
    pub(crate) tasks: Option<TaskLayers<'a>>,
    pub(crate) tool_scopes: ScopeTable,
    /// Tools as a file defines them, if there is one, and the clock of their limits.
    #[cfg(feature = "tool-definitions")]
    pub(crate) definitions: Option<(Definitions, Clock)>,
    /// Where results go that are too large for a response.
    pub(crate) large_results: Option<LargeResultParts>,
    pub(crate) state_keys: StateKeys<'a>,
    pub(crate) state_ttl: Duration,
}

/// What calls need that run as tasks.
pub(crate) struct TaskLayers<'a> {
    /// The tools that run as tasks.
    pub(crate) tools: TaskTools,
    pub(crate) tasks: Tasks,
    /// Makes the runner of the handler inside.
    pub(crate) make_runner: MakeRunner<'a>,
}

/// Makes the runner of tasks of a handler.
pub(crate) type MakeRunner<'a> = Box<dyn FnOnce(Arc<dyn Handler>) -> Arc<dyn TaskRunner> + 'a>;

/// Puts the layers around the handler, the innermost first: a request passes them from the last of the list to the
/// first, a result from the first to the last.
pub(crate) fn layered(
    handler: Arc<dyn Handler>,
    parts: LayerParts<'_>,
) -> Result<Arc<dyn Handler>, ConfigError> {
    let mut handler = match handler.results() {
        Results::Own => repaired(handler, parts.argument_checks),
        Results::Passed => handler,
    };
    if let Some(large) = parts.large_results {
        handler = around(LargeResults::new(handler, large));
    }
    let task_tools = parts.tasks.as_ref().map(|tasks| tasks.tools.clone());
    if let Some(TaskLayers { tools, tasks, make_runner }) = parts.tasks {
        let runner = make_runner(Arc::clone(&handler));
        handler = around(TaskCalls::new(handler, Arc::clone(&runner), tools.clone()));
        handler = around(ExperimentalTasks::new(handler, runner, tasks, tools));
    }
    handler = around(ResourceUris::new(handler));
    if let Some(log) = parts.event_log {
        handler = around(EventResources::new(handler, log));
    }
    if handler.results() == Results::Own {
        handler = around(Completions::new(handler));
    }
    handler = around(RequestState::new(handler, parts.state_keys, parts.state_ttl)?);
    handler = around(ParamHeaders::new(handler));
    if let Some(tools) = parts.tools {
        handler = around(DynamicTools::new(handler, tools));
    }
    if !parts.tool_scopes.is_empty() {
        handler = around(Scopes::new(handler, parts.tool_scopes));
    }
    if let Some(tools) = task_tools {
        handler = around(TaskSupportListed::new(handler, tools));
    }
    // Outside of all that knows tools by the names of the program.
    #[cfg(feature = "tool-definitions")]
    if let Some((definitions, clock)) = parts.definitions {
        handler = around(DefinedTools::new(handler, definitions, clock));
    }
    Ok(around(Capabilities::new(handler, parts.capabilities.clone())))
}

/// What rmcp leaves open in the answers of a handler, or says in words of its own.
fn repaired(handler: Arc<dyn Handler>, argument_checks: bool) -> Arc<dyn Handler> {
    let handler = around(Arguments::new(handler, argument_checks));
    let handler = around(Cursors::new(handler));
    around(StructuredContent::new(around(ListedSchemas::new(handler))))
}

/// An rmcp handler among servers whose results are passed on, with all that the layers around it would repair.
pub(super) fn repaired_among(handler: Arc<dyn Handler>) -> Arc<dyn Handler> {
    around(Completions::new(around(ResourceUris::new(repaired(handler, true)))))
}

/// A layer as a handler.
struct Layered<L>(L);

impl<L: Layer> Handler for Layered<L> {
    fn request(&self, request: Request) -> BoxFuture<'_, HandlerResult> {
        self.0.request(request)
    }

    fn notification(
        &self,
        notification: ClientNotification,
        context: NotificationContext<RoleServer>,
    ) -> BoxFuture<'_, Result<(), ErrorData>> {
        self.0.inner().notification(notification, context)
    }

    fn info(&self) -> ServerConfig {
        self.0.inner().info()
    }

    fn tool(&self, name: &str) -> Option<Tool> {
        self.0.inner().tool(name)
    }

    fn versions(&self) -> Cow<'static, [ProtocolVersion]> {
        self.0.inner().versions()
    }

    fn results(&self) -> Results {
        self.0.inner().results()
    }

    fn prepare(&self) -> BoxFuture<'_, Result<(), ConfigError>> {
        self.0.inner().prepare()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.0.inner().close()
    }
}

fn around(layer: impl Layer) -> Arc<dyn Handler> {
    Arc::new(Layered(layer))
}
