//! A route of the program and a tower layer that authenticates callers: `cargo run --example layer_and_route`.

use http::{Request, Response};
use mcp_lambda_server::{Body, McpContext, McpLambdaServer, Principal};
use rmcp::{RoleServer, service::RequestContext, tool, tool_router};
use tower::util::MapRequestLayer;

#[derive(Clone)]
struct Server;

#[tool_router(server_handler)]
impl Server {
    #[tool(description = "Returns the key of the caller")]
    async fn whoami(&self, context: RequestContext<RoleServer>) -> String {
        context.principal().key().to_owned()
    }
}

/// Sets the principal of a request. This stands for real authentication: it trusts a header, which is safe only behind a
/// proxy that authenticates users and sets the header itself.
fn authenticate(mut request: Request<Body>) -> Request<Body> {
    let user = request.headers().get("x-user").and_then(|user| user.to_str().ok());
    if let Some(principal) = user.map(|user| Principal::new("example", user)) {
        request.extensions_mut().insert(principal);
    }
    request
}

fn main() -> Result<(), mcp_lambda_server::Error> {
    McpLambdaServer::builder(Server)
        .layer(MapRequestLayer::new(authenticate))
        .route("/health", async |_| Response::new(String::from("ok")))
        .run()
}
