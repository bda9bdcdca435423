//! The page of a local server: which requests get it, and what it may do.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use mcp_lambda_server::{
    Body, Config, Deadline, Delivery, Ingress, McpLambdaServer, Server, rmcp::ServerHandler,
};
use sha2::{Digest, Sha256};

struct Shop;

impl ServerHandler for Shop {}

async fn server(variables: &[(&str, &str)]) -> Server {
    let find = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
    let config = Config::from_lookup(|name| find(name).map(str::to_owned)).expect("a configuration");
    McpLambdaServer::builder(Shop).config(config).build().await.expect("a server")
}

fn request(method: Method, path: &str, host: &str, accept: &str) -> Request<Body> {
    let request = Request::builder().method(method).uri(path).header("host", host).header("accept", accept);
    request
        .body(http_body_util::Full::default().map_err(|never| match never {}).boxed_unsync())
        .expect("a request")
}

const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

async fn asked(server: &Server, request: Request<Body>) -> (StatusCode, HeaderMap, String) {
    let response: Response<Body> = server.handle(request).await;
    let (parts, body) = response.into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    (parts.status, parts.headers, String::from_utf8(body.to_vec()).expect("text"))
}

async fn status(server: &Server, request: Request<Body>) -> StatusCode {
    asked(server, request).await.0
}

#[tokio::test]
async fn a_browser_of_the_same_machine_gets_the_page_and_a_program_does_not() {
    let server = server(&[]).await;
    for host in ["127.0.0.1:9000", "localhost:9000", "[::1]:9000", "LOCALHOST"] {
        let (status, headers, page) = asked(&server, request(Method::GET, "/", host, BROWSER)).await;
        assert_eq!(status, 200, "{host}");
        assert_eq!(headers["content-type"], "text/html; charset=utf-8");
        assert!(page.contains(r#"data-endpoint="/mcp""#) && page.ends_with("</html>\n"), "{page}");
    }
    let (status_of_head, _, body) = asked(&server, request(Method::HEAD, "/", "localhost", BROWSER)).await;
    assert_eq!((status_of_head, body.as_str()), (StatusCode::OK, ""));
    for accept in ["*/*", "", "application/json", "text/event-stream", "text/plain"] {
        assert_eq!(status(&server, request(Method::GET, "/", "localhost", accept)).await, 404, "{accept}");
    }
    for (method, path) in [(Method::POST, "/"), (Method::GET, "/index.html")] {
        assert_eq!(status(&server, request(method, path, "localhost", BROWSER)).await, 404, "{path}");
    }
}

/// A page of the web resolves a name of its own to the loopback, but its browser sends that name.
#[tokio::test]
async fn a_name_that_was_rebound_to_the_loopback_gets_no_page() {
    for variables in [&[][..], &[("MCP_ALLOWED_HOSTS", "*")]] {
        let server = server(variables).await;
        for host in ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:9000", "10.0.0.1", ""]
        {
            let status = status(&server, request(Method::GET, "/", host, BROWSER)).await;
            assert!(status.is_client_error(), "{host} {status}");
        }
        let mut of_other_page = request(Method::GET, "/", "localhost", BROWSER);
        of_other_page.headers_mut().insert("origin", "https://evil.example".parse().expect("a value"));
        assert_eq!(status(&server, of_other_page).await, 403);
        let mut two_hosts = request(Method::GET, "/", "localhost", BROWSER);
        two_hosts.headers_mut().append("host", "evil.example".parse().expect("a value"));
        assert!(status(&server, two_hosts).await.is_client_error());
    }
}

#[tokio::test]
async fn another_machine_gets_no_page_whatever_it_names() {
    let server = server(&[]).await;
    for (client, expected) in [("127.0.0.1", 200), ("::1", 200), ("192.0.2.7", 404)] {
        let mut request = request(Method::GET, "/", "localhost", BROWSER);
        let ingress = Ingress::local(Deadline::after(Duration::from_secs(60)))
            .with_client(client.parse().expect("an address"));
        request.extensions_mut().insert(ingress);
        assert_eq!(status(&server, request).await, expected, "{client}");
    }
}

#[tokio::test]
async fn on_lambda_there_is_a_page_only_if_it_is_switched_on() {
    const LAMBDA: (&str, &str) = ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001");
    for (variables, host, expected) in [
        (&[LAMBDA][..], "localhost", 404),
        (&[LAMBDA], "abc.lambda-url.eu-central-1.on.aws", 404),
        (&[LAMBDA, ("MCP_START_PAGE", "on")], "abc.lambda-url.eu-central-1.on.aws", 200),
        (&[("MCP_START_PAGE", "off")], "localhost", 404),
        (&[("MCP_START_PAGE", "on"), ("MCP_ALLOWED_HOSTS", "mcp.example.com")], "mcp.example.com", 200),
        (&[("MCP_START_PAGE", "on"), ("MCP_ALLOWED_HOSTS", "mcp.example.com")], "evil.example", 403),
    ] {
        let server = server(variables).await;
        let mut request = request(Method::GET, "/", host, BROWSER);
        if variables.contains(&LAMBDA) {
            request
                .extensions_mut()
                .insert(Ingress::behind_gateway(Deadline::after(Duration::from_secs(60)), Delivery::Stream));
        }
        assert_eq!(status(&server, request).await, expected, "{variables:?} {host}");
    }
}

#[tokio::test]
async fn the_policy_allows_the_one_script_the_one_style_and_no_other_server() {
    let server = server(&[("MCP_PATH", "/a\"b")]).await;
    let (_, headers, page) = asked(&server, request(Method::GET, "/", "localhost", BROWSER)).await;
    assert!(page.contains(r#"data-endpoint="/a&quot;b""#), "the path is no part of the document");
    let policy = headers["content-security-policy"].to_str().expect("text");
    for (tag, directive) in [("script", "script-src"), ("style", "style-src")] {
        let (_, rest) = page.split_once(&format!("<{tag}>")).expect(tag);
        let (content, rest) = rest.split_once(&format!("</{tag}>")).expect(tag);
        assert!(!rest.contains(&format!("<{tag}")), "one {tag}");
        let hash = STANDARD.encode(Sha256::digest(content));
        assert!(policy.contains(&format!("{directive} 'sha256-{hash}';")), "{policy}");
    }
    for part in ["default-src 'none'", "connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"] {
        assert!(policy.split("; ").any(|there| there == part), "{part} is not in {policy}");
    }
    assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
    for outside in ["src=\"http", "href=\"http", "url(http", "@import", "import("] {
        assert!(!page.contains(outside), "the page loads {outside}");
    }
    assert_eq!(
        (&headers["cache-control"], &headers["x-content-type-options"]),
        (&"no-store".parse().expect("a value"), &"nosniff".parse().expect("a value"))
    );
}

#[tokio::test]
async fn a_route_of_the_program_at_the_root_has_precedence() {
    let server = McpLambdaServer::builder(Shop)
        .config(Config::default())
        .route("/", async |_: Request<Body>| Response::new(String::from("the shop")))
        .build()
        .await
        .expect("a server");
    assert_eq!(asked(&server, request(Method::GET, "/", "localhost", BROWSER)).await.2, "the shop");
}

/// Where the endpoint has the path `/`, clients of it are served as before.
#[tokio::test]
async fn an_endpoint_at_the_root_stays_reachable() {
    let server = server(&[("MCP_PATH", "/")]).await;
    assert_eq!(status(&server, request(Method::GET, "/", "localhost", BROWSER)).await, 200);
    assert_eq!(status(&server, request(Method::GET, "/", "localhost", "text/event-stream")).await, 405);
}
