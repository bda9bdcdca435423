//! A route of one's own and a tower layer that says who is calling: `cargo run --example layer_and_route`.

use http::{Request, Response};
use mcp_lambda_server::{Body, McpLambdaServer, Principal};
use rmcp::{RoleServer, service::RequestContext, tool, tool_router};
use tower::util::MapRequestLayer;

#[derive(Clone)]
struct Server;

#[tool_router(server_handler)]
impl Server {
    #[tool(description = "Says who you are")]
    async fn whoami(&self, context: RequestContext<RoleServer>) -> String {
        context.extensions.get::<Principal>().map_or_else(String::new, |caller| caller.key().to_owned())
    }
}

/// Stands for real authentication: a gateway in front has checked the user and says so in a header.
fn name_caller(mut request: Request<Body>) -> Request<Body> {
    let user = request.headers().get("x-user").and_then(|user| user.to_str().ok());
    if let Some(principal) = user.map(|user| Principal::new("example", user)) {
        request.extensions_mut().insert(principal);
    }
    request
}

fn main() -> Result<(), mcp_lambda_server::Error> {
    McpLambdaServer::builder(Server)
        .layer(MapRequestLayer::new(name_caller))
        .route("/health", async |_| Response::new(String::from("ok")))
        .run()
}
