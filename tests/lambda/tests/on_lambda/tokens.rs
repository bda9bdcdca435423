//! Tokens on Lambda: the same answers as on a laptop, whichever environment they are asked of.

use http::Method;
use lambda_emulator::{Builder, Ingress, Routing};
use local_issuer::{Issuer, SCOPE, cases};
use serde_json::json;

use crate::support::*;

/// What a Function URL and API Gateway make of `WWW-Authenticate`: clients find the metadata by its well-known path.
const RENAMED: &str = "x-amzn-remapped-www-authenticate";

fn guarded(issuer: &Issuer) -> Builder {
    function()
        .env("MCP_JWT_ISSUER", issuer.url())
        .env("MCP_JWT_AUDIENCE", "mcp")
        .env("MCP_JWT_SCOPES", SCOPE)
        .env("MCP_TOOL_SCOPES", "count=state:write")
}

#[expect(clippy::disallowed_methods, reason = "the function has no other clock")]
fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

#[tokio::test]
async fn each_token_gives_exactly_the_access_it_states() {
    let issuer = Issuer::start().await.unwrap();
    let emulator = guarded(&issuer).start().await.unwrap();
    // Between making a token and checking it a second may pass, which the edge of the leeway would feel.
    let cases = cases(&issuer, now());
    // And two headers arrive as one, joined by the ingress.
    for case in cases.iter().filter(|case| !case.name.contains("leeway") && case.name != "two headers") {
        let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
        for request in [
            call("echo", json!({ "message": "hi" })),
            session("0123456789abcdef0123456789abcdef", Method::POST, &list),
        ] {
            let is_session = request.headers.contains_key("mcp-session-id");
            let request = case
                .authorization
                .iter()
                .fold(request, |request, value| request.and_header("authorization", value.as_bytes()));
            let reply = request.path(&format!("/mcp{}", case.query)).send_to(&emulator).await;
            if case.status == 200 {
                assert_eq!(reply.status, if is_session { 404 } else { 200 }, "{}", case.name);
                continue;
            }
            let host = emulator.function_url();
            let expected = format!(
                r#"Bearer {}scope="mcp:call", resource_metadata="{host}/.well-known/oauth-protected-resource/mcp""#,
                case.error,
            );
            assert_eq!(
                (reply.status.as_u16(), reply.header(RENAMED)),
                (case.status, Some(expected.as_str())),
                "{}",
                case.name
            );
        }
    }
    assert_eq!(issuer.asked_for_keys(), 1);
}

#[tokio::test]
async fn metadata_is_served_without_a_token_through_every_ingress() {
    let issuer = Issuer::start().await.unwrap();
    let emulator = guarded(&issuer).start().await.unwrap();
    for ingress in
        [Ingress::FunctionUrl, Ingress::HttpApi, Ingress::Rest, Ingress::Alb, Ingress::AlbMultiValue]
    {
        for path in ["/.well-known/oauth-protected-resource/mcp", "/.well-known/oauth-protected-resource"] {
            let reply = get(path).through_ingress(&emulator, ingress).await;
            assert_eq!(reply.status, 200, "{ingress:?}");
            let document = reply.json().await;
            assert_eq!(document["resource"], format!("{}/mcp", emulator.url(ingress)), "{ingress:?}");
            assert_eq!(document["authorization_servers"], json!([issuer.url()]));
            assert_eq!(document["scopes_supported"], json!([SCOPE, "state:write"]));
        }
    }
    assert_eq!(issuer.asked("/.well-known/openid-configuration"), 0);
}

/// Each environment asks the issuer for itself, once.
#[tokio::test]
async fn environments_check_the_same_token_alike() {
    let issuer = Issuer::start().await.unwrap();
    let emulator =
        guarded(&issuer).environments(4).routing(Routing::RoundRobin).spread(true).start().await.unwrap();
    let token = issuer.token("ada").claim("scope", SCOPE).sign();
    let mut met = Vec::new();
    for _ in 0..8 {
        let reply = call("who", json!({}))
            .header("authorization", &format!("Bearer {token}"))
            .send_to(&emulator)
            .await;
        met.push(reply.environment());
        let who: serde_json::Value = serde_json::from_str(&reply.tool_text().await).unwrap();
        assert_eq!(
            (&who["key"], &who["authenticated_by"]),
            (&json!(format!("{}|ada", issuer.url())), &json!("Token"))
        );
    }
    met.sort_unstable();
    met.dedup();
    assert_eq!((met.len(), issuer.asked_for_keys()), (4, 4));
}

/// An identity in the event beside the token is ignored: any invoker of the function could have written it.
#[tokio::test]
async fn an_event_that_claims_an_authorizer_is_asked_for_a_token_all_the_same() {
    let issuer = Issuer::start().await.unwrap();
    let emulator = guarded(&issuer).start().await.unwrap();
    for event in [
        "http-api-post-jwt",
        "http-api-post-lambda-authorizer",
        "rest-post-authorizer",
        "function-url-post-iam",
    ] {
        let answer = answer_of(emulator.invoke(fixture(event), None).await.unwrap()).await;
        assert_eq!(answer.status(), 401, "{event}");
    }
}

/// `MCP_AUTH=gateway`: a request that did not pass the gateway's check is refused.
#[tokio::test]
async fn a_server_behind_an_authorizer_refuses_what_came_another_way() {
    let emulator = function().env("MCP_AUTH", "gateway").start().await.unwrap();
    for (event, status) in [
        ("function-url-post", 401),
        ("http-api-post", 401),
        ("rest-post", 401),
        ("alb-post", 401),
        ("http-api-post-jwt", 200),
        ("http-api-post-lambda-authorizer", 200),
        ("rest-post-authorizer", 200),
        ("function-url-post-iam", 200),
    ] {
        let answer = answer_of(emulator.invoke(fixture(event), None).await.unwrap()).await;
        assert_eq!(answer.status(), status, "{event}");
    }
}

#[tokio::test]
async fn a_wrong_configuration_fails_at_start() {
    for (name, value) in [
        ("MCP_JWT_ISSUER", "https://issuer.example.com"),
        ("MCP_JWT_ISSUER", "http://issuer.example.com"),
        ("MCP_JWT_AUDIENCE", "mcp"),
        ("MCP_AUTH", "jwt"),
        ("MCP_TOOL_SCOPES", "count"),
    ] {
        let emulator = function().env(name, value).start().await.unwrap();
        let reply = call("echo", json!({ "message": "hi" })).send_to(&emulator).await;
        assert_eq!(reply.status, 502, "{name}={value}");
    }
}
