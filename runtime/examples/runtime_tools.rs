//! Tools that are defined at run time, without macros: `cargo run --example runtime_tools -- red green`.

use std::sync::Arc;

use mcp_lambda_server::McpLambdaServer;
use rmcp::{
    ServerHandler,
    handler::server::router::tool::{ToolRoute, ToolRouter},
    handler::server::tool::ToolCallContext,
    model::{CallToolResult, ContentBlock, JsonObject, Tool},
    tool_handler,
};

#[derive(Clone)]
struct Server {
    tools: ToolRouter<Self>,
}

#[tool_handler(router = self.tools)]
impl ServerHandler for Server {}

fn tool(colour: String) -> ToolRoute<Server> {
    let schema = Arc::new(JsonObject::from_iter([("type".to_owned(), "object".into())]));
    let definition = Tool::new(format!("paint_{colour}"), format!("Paints something {colour}"), schema);
    ToolRoute::new_dyn(definition, move |_: ToolCallContext<'_, Server>| {
        let painted = CallToolResult::success(vec![ContentBlock::text(format!("painted {colour}"))]);
        Box::pin(async move { Ok(painted.into()) })
    })
}

fn main() -> Result<(), mcp_lambda_server::Error> {
    let mut tools = ToolRouter::new();
    std::env::args().skip(1).for_each(|colour| tools.add_route(tool(colour)));
    McpLambdaServer::run(Server { tools })
}
