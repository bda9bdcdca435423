//! The handler: its capabilities, and the module that serves each.

use std::sync::Arc;

use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    handler::server::router::tool::ToolRouter,
    model::{
        CompleteRequestParams, CompleteResult, GetPromptRequestParams, GetPromptResponse, Implementation,
        ListPromptsResult, ListResourcesResult, PaginatedRequestParams, ReadResourceRequestParams,
        ReadResourceResponse, ServerCapabilities, ServerConfig,
    },
    service::RequestContext,
    tool_handler,
};

use crate::{host::Host, prompts, resources};

/// The reference server.
#[derive(Clone)]
pub(crate) struct Reference {
    pub(crate) host: Arc<Host>,
    // A field, because the macro's default builds the router again for every call.
    tools: ToolRouter<Self>,
}

impl Reference {
    pub(crate) fn new(host: Host) -> Self {
        let tools =
            Self::basic_tools() + Self::session_tools() + Self::diagnostic_tools() + Self::event_tools();
        Self { host: Arc::new(host), tools }
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
                "Tools that show what the server can do: echo, counter (state), progress (streaming), \
                 session_info and lambda_diagnostics (what it knows about itself), publish_event (publishes an event to \
                 all listening clients; the event is in the resource event://source/type).",
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
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        resources::read(&request.uri, &self.host)
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
        prompts::complete(&request)
    }
}
