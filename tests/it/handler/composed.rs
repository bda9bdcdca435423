//! Several handlers behind one endpoint: `Composed`.

use std::time::Duration;

use mcp_lambda_server::rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, CompleteRequestParams, CompleteResult,
        CompletionInfo, ContentBlock, GetPromptRequestParams, GetPromptResponse, GetPromptResult, JsonObject,
        ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult, ListToolsResult,
        PaginatedRequestParams, Prompt, PromptMessage, ReadResourceRequestParams, ReadResourceResponse,
        ReadResourceResult, Reference, Resource, ResourceContents, ResourceTemplate, Role,
        ServerCapabilities, ServerConfig, Tool,
    },
    service::RequestContext,
};
use mcp_lambda_server::{Composed, Config, McpLambdaServer, Server};
use serde_json::{Value, json};
use test_support::{call, refused, request::initialize_request, result, session::Client, stateless};

/// A handler with a tool on each page, a prompt, a resource and a template.
#[derive(Clone, Default)]
struct Shop {
    name: &'static str,
    pages: &'static [&'static str],
    /// What becomes of its lists.
    lists: Lists,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Lists {
    #[default]
    Work,
    Fail,
    Hang,
}

type Context = RequestContext<RoleServer>;

impl Shop {
    async fn check(&self) -> Result<(), ErrorData> {
        match self.lists {
            Lists::Work => Ok(()),
            Lists::Fail => Err(ErrorData::internal_error("no list today", None)),
            Lists::Hang => std::future::pending().await,
        }
    }
}

impl ServerHandler for Shop {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_prompts()
            .enable_resources()
            .enable_completions()
            .build();
        ServerConfig::new(capabilities).with_instructions(format!("Ask {}.", self.name))
    }

    async fn list_tools(
        &self,
        page: Option<PaginatedRequestParams>,
        _: Context,
    ) -> Result<ListToolsResult, ErrorData> {
        self.check().await?;
        let cursor = page.and_then(|page| page.cursor).unwrap_or_else(|| "0".into());
        let at: usize = cursor.parse().map_err(|_| ErrorData::invalid_params("no such page", None))?;
        let name = self.pages.get(at).ok_or_else(|| ErrorData::invalid_params("no such page", None))?;
        let schema: JsonObject = json!({ "type": "object" }).as_object().cloned().unwrap_or_default();
        let mut list = ListToolsResult::with_all_items(vec![Tool::new(*name, "A tool", schema)]);
        list.next_cursor = (at + 1 < self.pages.len()).then(|| (at + 1).to_string());
        Ok(list)
    }

    async fn call_tool(
        &self,
        call: CallToolRequestParams,
        _: Context,
    ) -> Result<CallToolResponse, ErrorData> {
        if !self.pages.contains(&call.name.as_ref()) {
            return Err(ErrorData::invalid_params("tool not found", None));
        }
        let text = format!("{} of {}", call.name, self.name);
        Ok(CallToolResult::success(vec![ContentBlock::text(text)]).into())
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: Context,
    ) -> Result<ListPromptsResult, ErrorData> {
        Ok(ListPromptsResult::with_all_items(vec![Prompt::new("greet", Some("A prompt"), None)]))
    }

    async fn get_prompt(
        &self,
        get: GetPromptRequestParams,
        _: Context,
    ) -> Result<GetPromptResponse, ErrorData> {
        let text = format!("{} of {}", get.name, self.name);
        Ok(GetPromptResult::new(vec![PromptMessage::new_text(Role::User, text)]).into())
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: Context,
    ) -> Result<ListResourcesResult, ErrorData> {
        self.check().await?;
        let own = Resource::new(format!("{}://list", self.name), "list");
        Ok(ListResourcesResult::with_all_items(vec![own, Resource::new("shared://all", "all")]))
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: Context,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        self.check().await?;
        let template = ResourceTemplate::new(format!("{}://item/{{id}}", self.name), "item");
        Ok(ListResourceTemplatesResult::with_all_items(vec![template]))
    }

    async fn read_resource(
        &self,
        read: ReadResourceRequestParams,
        _: Context,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let is_own = read.uri.starts_with(&format!("{}://", self.name)) || read.uri == "shared://all";
        // As servers say it that have no code of their own for that.
        let unknown = || ErrorData::resource_not_found(format!("{} has no {}", self.name, read.uri), None);
        let text = is_own.then(|| format!("read of {}", self.name)).ok_or_else(unknown)?;
        Ok(ReadResourceResult::new(vec![ResourceContents::text(text, read.uri)]).into())
    }

    async fn complete(
        &self,
        complete: CompleteRequestParams,
        _: Context,
    ) -> Result<CompleteResult, ErrorData> {
        let of = match &complete.r#ref {
            Reference::Prompt(prompt) => prompt.name.clone(),
            Reference::Resource(template) => template.uri.clone(),
            _ => String::new(),
        };
        let values = vec![format!("{of} of {}", self.name)];
        CompletionInfo::new(values)
            .map(CompleteResult::new)
            .map_err(|error| ErrorData::internal_error(error, None))
    }
}

