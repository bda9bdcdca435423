//! The authorization server as a function of its own, behind the `$default` stage of an HTTP API:
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html> (read 2026-11-28).
#![allow(clippy::unwrap_used, reason = "what helpers of tests cannot do fails the test")]

use mcp_lambda_server::{Clock, McpLambdaServer, Stores, time::Timestamp};
use serde_json::{Value, json};

use super::runtime_api::{Lambda, Nothing, Wire, discover, path};
use crate::login::lab::{ISSUER, RESOURCE, SITE, VERIFIER, challenge, form, process, settings};

const EVENT: &str = include_str!("../../fixtures/events/http-api-post.json");

/// An event as an HTTP API sends it, with other values in the fields that differ from request to request.
fn event(method: &str, path: &str, query: &str, headers: Value, cookies: &[&str], body: &str) -> Value {
    let mut event: Value = serde_json::from_str(EVENT).unwrap();
    event["rawPath"] = path.into();
    event["rawQueryString"] = query.into();
    event["headers"] = headers;
    event["headers"]["host"] = "login.example".into();
    event["cookies"] = json!(cookies);
    event["requestContext"]["http"]["method"] = method.into();
    event["requestContext"]["http"]["path"] = path.into();
    event["requestContext"]["stage"] = "$default".into();
    event["body"] = body.into();
    event["isBase64Encoded"] = false.into();
    event
}

async fn answered(wire: &mut Wire, event: &Value) -> Value {
    wire.event("one", &[], event).await;
    let (line, body) = wire.answer().await;
    assert_eq!(line, path("one", "response"));
    serde_json::from_str(&body).unwrap()
}

#[tokio::test]
async fn a_user_signs_in_through_an_http_api() {
    let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
    let builder = McpLambdaServer::builder(Nothing).stores(Stores::memory(clock.clone())).clock(clock);
    let configured = |config: &mut mcp_lambda_server::Config| {
        let address = config.runtime_api.take();
        *config = process(settings());
        config.runtime_api = address;
    };
    let lambda = Lambda::built(|address| address, configured, builder).await;
    let mut wire = lambda.accept().await;
    let kind = json!({ "content-type": "application/x-www-form-urlencoded" });
    let registered = event(
        "POST",
        "/register",
        "",
        json!({ "content-type": "application/json" }),
        &[],
        &json!({ "redirect_uris": [SITE] }).to_string(),
    );
    let registered = answered(&mut wire, &registered).await;
    assert_eq!(registered["statusCode"], 201, "{registered}");
    let client: Value = serde_json::from_str(registered["body"].as_str().unwrap()).unwrap();
    let client = client["client_id"].as_str().unwrap().to_owned();
    let query = form(&[
        ("response_type", "code"),
        ("client_id", &client),
        ("redirect_uri", SITE),
        ("code_challenge", &challenge(VERIFIER)),
        ("code_challenge_method", "S256"),
        ("resource", RESOURCE),
    ]);
    let begun = answered(&mut wire, &event("GET", "/authorize", &query, json!({}), &[], "")).await;
    assert_eq!(begun["statusCode"], 303, "{begun}");
    // A cookie has a field of its own, in both directions.
    let cookie = begun["cookies"][0].as_str().unwrap();
    assert!(cookie.starts_with("__Host-login=") && cookie.contains("; Secure"), "{cookie}");
    assert!(begun["headers"].get("set-cookie").is_none());
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let target: url::Url = begun["headers"]["location"].as_str().unwrap().parse().unwrap();
    let mut pairs: Vec<(String, String)> = target.query_pairs().into_owned().collect();
    pairs.extend([("name", "ada"), ("password", "right")].map(|(name, value)| (name.into(), value.into())));
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let signed_in = event("POST", "/sign-in", "", kind.clone(), &["other=1", &cookie], &form(&pairs));
    let signed_in = answered(&mut wire, &signed_in).await;
    let callback: url::Url = signed_in["headers"]["location"].as_str().unwrap().parse().unwrap();
    let page = event("GET", "/callback", callback.query().unwrap(), json!({}), &[&cookie], "");
    let page = answered(&mut wire, &page).await;
    assert_eq!(page["statusCode"], 200, "{page}");
    assert_eq!(page["headers"]["content-type"], "text/html; charset=utf-8");
    let body = page["body"].as_str().unwrap();
    let asked = body.split_once("name=\"asked\" value=\"").unwrap().1.split_once('"').unwrap().0;
    let decided = form(&[("asked", asked), ("decision", "allow")]);
    let decided = event("POST", "/consent", "", kind.clone(), &[&cookie], &decided);
    let decided = answered(&mut wire, &decided).await;
    let back: url::Url = decided["headers"]["location"].as_str().unwrap().parse().unwrap();
    let code = back.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    let redeemed = form(&[
        ("grant_type", "authorization_code"),
        ("client_id", &client),
        ("code", &code),
        ("redirect_uri", SITE),
        ("code_verifier", VERIFIER),
    ]);
    let tokens = answered(&mut wire, &event("POST", "/token", "", kind, &[], &redeemed)).await;
    assert_eq!(tokens["statusCode"], 200, "{tokens}");
    assert!(tokens["body"].as_str().unwrap().contains("refresh_token"));
    let metadata = event("GET", "/.well-known/oauth-authorization-server", "", json!({}), &[], "");
    let metadata = answered(&mut wire, &metadata).await;
    let metadata: Value = serde_json::from_str(metadata["body"].as_str().unwrap()).unwrap();
    assert_eq!(metadata["issuer"], ISSUER);
    // It is no MCP server: a function with its permissions serves nothing else.
    wire.event("two", &[], &discover()).await;
    let (line, body) = wire.answer().await;
    assert_eq!(line, path("two", "error"));
    assert!(body.contains("NotConfigured") && body.contains("MCP_ROLE=login"), "{body}");
}
