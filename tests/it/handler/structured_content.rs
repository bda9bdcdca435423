//! Results with `structuredContent`: <https://github.com/anomalyco/opencode/issues/38923>, where a model saw only the
//! text beside it.

use mcp_lambda_server::rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ServerCapabilities,
        ServerConfig,
    },
    service::RequestContext,
};
use mcp_lambda_server::{Config, McpLambdaServer};
use serde_json::{Value, json};
use test_support::{call, session::Client};

/// Returns its arguments: texts, and the structured content beside them.
#[derive(Clone)]
struct Given;

impl ServerHandler for Given {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = request.arguments.unwrap_or_default();
        let texts = arguments["texts"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let mut result = CallToolResult::success(texts.map(ContentBlock::text).collect());
        result.structured_content = arguments.get("structured").cloned();
        Ok(result.into())
    }
}

fn texts(result: &Value) -> Vec<String> {
    let content = result["result"]["content"].as_array().expect("content");
    content.iter().map(|block| block["text"].as_str().expect("a text").to_owned()).collect()
}

#[tokio::test]
async fn a_structured_result_has_its_json_as_a_text_beside_the_texts_of_the_tool_and_not_twice() {
    let server = McpLambdaServer::builder(Given).config(Config::default()).build().await.expect("a server");
    let session = Client::open(&server, "2025-11-25").await;
    let object = json!({ "value": 1, "name": "x" });
    let written = object.to_string();
    for (structured, given, expected) in [
        (Some(&object), vec!["1"], vec!["1", &written]),
        (Some(&object), vec![], vec![&*written]),
        (Some(&object), vec![&*written], vec![&*written]),
        (Some(&object), vec!["see", &written], vec!["see", &written]),
        (
            Some(&object),
            vec!["{ \"name\": \"x\",\n \"value\": 1 }"],
            vec!["{ \"name\": \"x\",\n \"value\": 1 }"],
        ),
        (Some(&object), vec!["{\"value\":1}"], vec!["{\"value\":1}", &written]),
        (Some(&json!([1, 2])), vec!["[1,2]"], vec!["[1,2]"]),
        (Some(&json!(1)), vec!["1"], vec!["1"]),
        (Some(&Value::Null), vec![], vec!["null"]),
        (None, vec!["1"], vec!["1"]),
    ] {
        let mut arguments = json!({ "texts": given });
        if let Some(structured) = structured {
            arguments["structured"] = structured.clone();
        }
        for request in [call("given", arguments.clone()), session.call(1, "given", arguments.clone())] {
            let result = request.header("accept", "application/json").send(&server).await.json().await;
            assert_eq!(texts(&result), expected, "{structured:?} {given:?}");
        }
    }
}
