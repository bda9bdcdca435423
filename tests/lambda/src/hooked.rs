//! A function with every hook: each says on the standard output that it runs.

use mcp_lambda_server::{McpLambdaServer, http::BoxError, lambda::InvocationRequest, rmcp::ServerHandler};
use tower::util::MapRequestLayer;

#[derive(Clone)]
struct Nothing;
impl ServerHandler for Nothing {}

fn main() -> Result<(), mcp_lambda_server::Error> {
    let say = |what: &'static str| move || async move { println!("{what}") };
    let around_snapshot = |what: &'static str| {
        move || async move {
            println!("{what}");
            Ok::<_, BoxError>(())
        }
    };
    McpLambdaServer::builder(Nothing)
        .invocation_layer(MapRequestLayer::new(|invocation: InvocationRequest| {
            println!("invocation: {:?}", invocation.kind());
            invocation
        }))
        .after_invocation(say("after the invocation"))
        .on_shutdown(say("on shutdown"))
        .before_snapshot(around_snapshot("before the snapshot"))
        .after_restore(around_snapshot("after the restore"))
        .run()
}
