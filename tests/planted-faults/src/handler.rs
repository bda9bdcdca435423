//! The server behind: tools, a resource, a prompt, all correct.

use mcp_lambda_server::{McpContext, events::GlobalEvent};
use rmcp::{
    ErrorData, Json, RoleServer, ServerHandler,
    handler::server::{router::tool::ToolRouter, wrapper::Parameters},
    model::{
        CacheScope, CallToolResult, Implementation, ListResourcesResult, ListToolsResult,
        PaginatedRequestParams, ProgressNotificationParam, ReadResourceRequestParams, ReadResourceResponse,
        ReadResourceResult, Resource, ResourceContents, ResultType, ServerCapabilities, ServerConfig,
    },
    schemars::{self, JsonSchema},
    service::RequestContext,
    tool, tool_handler, tool_router,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Clone)]
pub(crate) struct Good {
    tools: ToolRouter<Self>,
}

#[derive(Deserialize, JsonSchema)]
struct Echo {
    /// The text to return.
    message: String,
}

#[derive(Deserialize, JsonSchema)]
struct Convert {
    /// The temperature in degrees Celsius.
    celsius: f64,
}

#[derive(Serialize, JsonSchema)]
struct Converted {
    /// The temperature in degrees Fahrenheit.
    fahrenheit: f64,
}

#[derive(Deserialize, JsonSchema)]
struct Lookup {
    /// The region to look in.
    #[schemars(extend("x-mcp-header" = "Region"))]
    region: String,
}

#[derive(Deserialize, JsonSchema)]
struct PublishEvent {
    source: String,
    event_type: String,
    payload: Value,
}

#[tool_router(router = good_tools)]
impl Good {
    pub(crate) fn new() -> Self {
        Self { tools: Self::good_tools() }
    }

    #[tool(description = "Returns its message.", annotations(read_only_hint = true))]
    async fn echo(&self, Parameters(Echo { message }): Parameters<Echo>) -> String {
        message
    }

    #[tool(description = "Converts a temperature.", annotations(read_only_hint = true))]
    async fn convert(&self, Parameters(Convert { celsius }): Parameters<Convert>) -> Json<Converted> {
        Json(Converted { fahrenheit: celsius * 1.8 + 32.0 })
    }

    #[tool(description = "Looks something up in a region.", annotations(read_only_hint = true))]
    async fn lookup(&self, Parameters(Lookup { region }): Parameters<Lookup>) -> String {
        format!("nothing in {region}")
    }

    #[tool(description = "Reports four steps.", annotations(read_only_hint = true))]
    async fn steps(&self, context: RequestContext<RoleServer>) -> String {
        for step in 1..=4 {
            if let Some(token) = context.meta.get_progress_token() {
                let progress = ProgressNotificationParam::new(token, f64::from(step)).with_total(4.0);
                // A client that has left hears nothing, and the tool goes on.
                let _ = context.peer.notify_progress(progress).await;
            }
        }
        "done".into()
    }

    #[tool(description = "Publishes an event.")]
    async fn publish_event(
        &self,
        Parameters(event): Parameters<PublishEvent>,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ErrorData> {
        let event = GlobalEvent::external_event(event.source, event.event_type, event.payload);
        context.events()?.publish_to_topic(event, None).await?;
        Ok(CallToolResult::structured(json!({})))
    }

    #[tool(description = "Would destroy something: no check may call it.")]
    async fn destroy(&self) -> Result<String, ErrorData> {
        Err(ErrorData::internal_error("a check has called destroy", None))
    }
}

#[tool_handler(router = self.tools)]
impl ServerHandler for Good {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_tool_list_changed()
            .enable_resources()
            .build();
        ServerConfig::new(capabilities).with_server_info(Implementation::new("planted", "1.0.0"))
    }

    async fn list_tools(
        &self,
        page: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        if let Some(cursor) = page.and_then(|page| page.cursor) {
            return Err(ErrorData::invalid_params(format!("no page {cursor:?}"), None));
        }
        let mut list = ListToolsResult::with_all_items(self.tools.list_all());
        list.result_type = Some(ResultType::COMPLETE);
        list.ttl_ms = Some(0);
        list.cache_scope = Some(CacheScope::Public);
        Ok(list)
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        Ok(ListResourcesResult::with_all_items(vec![Resource::new("planted://one", "one")]))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        match request.uri.as_str() {
            "planted://one" => {
                Ok(ReadResourceResult::new(vec![ResourceContents::text("one", "planted://one")]).into())
            }
            uri => Err(ErrorData::resource_not_found("no such resource", Some(json!({ "uri": uri })))),
        }
    }
}
