//! The function under test: every tool, route and layer does one thing that the runtime has rules about on Lambda.
//!
//! Nothing in it knows Lambda. What makes a tool wait is [`gate`]: a port on which the test stands.

mod breaking;
mod gate;
mod routes;
mod tools;

use mcp_lambda_server::{McpLambdaServer, tasks::TaskSupport};

fn main() -> Result<(), mcp_lambda_server::Error> {
    McpLambdaServer::builder(tools::Fixture)
        .task_tool("job", TaskSupport::Optional)
        .task_tool("steps", TaskSupport::Optional)
        .layer(tower::layer::layer_fn(breaking::breaking))
        .route("/request", routes::request)
        .route("/cookies", routes::cookies)
        .route("/repeated", routes::repeated)
        .route("/untyped", routes::untyped)
        .route("/binary", routes::binary)
        .route("/empty", async |_| routes::empty(200))
        .route("/no-content", async |_| routes::empty(204))
        .route("/accepted", async |_| routes::empty(202))
        .route("/reset", async |_| routes::empty(205))
        .route("/moved", async |_| routes::empty(301))
        .route("/not-modified", async |_| routes::empty(304))
        .route("/gone", async |_| routes::empty(410))
        .route("/broken", async |_| routes::empty(500))
        .route("/unsaid", routes::unsaid)
        .route("/panic", routes::panic)
        .run()
}
