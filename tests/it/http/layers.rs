//! Paths, layers, compression and limits around the endpoint.

use std::sync::{Arc, Mutex};

use http::{Method, Request, Response};
use http_body_util::Full;
use mcp_lambda_server::{Body, Principal, http::BoxError};
use serde_json::{Value, json};
use test_support::{
    McpRequest, Reply, call, environment, environments::world, environments_with, refused, stateless, text,
};
use tower::{
    layer::util::Stack,
    util::{MapRequestLayer, MapResponseLayer},
};

fn echo() -> McpRequest {
    call("echo", json!({ "message": "hi" }))
}

async fn pong(request: Request<Body>) -> Response<Full<bytes::Bytes>> {
    Response::new(Full::from(format!("{} {}", request.method(), request.uri().path())))
}

/// A user's route, which has its own rules about methods and bodies.
#[tokio::test(start_paused = true)]
async fn a_route_is_asked_before_the_endpoint_and_by_its_exact_path() {
    let world = world(1, |_| {}, |builder| builder.route("/health", pong));
    let get = |path: &str| McpRequest::of(Method::GET).path(path);
    let reply = get("/health?deep=1").send(world.at(0)).await;
    assert_eq!((reply.status.as_u16(), reply.bytes().await.as_ref()), (200, &b"GET /health"[..]));
    for path in ["/", "/health/", "/Health", "/mcp/x"] {
        assert_eq!(get(path).send(world.at(0)).await.status, 404, "{path}");
    }
    assert_eq!(text(echo().send(world.at(0)).await).await, "hi");
}

#[tokio::test(start_paused = true)]
async fn another_path_moves_the_endpoint() {
    let world = environments_with(1, |config| config.path = "/v1/tools".into());
    assert_eq!(echo().send(world.at(0)).await.status, 404);
    assert_eq!(text(echo().path("/v1/tools?key=value").send(world.at(0)).await).await, "hi");
}

type Notes = Arc<Mutex<Vec<String>>>;

/// A layer that notes its name on the way in and on the way out.
macro_rules! noting {
    ($name:literal, $notes:expr) => {{
        let (coming, going) = (Arc::clone($notes), Arc::clone($notes));
        let note = |notes: &Notes, text: &str| notes.lock().unwrap().push(text.to_owned());
        Stack::new(
            MapRequestLayer::new(move |request: Request<Body>| {
                note(&coming, concat!($name, " in"));
                request
            }),
            MapResponseLayer::new(move |response: Response<Body>| {
                note(&going, concat!($name, " out"));
                response
            }),
        )
    }};
}

/// The layer added first sees a request first and its response last; routes are behind the layers too.
#[tokio::test(start_paused = true)]
async fn layers_nest_in_the_order_they_were_added() {
    let notes = Notes::default();
    let world = world(
        1,
        |_| {},
        |builder| {
            builder.layer(noting!("first", &notes)).route("/health", pong).layer(noting!("second", &notes))
        },
    );
    for post in [echo(), McpRequest::of(Method::GET).path("/health")] {
        assert_eq!(post.send(world.at(0)).await.status, 200);
        assert_eq!(
            std::mem::take(&mut *notes.lock().unwrap()),
            ["first in", "second in", "second out", "first out"]
        );
    }
}

/// How authentication enters: a layer says who calls, and tools see it.
#[tokio::test(start_paused = true)]
async fn a_layer_names_the_caller() {
    let authenticate = MapRequestLayer::new(|mut request: Request<Body>| {
        if let Some(user) = request.headers().get("x-user").and_then(|user| user.to_str().ok()) {
            let principal = Principal::new("https://issuer.example", user);
            request.extensions_mut().insert(principal);
        }
        request
    });
    let world = world(1, |_| {}, |builder| builder.layer(authenticate.clone()));
    for (user, expected) in [(Some("ada"), "https://issuer.example|ada"), (None, "anonymous")] {
        let post = call("who", json!({}));
        let post = user.map_or(post.clone(), |user| post.header("x-user", user));
        let seen: Value = serde_json::from_str(&text(post.send(world.at(0)).await).await).expect("JSON");
        assert_eq!(seen["principal"], expected);
    }
}

/// A layer that fails is answered for, without its words.
#[tokio::test(start_paused = true)]
async fn a_layer_that_fails_is_an_internal_error_without_its_cause() {
    let failing = tower::util::MapResultLayer::new(|_: Result<Response<Body>, BoxError>| {
        Err::<Response<Body>, BoxError>("the password is swordfish".into())
    });
    let world = world(1, |_| {}, |builder| builder.layer(failing.clone()));
    let reply = echo().send(world.at(0)).await;
    assert_eq!(reply.status, 500);
    assert!(!String::from_utf8_lossy(&reply.bytes().await).contains("swordfish"));
}

fn big(bytes: usize) -> McpRequest {
    call("big", json!({ "bytes": bytes })).header("accept-encoding", "gzip, br")
}

async fn encoding(post: McpRequest) -> Option<String> {
    post.send(environment().at(0)).await.header("content-encoding").map(str::to_owned)
}

