//! Environments that take the tokens of a local issuer, and requests that bring one.

use local_issuer::{Issuer, SCOPE};
use mcp_lambda_server::{
    Config,
    auth::{AuthConfig, JwtConfig},
};
use serde_json::json;

use crate::{
    environments::{World, environments_with},
    reply::Reply,
    request::{McpRequest, call},
};

pub fn rules(issuer: &Issuer) -> JwtConfig {
    let mut rules = JwtConfig::new(issuer.url(), "mcp");
    rules.scopes = vec![SCOPE.to_owned()];
    rules
}

pub fn taking(issuer: &Issuer) -> impl Fn(&mut Config) + use<> {
    let rules = rules(issuer);
    move |config| config.auth = AuthConfig::tokens(rules.clone())
}

/// Environments that take this issuer's tokens.
pub fn guarded(n: usize, issuer: &Issuer) -> World {
    environments_with(n, taking(issuer))
}

pub fn now(world: &World) -> u64 {
    world.clock.now().epoch_seconds()
}

/// A token with the scope that every call needs.
pub fn token(world: &World, issuer: &Issuer, subject: &str) -> local_issuer::Token {
    issuer.token_at(subject, now(world)).claim("scope", SCOPE)
}

pub fn with(request: McpRequest, token: &str) -> McpRequest {
    request.header("authorization", &format!("Bearer {token}"))
}

pub async fn status(world: &World, token: &str) -> u16 {
    with(call("echo", json!({ "message": "hi" })), token).send(world.at(0)).await.status.as_u16()
}

pub fn challenge(reply: &Reply) -> String {
    reply.header("www-authenticate").unwrap_or("none").to_owned()
}
