//! Environments that take the tokens of a local issuer, and requests that bring one.

use local_issuer::{Issuer, SCOPE};
use mcp_lambda_server::{
    Config,
    auth::{AuthConfig, JwtConfig},
};
use serde_json::json;

use super::{Post, Reply, World, call, environments_with};

pub(crate) fn rules(issuer: &Issuer) -> JwtConfig {
    let mut rules = JwtConfig::new(issuer.url(), "mcp");
    rules.scopes = vec![SCOPE.to_owned()];
    rules
}

pub(crate) fn taking(issuer: &Issuer) -> impl Fn(&mut Config) + use<> {
    let rules = rules(issuer);
    move |config| config.auth = AuthConfig::tokens(rules.clone())
}

/// Environments that take this issuer's tokens.
pub(crate) fn guarded(n: usize, issuer: &Issuer) -> World {
    environments_with(n, taking(issuer))
}

pub(crate) fn now(world: &World) -> u64 {
    world.clock.now().epoch_seconds()
}

/// A token of somebody who may call.
pub(crate) fn token(world: &World, issuer: &Issuer, subject: &str) -> local_issuer::Token {
    issuer.token_at(subject, now(world)).claim("scope", SCOPE)
}

pub(crate) fn with(post: Post, token: &str) -> Post {
    post.header("authorization", &format!("Bearer {token}"))
}

pub(crate) async fn status(world: &World, token: &str) -> u16 {
    with(call("echo", json!({ "message": "hi" })), token).send(world.at(0)).await.status.as_u16()
}

pub(crate) fn challenge(reply: &Reply) -> String {
    reply.header("www-authenticate").unwrap_or("none").to_owned()
}
