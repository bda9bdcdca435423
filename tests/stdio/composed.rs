//! A server of the stdio transport beside an rmcp handler, behind one endpoint.

use mcp_lambda_server::{
    Composed,
    rmcp::{
        ErrorData, RoleServer, ServerHandler,
        model::{
            CallToolRequestParams, CallToolResponse, CallToolResult, JsonObject, ListResourcesResult,
            ListToolsResult, PaginatedRequestParams, ReadResourceRequestParams, ReadResourceResponse,
            ReadResourceResult, Resource, ResourceContents, ServerCapabilities, ServerConfig, Tool,
        },
        service::RequestContext,
    },
};
use test_support::refused;

use super::*;

/// A handler that leaves to the runtime what rmcp leaves open.
#[derive(Clone)]
struct Fruit;

type Context = RequestContext<RoleServer>;

fn buy() -> Tool {
    let schema =
        json!({ "type": "object", "properties": { "count": { "type": "integer" } }, "required": ["count"] });
    Tool::new("buy", "Buys fruit", schema.as_object().cloned().unwrap_or_else(JsonObject::new))
}

impl ServerHandler for Fruit {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().enable_resources().build())
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        (name == "buy").then(buy)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: Context,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(vec![buy()]))
    }

    async fn call_tool(
        &self,
        call: CallToolRequestParams,
        _: Context,
    ) -> Result<CallToolResponse, ErrorData> {
        let mut result = CallToolResult::success(Vec::new());
        result.structured_content = Some(json!({ "bought": call.arguments.unwrap_or_default()["count"] }));
        Ok(result.into())
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: Context,
    ) -> Result<ListResourcesResult, ErrorData> {
        Ok(ListResourcesResult::with_all_items(vec![Resource::new("fruit://list", "list")]))
    }

    async fn read_resource(
        &self,
        read: ReadResourceRequestParams,
        _: Context,
    ) -> Result<ReadResourceResponse, ErrorData> {
        Ok(ReadResourceResult::new(vec![ResourceContents::text("apples", read.uri)]).into())
    }
}

/// One composition for each era that the scripted server speaks.
async fn composed() -> Vec<(&'static str, Server)> {
    let mut servers = Vec::new();
    for speaks in ["2025-11-25", "2026-07-28"] {
        let handler =
            Composed::new("shop", "1").mount("s", scripted(&["--speaks", speaks])).mount("fruit", Fruit);
        servers.push((
            speaks,
            McpLambdaServer::builder(handler).config(Config::default()).build().await.expect("built"),
        ));
    }
    servers
}

#[tokio::test]
async fn tools_of_both_are_listed_and_called_and_a_stdio_server_keeps_fields_that_no_type_knows() {
    for (speaks, server) in composed().await {
        let list = result(stateless("tools/list", json!({})).send(&server).await).await;
        let tools = list["tools"].as_array().expect("tools");
        assert_eq!(tools[0]["unknown"], json!({ "kept": true }), "{speaks}: {list}");
        assert!(tools[0]["name"].as_str().is_some_and(|name| name.starts_with("s_")), "{list}");
        assert_eq!(tools.last().expect("a tool")["name"], "fruit_buy");
        let cursor = list["nextCursor"].as_str().expect("the scripted server has another page");
        let second = result(stateless("tools/list", json!({ "cursor": cursor })).send(&server).await).await;
        assert!(
            second["tools"]
                .as_array()
                .is_some_and(|tools| tools.iter().all(|tool| tool["name"] != "fruit_buy"))
        );
        let session = Client::open(&server, "2025-11-25").await;
        for request in [
            call("s_echo", json!({ "message": "hi" })),
            session.call(1, "s_echo", json!({ "message": "hi" })),
        ] {
            assert_eq!(result(request.send(&server).await).await["content"][0]["text"], "hi", "{speaks}");
        }
    }
}

/// The layers around the whole leave the answers of a stdio server alone; an rmcp handler beside it has its own.
#[tokio::test]
async fn an_rmcp_handler_beside_a_stdio_server_is_repaired_as_one_alone() {
    for (speaks, server) in composed().await {
        let bought = result(call("fruit_buy", json!({ "count": 3 })).send(&server).await).await;
        assert_eq!(bought["structuredContent"], json!({ "bought": 3 }));
        assert_eq!(bought["content"][0]["text"], "{\"bought\":3}", "{speaks}");
        let wrong = result(call("fruit_buy", json!({ "count": "three" })).send(&server).await).await;
        assert_eq!(wrong["isError"], true, "{wrong}");
        let text = wrong["content"][0]["text"].as_str().expect("a text");
        assert!(text.starts_with("Invalid arguments for buy"), "{text}");
    }
}

#[tokio::test]
async fn resources_and_subscriptions_reach_the_server_that_has_them() {
    for (speaks, server) in composed().await {
        for (uri, text) in [("fruit://list", "apples"), ("scripted://one", "scripted://one")] {
            let read = result(stateless("resources/read", json!({ "uri": uri })).send(&server).await).await;
            let contents = read["contents"][0].to_string();
            assert!(contents.contains(text), "{speaks}: {read}");
        }
        let session = Client::open(&server, "2025-11-25").await;
        for uri in ["fruit://list", "scripted://one"] {
            let subscribed =
                session.request(1, "resources/subscribe", json!({ "uri": uri })).send(&server).await;
            assert_eq!(result(subscribed).await, json!({}), "{speaks}: {uri}");
        }
        let both =
            json!({ "notifications": { "resourceSubscriptions": ["fruit://list", "scripted://one"] } });
        let mut stream = stateless("subscriptions/listen", both).send(&server).await;
        assert_eq!(stream.message().await["method"], "notifications/subscriptions/acknowledged", "{speaks}");
        let unknown = json!({ "notifications": { "resourceSubscriptions": ["other://x"] } });
        let (_, _, body) = refused(stateless("subscriptions/listen", unknown).send(&server).await).await;
        assert!(
            body["error"]["message"].as_str().is_some_and(|text| text.contains("not found")),
            "{speaks}: {body}"
        );
    }
}
