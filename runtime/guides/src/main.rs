//! An MCP server for coding agents that write servers: the guides as resources, and a tool that searches them.
//!
//! `cargo run --package mcp-lambda-guides` serves it; docs/examples.md has a call.

mod library;

use std::sync::Arc;

use library::Library;
use mcp_lambda_server::McpLambdaServer;
use rmcp::{
    ErrorData, Json, RoleServer, ServerHandler,
    handler::server::wrapper::Parameters,
    model::{
        Implementation, ListResourcesResult, PaginatedRequestParams, ReadResourceRequestParams,
        ReadResourceResponse, ReadResourceResult, Resource, ResourceContents, ServerCapabilities,
        ServerConfig,
    },
    schemars::{self, JsonSchema},
    service::RequestContext,
    tool, tool_handler, tool_router,
};

/// The scheme of the resources: `guide://state` is docs/guides/state.md.
const SCHEME: &str = "guide://";
/// The longest query, in characters.
const LONGEST_QUERY: usize = 200;

#[derive(Clone)]
struct Guides {
    library: Arc<Library>,
}

#[derive(serde::Deserialize, JsonSchema)]
struct Search {
    /// Words to look for, such as "progress function url": 200 characters at most.
    query: String,
    /// How many sections to return, 1 to 10.
    #[schemars(range(min = 1, max = 10))]
    #[serde(default = "usual_limit")]
    limit: usize,
}

fn usual_limit() -> usize {
    3
}

#[derive(serde::Serialize, JsonSchema)]
struct Found {
    /// The sections with words of the query, the best first.
    sections: Vec<FoundSection>,
}

#[derive(serde::Serialize, JsonSchema)]
struct FoundSection {
    /// The resource with the whole page.
    uri: String,
    /// The heading of the section.
    heading: String,
    /// The section, in Markdown.
    text: String,
}

#[tool_router]
impl Guides {
    #[tool(
        description = "Searches the guides of mcp-lambda-server: how to write, test, deploy and debug MCP servers in Rust on AWS Lambda",
        annotations(title = "Search the guides", read_only_hint = true, open_world_hint = false)
    )]
    async fn search_guides(
        &self,
        Parameters(Search { query, limit }): Parameters<Search>,
    ) -> Result<Json<Found>, ErrorData> {
        let length = query.chars().count();
        if length > LONGEST_QUERY {
            let text = format!("query has {length} characters, at most {LONGEST_QUERY}: name a few words");
            return Err(ErrorData::invalid_params(text, None));
        }
        let sections = self.library.search(&query, limit.clamp(1, 10)).into_iter();
        let sections = sections.map(|section| FoundSection {
            uri: format!("{SCHEME}{}", section.page),
            heading: section.heading.to_owned(),
            text: section.text.to_owned(),
        });
        Ok(Json(Found { sections: sections.collect() }))
    }
}

#[tool_handler]
impl ServerHandler for Guides {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().enable_resources().build())
            .with_server_info(Implementation::new("mcp-lambda-guides", env!("CARGO_PKG_VERSION")))
            .with_instructions(
                "Search before you write or debug a server with mcp-lambda-server; read the whole page by its URI.",
            )
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let pages = self.library.pages.iter().map(|page| {
            Resource::new(format!("{SCHEME}{}", page.name), page.name)
                .with_title(page.title)
                .with_mime_type("text/markdown")
        });
        Ok(ListResourcesResult::with_all_items(pages.collect()))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let uri = request.uri.as_str();
        let page = uri.strip_prefix(SCHEME).and_then(|name| self.library.page(name));
        let page = page.ok_or_else(|| {
            ErrorData::resource_not_found(format!("no guide {uri:?}: resources/list has all"), None)
        })?;
        Ok(ReadResourceResult::new(vec![
            ResourceContents::text(page.text, uri).with_mime_type("text/markdown"),
        ])
        .into())
    }
}

fn guides() -> Guides {
    Guides { library: Arc::new(Library::new()) }
}

fn main() -> Result<(), mcp_lambda_server::Error> {
    McpLambdaServer::run(guides())
}

#[cfg(test)]
mod tests;
