//! The handler under test: what it lists, and the stage on which its tools wait for a test.
#![allow(deprecated, reason = "logging, sampling and roots are tested until they are gone")]

use std::sync::Arc;

use mcp_lambda_server::rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CompleteRequestParams, CompleteResult, CompletionInfo,
        CustomRequest, CustomResult, GetPromptRequestParams, GetPromptResponse, GetPromptResult,
        Implementation, ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult, ListToolsResult,
        PaginatedRequestParams, Prompt, PromptMessage, ReadResourceRequestParams, ReadResourceResponse,
        ReadResourceResult, Resource, ResourceContents, ResourceTemplate, Role, ServerCapabilities,
        ServerConfig, Tool,
    },
    service::{NotificationContext, RequestContext},
};
use serde_json::json;
use tokio::sync::{Semaphore, mpsc};

use super::tools;

/// Where tools wait and report.
#[derive(Clone)]
pub(crate) struct Stage {
    /// A tool takes a permit for each step.
    pub(crate) gate: Arc<Semaphore>,
    reports: mpsc::UnboundedSender<String>,
}

impl Stage {
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<String>) {
        let (reports, heard) = mpsc::unbounded_channel();
        (Self { gate: Arc::new(Semaphore::new(0)), reports }, heard)
    }

    /// Waits until the test allows one more step.
    pub(crate) async fn step(&self) {
        self.gate.acquire().await.expect("the gate stays").forget();
    }

    /// Tells the test.
    pub(crate) fn report(&self, what: impl Into<String>) {
        // A test that has ended listens no more.
        let _ = self.reports.send(what.into());
    }
}

/// A server with everything, or with the capabilities a test leaves it.
#[derive(Clone)]
pub(crate) struct Fixture {
    pub(crate) stage: Stage,
    pub(crate) capabilities: ServerCapabilities,
    tools: Arc<Vec<Tool>>,
}

impl Fixture {
    pub(crate) fn new(stage: Stage) -> Self {
        let capabilities = ServerCapabilities::builder()
            .enable_logging()
            .enable_completions()
            .enable_prompts()
            .enable_prompts_list_changed()
            .enable_resources()
            .enable_resources_list_changed()
            .enable_resources_subscribe()
            .enable_tools()
            .enable_tool_list_changed()
            .build();
        Self { stage, capabilities, tools: Arc::new(tools::all()) }
    }
}

/// The two pages of `resources/list`.
const SECOND_PAGE: &str = "page-2";

impl ServerHandler for Fixture {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(self.capabilities.clone())
            .with_server_info(Implementation::new("fixture", "1.2.3"))
            .with_instructions("Say what to do.")
    }

    async fn list_tools(
        &self,
        page: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        match page.and_then(|page| page.cursor) {
            None => Ok(ListToolsResult::with_all_items(self.tools.to_vec())),
            Some(cursor) => Err(ErrorData::invalid_params(format!("no page {cursor:?}"), None)),
        }
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.tools.iter().find(|tool| tool.name == name).cloned()
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        tools::call(&self.stage, &request, &context).await
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        let prompt = |name: &str| Prompt::new(name, Some("A prompt"), None);
        Ok(ListPromptsResult::with_all_items(vec![prompt("plain"), prompt("asks")]))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        match request.name.as_str() {
            "plain" => {
                Ok(GetPromptResult::new(vec![PromptMessage::new_text(Role::User, "plain words")]).into())
            }
            "asks" => match tools::name_in(request.input_responses.as_ref()) {
                Some(name) => {
                    Ok(GetPromptResult::new(vec![PromptMessage::new_text(Role::User, format!("for {name}"))])
                        .into())
                }
                None => Ok(tools::ask_name("prompt").into()),
            },
            unknown => Err(ErrorData::invalid_params(format!("no prompt {unknown:?}"), None)),
        }
    }

    async fn list_resources(
        &self,
        page: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        match page.and_then(|page| page.cursor).as_deref() {
            None => {
                let mut first = ListResourcesResult::with_all_items(vec![Resource::new("test://one", "one")]);
                first.next_cursor = Some(SECOND_PAGE.into());
                Ok(first)
            }
            Some(SECOND_PAGE) => {
                Ok(ListResourcesResult::with_all_items(vec![Resource::new("test://two", "two")]))
            }
            Some(cursor) => Err(ErrorData::invalid_params(format!("no page {cursor:?}"), None)),
        }
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Ok(ListResourceTemplatesResult::with_all_items(vec![ResourceTemplate::new("test://{name}", "any")]))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let uri = request.uri.as_str();
        let text = match uri {
            "test://one" | "test://two" => format!("content of {uri}"),
            "test://asks" => match tools::name_in(request.input_responses.as_ref()) {
                Some(name) => format!("content for {name}"),
                None => return Ok(tools::ask_name("resource").into()),
            },
            _ => return Err(ErrorData::resource_not_found("no such resource", Some(json!({ "uri": uri })))),
        };
        Ok(ReadResourceResult::new(vec![ResourceContents::text(text, uri)]).into())
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        let values =
            ["paris", "park", "rome"].iter().filter(|value| value.starts_with(&request.argument.value));
        let completion = CompletionInfo::with_all_values(values.map(ToString::to_string).collect());
        Ok(CompleteResult::new(completion.expect("fewer than a hundred")))
    }

    async fn on_custom_request(
        &self,
        request: CustomRequest,
        _: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        match request.method.as_str() {
            "fixture/own" => Ok(CustomResult(json!({ "params": request.params }))),
            method => Err(ErrorData::new(
                mcp_lambda_server::rmcp::model::ErrorCode::METHOD_NOT_FOUND,
                method.to_owned(),
                None,
            )),
        }
    }

    async fn on_initialized(&self, _: NotificationContext<RoleServer>) {
        self.stage.report("initialized");
    }

    async fn on_roots_list_changed(&self, _: NotificationContext<RoleServer>) {
        self.stage.report("roots changed");
    }
}
