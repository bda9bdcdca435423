//! The self-test: an invocation that shows whether the function serves its tools, without a gateway and without a client.
//!
//! `{"source":"mcp-lambda-server","action":"self-test","tool":"echo","arguments":{"message":"hi"}}` is answered with
//! `{"server":{"name":...,"version":...},"tools":["echo",...],"result":{...}}`. Without `tool` the tools are listed only.

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use mcp_lambda_core::{
    auth::Principal,
    http::{Body, request_of_message, result_of_response, stateless_message, take_server_info},
};

use super::error::InvocationError;

/// The `action` of the event.
pub(super) const ACTION: &str = "self-test";
/// The name of the client, as tools and lines of the log read it.
const CLIENT: &str = "self-test";
/// The most pages of tools that are read: a server whose list does not end fails its test.
const MOST_PAGES: usize = 100;

/// What the event asks for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SelfTest {
    #[serde(rename = "source")]
    _source: String,
    #[serde(rename = "action")]
    _action: String,
    #[serde(default)]
    tool: Option<String>,
    #[serde(default)]
    arguments: Map<String, Value>,
}

impl SelfTest {
    pub(super) fn read(event: &str) -> Result<Self, InvocationError> {
        serde_json::from_str(event).map_err(|error| InvocationError {
            kind: "InvalidEvent",
            message: format!("the self-test cannot be read: {error}"),
        })
    }

    /// Lists the tools and calls the one that is named. A tool that fails fails the invocation.
    pub(super) async fn run(self, path: &str, serve: &Serve<'_>) -> Result<Bytes, InvocationError> {
        let ask = async |method, params| ask(path, serve, method, params).await;
        let (mut server, mut tools) = (None, Vec::new());
        let mut page = Map::new();
        for number in 0.. {
            if number == MOST_PAGES {
                return Err(failed("tools/list", &format!("more than {MOST_PAGES} pages")));
            }
            let mut list = ask("tools/list", page).await?;
            server = take_server_info(&mut list);
            let names = list["tools"].as_array().into_iter().flatten().map(|tool| tool["name"].clone());
            tools.extend(names);
            let Some(cursor) = list.shift_remove("nextCursor") else { break };
            page = Map::from_iter([("cursor".to_owned(), cursor)]);
        }
        let mut report = json!({ "server": server, "tools": tools });
        if let Some(tool) = self.tool {
            let what = format!("tools/call of {tool}");
            let mut params = Map::new();
            params.insert("name".into(), tool.into());
            params.insert("arguments".into(), self.arguments.into());
            let mut result = ask("tools/call", params).await?;
            take_server_info(&mut result);
            if result.get("isError") == Some(&Value::Bool(true)) {
                let text = result["content"][0]["text"].as_str().unwrap_or("the result has isError");
                return Err(failed(&what, text));
            }
            report["result"] = result.into();
        }
        Ok(report.to_string().into())
    }
}

/// Serves a request of the invocation.
pub(super) type Serve<'a> = dyn Fn(Request<Body>) -> BoxFuture<'static, Response<Body>> + Send + Sync + 'a;

async fn ask(
    path: &str,
    serve: &Serve<'_>,
    method: &str,
    params: Map<String, Value>,
) -> Result<Map<String, Value>, InvocationError> {
    let message = stateless_message("1", method, params, CLIENT);
    let request = request_of_message(path, message, Principal::invoker());
    result_of_response(serve(request).await).await.map_err(|error| failed(method, &error.message))
}

fn failed(what: &str, text: &str) -> InvocationError {
    InvocationError { kind: "SelfTestFailed", message: format!("{what}: {text}") }
}