const FRUIT: Shop = Shop { name: "fruit", pages: &["buy", "sell"], lists: Lists::Work };
const TOOLS: Shop = Shop { name: "tools", pages: &["buy"], lists: Lists::Work };

async fn server(composed: Composed) -> Server {
    McpLambdaServer::builder(composed).config(Config::default()).build().await.expect("a usable composition")
}

async fn both() -> Server {
    server(Composed::new("market", "1.2.3").mount("fruit", FRUIT).mount("my-tools", TOOLS)).await
}

async fn asked(server: &Server, method: &str, params: Value) -> Value {
    result(stateless(method, params).send(server).await).await
}

fn names(list: &Value, field: &str, name: &str) -> Vec<String> {
    let items = list[field].as_array().unwrap_or_else(|| panic!("{list}"));
    items.iter().map(|item| item[name].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn tools_and_prompts_have_the_prefix_of_their_handler_and_reach_it() {
    let server = both().await;
    let list = asked(&server, "tools/list", json!({})).await;
    assert_eq!(names(&list, "tools", "name"), ["fruit_buy", "my-tools_buy"]);
    let prompts = asked(&server, "prompts/list", json!({})).await;
    assert_eq!(names(&prompts, "prompts", "name"), ["fruit_greet", "my-tools_greet"]);
    let session = Client::open(&server, "2025-11-25").await;
    for (tool, text) in [("fruit_sell", "sell of fruit"), ("my-tools_buy", "buy of tools")] {
        for request in [call(tool, json!({})), session.call(1, tool, json!({}))] {
            assert_eq!(result(request.send(&server).await).await["content"][0]["text"], text);
        }
    }
    let prompt = asked(&server, "prompts/get", json!({ "name": "my-tools_greet" })).await;
    assert_eq!(prompt["messages"][0]["content"]["text"], "greet of tools");
    for tool in ["buy", "fruit", "fruit_", "fruitbuy", "other_buy", "fruit_absent"] {
        let (_, code, body) = refused(call(tool, json!({})).send(&server).await).await;
        let name = if tool == "fruit_absent" { "fruit_absent" } else { tool };
        assert_eq!((code, &body["error"]["message"]), (-32602, &json!(format!("unknown tool: {name}"))));
    }
}

#[tokio::test]
async fn a_list_goes_on_where_a_handler_has_more_and_no_foreign_cursor_is_taken() {
    let server = both().await;
    let first = asked(&server, "tools/list", json!({})).await;
    let cursor = first["nextCursor"].as_str().expect("fruit has another page").to_owned();
    for _ in 0..2 {
        let next = asked(&server, "tools/list", json!({ "cursor": cursor })).await;
        assert_eq!(names(&next, "tools", "name"), ["fruit_sell"]);
        assert_eq!(next.get("nextCursor"), None);
    }
    for foreign in ["1", "e30", "eyJvdGhlciI6IjEifQ", &cursor[1..]] {
        let list = stateless("tools/list", json!({ "cursor": foreign })).send(&server).await;
        let (_, code, body) = refused(list).await;
        assert_eq!(code, -32602, "{foreign}: {body}");
        assert!(body["error"]["message"].as_str().expect("a text").contains("did not issue"), "{body}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_cannot_list_is_left_out_and_the_others_are_listed() {
    for lists in [Lists::Fail, Lists::Hang] {
        let broken = Shop { lists, name: "broken", ..TOOLS };
        let server = server(Composed::new("market", "1").mount("broken", broken).mount("fruit", FRUIT)).await;
        let begun = tokio::time::Instant::now();
        let list = asked(&server, "tools/list", json!({})).await;
        assert_eq!(names(&list, "tools", "name"), ["fruit_buy"]);
        assert_eq!(list["_meta"]["mcp-lambda-server/missing"], json!(["broken"]));
        let waited = if lists == Lists::Hang { Duration::from_secs(10) } else { Duration::ZERO };
        assert!(begun.elapsed() >= waited && begun.elapsed() < waited + Duration::from_secs(1));
        // What it does not list it serves all the same.
        let called = result(call("broken_buy", json!({})).send(&server).await).await;
        assert_eq!(called["content"][0]["text"], "buy of broken");
    }
    let fails = |name| Shop { lists: Lists::Fail, name, ..TOOLS };
    let server = server(Composed::new("market", "1").mount("a", fails("a")).mount("b", fails("b"))).await;
    let (_, code, body) = refused(stateless("tools/list", json!({})).send(&server).await).await;
    assert_eq!((code, &body["error"]["message"]), (-32603, &json!("no list today")));
}

#[tokio::test]
async fn a_resource_is_asked_of_the_handler_that_lists_it_or_has_a_template_for_it() {
    // A server that has listed nothing yet finds out, one that has listed knows.
    for lists_first in [false, true] {
        let server = both().await;
        if lists_first {
            let list = asked(&server, "resources/list", json!({})).await;
            assert_eq!(names(&list, "resources", "uri"), ["fruit://list", "shared://all", "tools://list"]);
            let templates = asked(&server, "resources/templates/list", json!({})).await;
            let expected = ["fruit://item/{id}", "tools://item/{id}"];
            assert_eq!(names(&templates, "resourceTemplates", "uriTemplate"), expected);
        }
        for (uri, of) in [
            ("tools://list", "tools"),
            ("tools://item/7", "tools"),
            ("fruit://list", "fruit"),
            ("TOOLS://list", "tools"),
            ("shared://all", "fruit"),
            // Neither listed nor a template: each is asked.
            ("tools://hidden", "tools"),
        ] {
            let read = asked(&server, "resources/read", json!({ "uri": uri })).await;
            assert_eq!(read["contents"][0]["text"], format!("read of {of}"), "{uri}");
        }
        let unknown = stateless("resources/read", json!({ "uri": "other://list" })).send(&server).await;
        let (_, code, body) = refused(unknown).await;
        assert_eq!((code, &body["error"]["message"]), (-32602, &json!("fruit has no other://list")));
    }
}

#[tokio::test]
async fn completions_reach_the_handler_of_their_prompt_or_template() {
    let server = both().await;
    let complete = async |reference: Value| {
        let params = json!({ "ref": reference, "argument": { "name": "id", "value": "" } });
        asked(&server, "completion/complete", params).await["completion"]["values"][0].clone()
    };
    let prompt = complete(json!({ "type": "ref/prompt", "name": "my-tools_greet" })).await;
    assert_eq!(prompt, "greet of tools");
    let template = complete(json!({ "type": "ref/resource", "uri": "tools://item/{id}" })).await;
    assert_eq!(template, "tools://item/{id} of tools");
}

#[tokio::test]
async fn a_composition_is_one_server_to_its_clients() {
    let server = both().await;
    let opened = result(initialize_request("2025-06-18", json!({})).send(&server).await).await;
    let expected = json!({ "completions": {}, "prompts": {}, "resources": {}, "tools": {} });
    assert_eq!(opened["capabilities"], expected);
    assert_eq!(opened["serverInfo"], json!({ "name": "market", "version": "1.2.3" }));
    assert_eq!(opened["instructions"], "fruit_*: Ask fruit.\n\nmy-tools_*: Ask tools.");
    let discovered = asked(&server, "server/discover", json!({})).await;
    assert_eq!(discovered["capabilities"], expected);
    assert_eq!(discovered["instructions"], opened["instructions"]);
}

#[tokio::test]
async fn a_prefix_under_which_a_name_would_have_two_meanings_is_refused_at_start() {
    for (second, text) in [
        ("fruit", "another one: with the prefix \"fruit\""),
        ("fruit_red", "another one: with the prefix \"fruit\""),
        ("red fruit", "1 to 32 letters, digits, hyphens and underscores"),
    ] {
        let composed = Composed::new("market", "1").mount("fruit", FRUIT).mount(second, TOOLS);
        let built = McpLambdaServer::builder(composed).config(Config::default()).build().await;
        let error = built.expect_err(second).to_string();
        assert!(error.starts_with("the prefix of a mounted server is"), "{error}");
        assert!(error.contains(text), "{error}");
    }
}

#[tokio::test]
async fn a_tool_whose_name_is_too_long_with_its_prefix_is_not_listed() {
    const LONG: &str = "a123456789a123456789a123456789a123456789a123456789a123456789a123456789a123456789a123456789a123456789a123456789a123456789a";
    let long = Shop { pages: &[LONG], ..TOOLS };
    let server = server(Composed::new("market", "1").mount("fruit", FRUIT).mount("my-tools", long)).await;
    assert!(LONG.len() < 128 && LONG.len() + "my-tools_".len() > 128);
    let list = asked(&server, "tools/list", json!({})).await;
    assert_eq!(names(&list, "tools", "name"), ["fruit_buy"]);
}