#[tokio::test(start_paused = true)]
async fn json_above_a_kibibyte_is_compressed_when_the_client_accepts_it() {
    assert!(matches!(encoding(big(4096)).await.as_deref(), Some("br" | "gzip")));
    assert_eq!(encoding(big(4096).header("accept-encoding", "gzip")).await.as_deref(), Some("gzip"));
    assert_eq!(encoding(big(16)).await, None);
    for accept in ["identity", "gzip;q=0", "zstd", ""] {
        assert_eq!(encoding(big(4096).header("accept-encoding", accept)).await, None, "{accept}");
    }
    assert_eq!(encoding(big(4096).without("accept-encoding")).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_server_with_the_brotli_feature_compresses_with_it() {
    assert_eq!(encoding(big(4096).header("accept-encoding", "br")).await.as_deref(), Some("br"));
}

#[tokio::test(start_paused = true)]
async fn compression_can_be_switched_off() {
    let world = environments_with(1, |config| config.compression = false);
    assert_eq!(big(4096).send(world.at(0)).await.header("content-encoding"), None);
}

/// An encoder would hold events back until it has a block's worth.
#[tokio::test(start_paused = true)]
async fn an_event_stream_is_never_compressed() {
    let reply = big(100_000).header("accept", "text/event-stream").send(environment().at(0)).await;
    assert_eq!((reply.is_stream(), reply.header("content-encoding")), (true, None));
    assert!(reply.bytes().await.len() > 100_000);
}

/// A body whose length is not known beforehand, in chunks of this size.
async fn chunked(bytes: usize, limit: usize) -> Reply {
    use http_body_util::{BodyExt, StreamBody};
    let chunks = (0..bytes.div_ceil(1000))
        .map(|_| Ok::<_, BoxError>(http_body::Frame::data(bytes::Bytes::from(vec![b' '; 1000]))));
    let body = StreamBody::new(futures::stream::iter(chunks)).boxed_unsync();
    let request = echo().request().map(|_| body);
    let world = environments_with(1, |config| config.max_body = limit);
    Reply::of(world.at(0).handle(request).await)
}

#[tokio::test(start_paused = true)]
async fn a_body_over_the_limit_is_too_large_whether_declared_or_not() {
    let world = environments_with(1, |config| config.max_body = 1000);
    let declared = McpRequest { body: vec![b' '; 1001].into(), ..echo() };
    let (status, _, body) = refused(declared.send(world.at(0)).await).await;
    assert_eq!((status, body.get("id")), (413, None));
    assert!(body.to_string().contains("MCP_MAX_BODY_BYTES"), "{body}");
    assert_eq!(refused(chunked(4000, 3999).await).await.0, 413);
    let (status, code, _) = refused(chunked(4000, 4000).await).await;
    assert_eq!((status, code), (400, -32700), "at the limit it is read, and blanks are no JSON");
}

/// A body that never ends is not waited for longer than the request may run.
#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_arrive_in_time_is_a_request_timeout() {
    use http_body_util::{BodyExt, StreamBody};
    let body =
        StreamBody::new(futures::stream::pending::<Result<http_body::Frame<bytes::Bytes>, BoxError>>())
            .boxed_unsync();
    let request = echo().request().map(|_| body);
    let began = tokio::time::Instant::now();
    let world = environments_with(1, |config| config.request_timeout = std::time::Duration::from_secs(7));
    assert_eq!(world.at(0).handle(request).await.status(), 408);
    assert_eq!(began.elapsed().as_secs(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_breaks_off_is_a_bad_request() {
    use http_body_util::{BodyExt, StreamBody};
    let broken = futures::stream::iter([Err::<http_body::Frame<bytes::Bytes>, BoxError>("reset".into())]);
    let request = echo().request().map(|_| StreamBody::new(broken).boxed_unsync());
    assert_eq!(environment().at(0).handle(request).await.status(), 400);
}

/// A route or a layer that fails does not stop the endpoint.
#[tokio::test(start_paused = true)]
async fn the_endpoint_answers_while_a_route_waits() {
    let world = world(
        1,
        |_| {},
        |builder| builder.route("/never", |_: Request<Body>| std::future::pending::<Response<Body>>()),
    );
    let never = McpRequest::of(Method::GET).path("/never").send(world.at(0));
    tokio::select! {
        _ = never => panic!("it never answers"),
        reply = stateless("tools/list", json!({})).send(world.at(0)) => assert_eq!(reply.status, 200),
    }
}

/// A layer may trust these headers: only the server writes them.
#[tokio::test(start_paused = true)]
async fn a_layer_never_sees_an_authorizer_header_that_a_client_wrote() {
    let notes = Notes::default();
    let seen = Arc::clone(&notes);
    let look = MapRequestLayer::new(move |request: Request<Body>| {
        let names = request.headers().keys().map(ToString::to_string);
        seen.lock().unwrap().extend(names.filter(|name| name.starts_with("x-authorizer")));
        request
    });
    let world = world(1, |_| {}, |builder| builder.layer(look.clone()));
    let post = echo()
        .and_header("x-authorizer-user_id", b"forged")
        .and_header("X-Authorizer-User_Id", b"twice")
        .header("x-authorizer", "not one of them");
    assert_eq!(post.send(world.at(0)).await.status, 200);
    assert_eq!(*notes.lock().unwrap(), ["x-authorizer"]);
}
