//! What a server built without the `jwt` feature does with a configuration that needs it. Every other test is built with
//! all features: `scripts/test rust` runs this one on its own.
#![cfg(not(feature = "jwt"))]

use mcp_lambda_server::{
    Config, McpLambdaServer,
    auth::{AuthConfig, JwtConfig},
    rmcp::ServerHandler,
};

#[derive(Clone)]
struct Nothing;
impl ServerHandler for Nothing {}

/// Otherwise it would serve requests without a token.
#[tokio::test]
async fn a_server_that_cannot_check_tokens_does_not_start_when_it_should() {
    let mut config = Config::default();
    config.auth = AuthConfig::tokens(JwtConfig::new("https://issuer.example", "mcp"));
    let error = McpLambdaServer::builder(Nothing).config(config).build().await.err().expect("refused");
    assert!(error.to_string().contains("without the `jwt` feature"), "{error}");
}
