//! A user signs in, from the first redirect to the last token.

use std::time::Duration;

use http::StatusCode;
use mcp_lambda_server::auth::{AuthConfig, JwtConfig, TokenAlgorithm};
use serde_json::json;
use test_support::{call, environments_with};
use tokio::task::JoinSet;

use super::lab::{ISSUER, LOOPBACK, Lab, RESOURCE, SITE, STATE, claims, parameter, text};

/// Each step is answered by another environment than the one before.
#[tokio::test]
async fn a_client_registers_its_user_allows_it_and_it_gets_tokens() {
    let lab = Lab::new();
    let client = lab.client(&[SITE]).await;
    let (page, cookie) = lab.consent_page(&client, &[("scope", "mcp:read")]).await;
    assert_eq!(page.status, StatusCode::OK, "{page:?}");
    for shown in ["Mail", "unverified", "client.example", "mcp:read", RESOURCE, "ada"] {
        assert!(page.body.contains(shown), "{shown}: {}", page.body);
    }
    let url = lab.decide(&page, &cookie, "allow").await.location();
    assert!(url.as_str().starts_with("https://client.example/back?code="), "{url}");
    assert_eq!(parameter(&url, "state").as_deref(), Some(STATE));
    assert_eq!(parameter(&url, "iss").as_deref(), Some(ISSUER), "RFC 9207");
    let code = parameter(&url, "code").expect("a code");
    let answer = lab.redeem(&client, &code, &[]).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let tokens = answer.json();
    assert_eq!((text(&tokens, "token_type"), text(&tokens, "scope")), ("Bearer", "mcp:read"));
    assert_eq!(tokens["expires_in"], 600);
    let claims = claims(text(&tokens, "access_token"));
    assert_eq!((text(&claims, "iss"), text(&claims, "sub")), (ISSUER, "ada"));
    assert_eq!((text(&claims, "client_id"), &claims["aud"]), (client.as_str(), &json!([RESOURCE])));
    assert_eq!(claims["exp"].as_u64().zip(claims["iat"].as_u64()).map(|(exp, iat)| exp - iat), Some(600));
}

/// The existing validator of the MCP server takes the tokens, with the keys that it fetches from the authorization server.
#[tokio::test]
async fn an_mcp_server_accepts_the_tokens_and_asks_for_a_scope_that_is_missing() {
    let lab = Lab::with(|login| login.audience = Some("server-one".into()));
    let bound = lab.servers[0].clone().bind(([127, 0, 0, 1], 0).into()).await.expect("a port");
    let keys = format!("{}/.well-known/jwks.json", bound.url());
    let mut serving = JoinSet::new();
    serving.spawn(bound.serve());
    let mut rules = JwtConfig::new(ISSUER, "server-one");
    rules.jwks_url = Some(keys);
    rules.algorithms = vec![TokenAlgorithm::EdDSA];
    let world = environments_with(1, |config| {
        config.auth = AuthConfig::tokens(rules.clone());
        config.auth.tools.add("count", ["mcp:write"]);
    });
    let client = lab.client(&[SITE]).await;
    let read = async |scope: &str| {
        let code = lab.code(&client, &[("scope", scope)]).await;
        let tokens = lab.redeem(&client, &code, &[]).await.json();
        let bearer = format!("Bearer {}", text(&tokens, "access_token"));
        let call = call("count", json!({})).header("authorization", &bearer);
        let reply = call.send(world.at(0)).await;
        (reply.status.as_u16(), reply.header("www-authenticate").unwrap_or_default().to_owned())
    };
    let (status, challenge) = read("mcp:read").await;
    assert_eq!(status, 403, "{challenge}");
    assert!(challenge.contains("insufficient_scope") && challenge.contains("mcp:write"), "{challenge}");
    // The client asks again, with the scope.
    assert_eq!(read("mcp:read mcp:write").await.0, 200);
    lab.servers[0].stop();
    serving.join_next().await.expect("it was spawned").expect("it ends");
}

#[tokio::test]
async fn a_user_who_denies_sends_the_client_an_error() {
    let lab = Lab::new();
    let client = lab.client(&[SITE]).await;
    let (page, cookie) = lab.consent_page(&client, &[]).await;
    let url = lab.decide(&page, &cookie, "deny").await.location();
    assert_eq!(parameter(&url, "error").as_deref(), Some("access_denied"));
    assert_eq!(parameter(&url, "state").as_deref(), Some(STATE));
    assert_eq!(parameter(&url, "iss").as_deref(), Some(ISSUER));
}

#[tokio::test]
async fn a_consent_is_remembered_for_the_same_client_user_and_scopes_alone() {
    let lab = Lab::new();
    let client = lab.client(&[SITE]).await;
    lab.code(&client, &[("scope", "mcp:read")]).await;
    let ends_at_once = async |client: &str, changed: &[(&str, &str)], user: [&str; 2]| {
        let begun = lab.authorize(client, changed, "").await;
        let cookie = begun.cookie();
        let callback = lab.sign_in(&begun.location(), user, &cookie).await;
        lab.visit(&callback, &cookie).await.status == StatusCode::SEE_OTHER
    };
    let (ada, bob) = (["ada", "right"], ["bob", "other"]);
    assert!(ends_at_once(&client, &[("scope", "mcp:read")], ada).await);
    assert!(!ends_at_once(&client, &[("scope", "mcp:read mcp:write")], ada).await, "more scopes");
    assert!(!ends_at_once(&client, &[("scope", "mcp:read")], bob).await, "another user");
    let other = lab.client(&[SITE]).await;
    assert!(!ends_at_once(&other, &[("scope", "mcp:read")], ada).await, "another registration");
    lab.clock.advance(Duration::from_secs(90 * 24 * 3600));
    assert!(!ends_at_once(&client, &[("scope", "mcp:read")], ada).await, "after 90 days");
}

/// RFC 8252, 8.6: another program can listen on the same port.
#[tokio::test]
async fn a_client_of_the_same_computer_is_asked_for_every_time() {
    let lab = Lab::new();
    let client = lab.client(&[LOOPBACK]).await;
    for port in ["33418", "50000"] {
        let redirect = LOOPBACK.replace("33418", port);
        let (page, cookie) = lab.consent_page(&client, &[("redirect_uri", &redirect)]).await;
        assert_eq!(page.status, StatusCode::OK);
        let url = lab.decide(&page, &cookie, "allow").await.location();
        assert!(url.as_str().starts_with(&format!("{redirect}?code=")), "{url}");
    }
}

#[tokio::test]
async fn a_client_names_the_only_server_and_the_only_redirect_uri_or_leaves_them_out() {
    let lab = Lab::new();
    let client = lab.client(&[SITE]).await;
    for changed in [
        [("resource", ""), ("redirect_uri", "")],
        [("resource", "https://mcp.example/mcp/"), ("scope", "openid")],
    ] {
        let code = lab.code(&client, &changed).await;
        let tokens = lab.redeem(&client, &code, &[("redirect_uri", ""), ("resource", "")]).await.json();
        assert_eq!(claims(text(&tokens, "access_token"))["aud"], json!([RESOURCE]));
    }
}
