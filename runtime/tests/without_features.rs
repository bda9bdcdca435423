//! What a server that is built without features does with a configuration that needs one. Every other test is built with all
//! features: `scripts/test rust` runs this one on its own.
#![cfg(not(any(feature = "dynamodb", feature = "jwt", feature = "sns", feature = "sqs")))]

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

/// Otherwise it would keep in memory what is to outlive its process, or publish nothing.
#[tokio::test]
async fn a_variable_of_a_service_that_the_server_is_built_without_is_refused_with_the_name_of_the_feature() {
    let tables: &[_] = &[("SESSION_TABLE_NAME", "state"), ("EVENT_TABLE_NAME", "events")];
    for (variables, feature) in [
        (tables, "dynamodb"),
        (&[("SNS_TOPIC_ARN", "arn:aws:sns:eu-north-1:123456789012:events")], "sns"),
        (&[("TASK_QUEUE_URL", "https://sqs.eu-north-1.amazonaws.com/123456789012/tasks")], "sqs"),
    ] {
        let value = |name: &str| {
            variables.iter().find(|(variable, _)| *variable == name).map(|(_, value)| (*value).to_owned())
        };
        let config = Config::from_lookup(value).expect("a configuration");
        let error = McpLambdaServer::builder(Nothing).config(config).build().await.err().expect("refused");
        let error = error.to_string();
        assert!(error.starts_with(variables[0].0), "{error}");
        assert!(error.contains(&format!("without the `{feature}` feature")), "{error}");
    }
}
