//! The handler: its capabilities, and the module that serves each.

use std::{sync::Arc, time::Duration};

use mcp_lambda_server::Config;
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    handler::server::router::tool::ToolRouter,
    model::{
        CompleteRequestParams, CompleteResult, GetPromptRequestParams, GetPromptResponse, Implementation,
        ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult, PaginatedRequestParams,
        ReadResourceRequestParams, ReadResourceResponse, ServerCapabilities, ServerConfig,
    },
    service::RequestContext,
    tool_handler,
};

use crate::{aws::Aws, completions, host::Host, prompts, resources};

/// The reference server.
#[derive(Clone)]
pub(crate) struct Reference {
    pub(crate) host: Arc<Host>,
    pub(crate) aws: Aws,
    pub(crate) session_ttl: Duration,
    // A field, because the macro's default builds the router again for every call.
    tools: ToolRouter<Self>,
}

impl Reference {
    /// A tool without a resource that it may use is not listed.
    pub(crate) fn new(host: Host, config: &Config) -> Self {
        let mut tools =
            Self::basic_tools() + Self::counter_tools() + Self::session_tools() + Self::cleanup_tools();
        tools += Self::diagnostic_tools() + Self::summary_tools() + Self::event_tools();
        let resources = &config.tool_resources;
        if !resources.tables.is_empty() {
            tools += Self::table_tools();
        }
        if !resources.metric_namespaces.is_empty() {
            tools += Self::metric_tools();
        }
        if !resources.monitored.is_empty() {
            tools += Self::monitor_tools() + Self::inventory_tools();
        }
        let mut messages = Self::message_tools();
        if resources.topics.is_empty() {
            messages.remove_route("sns_publish");
        }
        if resources.queues.is_empty() {
            messages.remove_route("sqs_send_message");
        }
        tools += messages;
        Self { host: Arc::new(host), aws: Aws::new(config), session_ttl: config.session_ttl, tools }
    }
}

#[tool_handler(router = self.tools)]
impl ServerHandler for Reference {
    fn get_info(&self) -> ServerConfig {
        // Neither `listChanged` nor `subscribe`: only events change while the server runs, and the runtime declares these
        // capabilities for them.
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_prompts()
            .enable_resources()
            .enable_completions()
            .build();
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new("mcp-lambda-reference", env!("CARGO_PKG_VERSION")))
            .with_instructions(
                "Tools that show what the server can do: echo, counter and reset_counter (state), progress (streaming), \
                 session_info, list_active_sessions, session_cleanup, lambda_diagnostics and summarize_diagnostics (what it \
                 knows about itself), \
                 publish_event (publishes an event to all listening clients; the event is in the resource \
                 event://source/type). Tools with AWS data, if the deployment allows them, name what it allows.",
            )
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        Ok(resources::list())
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        resources::read(&request.uri, &self.host, self.health(&context), &context).await
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Ok(resources::templates())
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        Ok(prompts::list())
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        prompts::get(&request)
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        completions::complete(&request)
    }
}
