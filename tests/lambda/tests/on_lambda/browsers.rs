//! Browsers on Lambda: preflights of known and of foreign pages, streamed and in one piece.

use http::Method;
use lambda_emulator::Ingress;
use serde_json::json;

use crate::support::*;

const PAGE: &str = "https://app.example.com";

fn preflight(origin: &str) -> McpRequest {
    let request = session("x", Method::OPTIONS, &serde_json::Value::Null).without("mcp-session-id");
    request.header("origin", origin).header("access-control-request-method", "POST").header(
        "access-control-request-headers",
        "content-type,authorization,mcp-protocol-version,mcp-param-region",
    )
}

#[tokio::test]
async fn a_preflight_of_a_known_page_is_answered_and_one_of_a_foreign_page_forbidden() {
    for (mode, ingress) in [
        ("stream", Ingress::FunctionUrl),
        ("stream", Ingress::RestStream),
        ("buffered", Ingress::FunctionUrlBuffered),
        ("buffered", Ingress::Rest),
        ("auto", Ingress::HttpApi),
        ("auto", Ingress::Alb),
    ] {
        let emulator = function_in(mode).env("MCP_CORS_ORIGINS", PAGE).start().await.unwrap();
        let reply = preflight(PAGE).through_ingress(&emulator, ingress).await;
        assert_eq!(reply.status, 200, "{ingress:?}");
        assert_eq!(reply.header("access-control-allow-origin"), Some(PAGE), "{ingress:?}");
        assert_eq!(
            reply.header("access-control-allow-headers"),
            Some("content-type,authorization,mcp-protocol-version,mcp-param-region"),
            "{ingress:?}"
        );
        for foreign in ["https://evil.example", "null", "http://localhost"] {
            let reply = preflight(foreign).through_ingress(&emulator, ingress).await;
            assert_eq!(
                (reply.status.as_u16(), reply.header("access-control-allow-origin")),
                (403, None),
                "{ingress:?}"
            );
            // A stream must say something, and this says why.
            let text = reply.json().await["error"]["message"].as_str().unwrap().to_owned();
            assert!(text.contains("MCP_CORS_ORIGINS"), "{text}");
        }
    }
}

/// A Function URL never refuses its own host name.
#[tokio::test]
async fn the_host_name_of_an_ingress_is_refused_only_by_a_list() {
    let emulator = function().start().await.unwrap();
    let echo = || call("echo", json!({ "message": "on" }));
    for host in ["abc.lambda-url.eu-west-1.on.aws", "mcp.example.com", "127.0.0.1:1"] {
        assert_eq!(echo().header("host", host).send_to(&emulator).await.status, 200, "{host}");
    }
    let listed = function().env("MCP_ALLOWED_HOSTS", "mcp.example.com").start().await.unwrap();
    for (host, status) in [("mcp.example.com", 200), ("abc.lambda-url.eu-west-1.on.aws", 403)] {
        assert_eq!(echo().header("host", host).send_to(&listed).await.status, status, "{host}");
    }
}

/// Limits hold on every ingress, with a text that names the variable.
#[tokio::test]
async fn too_many_or_too_large_headers_are_refused_with_431() {
    let emulator =
        function().env("MCP_MAX_HEADERS", "20").env("MCP_MAX_HEADER_BYTES", "2000").start().await.unwrap();
    let many = (0..30).fold(get("/request"), |request, n| request.header(&format!("x-{n}"), "v"));
    let large = get("/request").header("x-large", &"v".repeat(2000));
    for (request, variable) in [(many, "MCP_MAX_HEADERS"), (large, "MCP_MAX_HEADER_BYTES")] {
        for ingress in [Ingress::FunctionUrl, Ingress::HttpApi, Ingress::Rest, Ingress::Alb] {
            let reply = request.clone().through_ingress(&emulator, ingress).await;
            assert_eq!(reply.status, 431, "{ingress:?}");
            assert!(reply.text().await.contains(variable), "{ingress:?}");
        }
    }
    assert_eq!(get("/request").send_to(&emulator).await.status, 200);
}
