//! Hostile input: each refused with its status and code, each with one line in the log, and the next request served.
//!
//! A test binary of its own, because the log is captured for the whole process.

use std::time::Duration;

use mcp_lambda_server::config::SessionMode;
use serde_json::{Value, json};
use test_support::{
    McpRequest, World, call, environments_with, initialize,
    logs::warnings::{self, logged},
    request::STATELESS,
    stateless, stateless_with, text,
};

/// An environment whose log is read, and that refuses all it can.
fn watched() -> World {
    warnings::capture();
    let world = environments_with(1, |config| config.sessions.mode = Some(SessionMode::Required));
    logged();
    world
}

const NOT_JSON: (u16, i64) = (400, -32700);
const NO_REQUEST: (u16, i64) = (400, -32600);
const BAD_META: (u16, i64) = (400, -32602);
const BAD_PARAMS: (u16, i64) = (200, -32602);
const MISMATCH: (u16, i64) = (400, -32020);
const NO_METHOD: (u16, i64) = (404, -32601);

/// Sends what must be refused: with this status and code, one line in the log, and no harm to the next request.
async fn expect(world: &World, post: McpRequest, expected: (u16, i64), what: &str) -> String {
    // Equal refusals are logged once a second.
    tokio::time::advance(Duration::from_secs(1)).await;
    let reply = post.send(world.at(0)).await;
    let status = reply.status.as_u16();
    let body = reply.json().await;
    assert_eq!((status, body["error"]["code"].as_i64()), (expected.0, Some(expected.1)), "{what}: {body}");
    let mut lines = logged();
    assert_eq!(lines.len(), 1, "{what}: {lines:?}");
    let echo = call("echo", json!({ "message": "alive" })).send(world.at(0)).await;
    assert_eq!(text(echo).await, "alive", "after {what}");
    assert_eq!(logged(), [""; 0], "after {what}");
    lines.remove(0)
}

/// These bytes with the headers of a 2026-07-28 `tools/call` of `echo`.
fn raw(body: impl Into<Vec<u8>>) -> McpRequest {
    let post = McpRequest::bytes(body.into()).header("mcp-protocol-version", STATELESS);
    post.header("mcp-method", "tools/call").header("mcp-name", "echo")
}

fn echo() -> McpRequest {
    call("echo", json!({ "message": "hi" }))
}

fn echo_text() -> String {
    String::from_utf8(echo().body.to_vec()).expect("JSON")
}

/// The echo with a piece of its text replaced.
fn replaced(from: &str, to: &str) -> McpRequest {
    let text = echo_text();
    assert!(text.contains(from), "{text}");
    raw(text.replacen(from, to, 1))
}

#[tokio::test(start_paused = true)]
async fn every_truncation_of_a_message_is_a_parse_error() {
    let world = watched();
    let whole = echo_text();
    for end in 0..whole.len() {
        expect(&world, raw(&whole[..end]), NOT_JSON, &whole[..end]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_json_is_a_parse_error() {
    let world = watched();
    let whole = echo_text();
    let texts = [
        " ",
        "\n\n",
        "{",
        "nul",
        "undefined",
        "NaN",
        "{'jsonrpc':'2.0'}",
        "{\"jsonrpc\":\"2.0\",}",
        "// hi\n{}",
        "<xml/>",
        "jsonrpc=2.0&id=1",
        "\u{0}",
        "{}\u{0}",
        "{} {}",
        "[1,]",
        "{\"a\":NaN}",
        "{\"a\":0x10}",
        "{\"a\":01}",
        "{\"a\":\"\u{0}\"}",
        "{\"a\":\"\t\"}",
        "{\"a\":\"\\x\"}",
        "]",
        "}",
        "{\"a\"}",
    ];
    let around = [
        format!("{whole}x"),
        format!("{whole}{whole}"),
        format!("\u{feff}\u{feff}{whole}"),
        format!("{whole}\u{0}"),
        format!("data: {whole}\n\n"),
    ];
    for text in texts.into_iter().map(str::to_owned).chain(around) {
        expect(&world, raw(text.clone()), NOT_JSON, &text).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_utf8_is_a_parse_error() {
    let world = watched();
    let utf16: Vec<u8> = echo_text().encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut broken = echo_text().into_bytes();
    let middle = broken.len() / 2;
    broken[middle] = 0xff;
    let surrogate = echo_text().replacen("hi", "??", 1).into_bytes();
    let surrogate: Vec<u8> =
        surrogate.split(|byte| *byte == b'?').collect::<Vec<_>>().join(&b"\xed\xa0\x80"[..]);
    for bytes in [
        b"\xff".to_vec(),
        b"{\"a\":\"\xc0\xaf\"}".to_vec(),
        b"\xfe\xff\x00{".to_vec(),
        utf16,
        broken,
        surrogate,
    ] {
        let what = format!("{bytes:?}");
        expect(&world, raw(bytes), NOT_JSON, &what).await;
    }
}

#[tokio::test(start_paused = true)]
async fn json_that_is_no_message_is_an_invalid_request() {
    let world = watched();
    let texts = [
        "5",
        "\"text\"",
        "true",
        "null",
        "{}",
        "[]",
        "[[]]",
        "[5]",
        "[\"2.0\",1,\"tools/list\"]",
        "{\"jsonrpc\":\"2.0\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":1}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{},\"error\":{}}",
        "{\"id\":1,\"method\":\"tools/list\"}",
        "{\"jsonrpc\":2.0,\"id\":1,\"method\":\"tools/list\"}",
        "{\"jsonrpc\":\"2.0 \",\"id\":1,\"method\":\"tools/list\"}",
        "{\"jsonrpc\":null,\"id\":1,\"method\":\"tools/list\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":null}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":[\"tools/list\"]}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\\ud800\"}",
        "{\"jsonrpc\":\"2.0\",\"result\":{}}",
        "{\"JSONRPC\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}",
    ];
    for text in texts {
        expect(&world, raw(text), NO_REQUEST, text).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_id_of_another_kind_is_an_invalid_request() {
    let world = watched();
    let ids = [
        "null",
        "1.5",
        "1e-3",
        "1e400",
        "true",
        "{}",
        "[]",
        "{\"a\":1}",
        "9223372036854775808",
        "-9223372036854775809",
        "99999999999999999999999999",
        "\"\\ud800\"",
        "\"\\udc00\\ud800\"",
    ];
    for id in ids {
        expect(&world, replaced("\"id\":1", &format!("\"id\":{id}")), NO_REQUEST, id).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_huge_id_is_echoed_and_kept_out_of_the_log() {
    let world = watched();
    let id = "i".repeat(100_000);
    let post = stateless_with(json!(id), "no/such", json!({}), json!({})).header("mcp-method", "other");
    let line = expect(&world, post, MISMATCH, "a huge id").await;
    assert!(line.len() < 2000, "{} bytes", line.len());
}

#[tokio::test(start_paused = true)]
async fn nesting_deeper_than_the_limit_is_an_invalid_request() {
    let world = watched();
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    // The message, its params and its arguments are three levels.
    let deepest = replaced("\"hi\"", &nested(61));
    assert_eq!(deepest.send(world.at(0)).await.status, 200, "as deep as may be");
    for depth in [62, 200, 100_000] {
        expect(&world, replaced("\"hi\"", &nested(depth)), NO_REQUEST, "nested arguments").await;
        expect(&world, raw(nested(depth + 3)), NO_REQUEST, "nested arrays").await;
        expect(&world, raw("[".repeat(depth + 3)), NO_REQUEST, "open arrays").await;
        expect(&world, raw("{\"a\":".repeat(depth + 3)), NO_REQUEST, "open objects").await;
    }
    let in_text = replaced("hi", &"[{".repeat(500));
    assert_eq!(text(in_text.send(world.at(0)).await).await, "[{".repeat(500), "text does not nest");
}

#[tokio::test(start_paused = true)]
async fn a_key_given_twice_is_refused_wherever_it_decides_something() {
    let world = watched();
    let version = "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"";
    let twice = [
        ("\"id\":1", "\"id\":1,\"id\":1", NO_REQUEST),
        ("\"jsonrpc\":\"2.0\"", "\"jsonrpc\":\"2.0\",\"jsonrpc\":\"2.0\"", NO_REQUEST),
        ("\"method\":\"tools/call\"", "\"method\":\"tools/call\",\"method\":\"tools/list\"", NO_REQUEST),
        ("\"params\":{", "\"params\":{},\"params\":{", NO_REQUEST),
        ("\"_meta\":{", "\"_meta\":{},\"_meta\":{", BAD_META),
        ("\"name\":\"echo\"", "\"name\":\"echo\",\"name\":\"panic\"", BAD_META),
        (version, &format!("{version},{version}"), BAD_META),
    ];
    for (from, to, expected) in twice {
        expect(&world, replaced(from, to), expected, to).await;
    }
}

/// Keys can be written with escapes; a comparison of text instead of values would see another key.
#[tokio::test(start_paused = true)]
async fn an_escaped_key_is_the_same_key() {
    let world = watched();
    let same = replaced("\"name\":\"echo\"", "\"n\\u0061me\":\"ech\\u006f\"");
    assert_eq!(text(same.send(world.at(0)).await).await, "hi");
    let other = replaced("\"name\":\"echo\"", "\"n\\u0061me\":\"panic\"");
    expect(&world, other, MISMATCH, "an escaped key").await;
    let twice = replaced("\"name\":\"echo\"", "\"name\":\"echo\",\"n\\u0061me\":\"panic\"");
    expect(&world, twice, BAD_META, "an escaped key beside its twin").await;
}

#[tokio::test(start_paused = true)]
async fn params_of_another_kind_are_refused() {
    let world = watched();
    for params in [json!(5), json!("text"), json!(true), json!([]), json!([1, 2]), json!([{ "_meta": {} }])] {
        let post = echo().edit(|body| body["params"] = params.clone());
        expect(&world, post, BAD_META, &params.to_string()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn parameters_of_another_kind_are_invalid_params() {
    let world = watched();
    let wrong = [json!(5), json!(["x"]), json!(true), json!({ "a": 1 })];
    let places = [
        ("tools/call", "/name"),
        ("prompts/get", "/name"),
        ("resources/read", "/uri"),
        ("tools/list", "/cursor"),
        ("prompts/list", "/cursor"),
        ("resources/list", "/cursor"),
        ("resources/templates/list", "/cursor"),
        ("completion/complete", "/ref"),
        ("completion/complete", "/argument"),
        ("tools/call", "/requestState"),
    ];
    for (method, at) in places {
        for value in &wrong {
            let post =
                stateless(method, json!({ "name": "echo", "uri": "test://one" })).header("mcp-name", "echo");
            let post = post.edit(|body| body["params"][&at[1..]] = value.clone());
            let post = if method == "resources/read" { post.header("mcp-name", "test://one") } else { post };
            expect(&world, post, BAD_PARAMS, &format!("{method} {at} {value}")).await;
        }
    }
    for arguments in [json!(5), json!("x"), json!(["x"]), json!(true)] {
        let post = echo().edit(|body| body["params"]["arguments"] = arguments.clone());
        expect(&world, post, BAD_PARAMS, &format!("arguments {arguments}")).await;
    }
    for (method, name) in [("tools/call", "name"), ("prompts/get", "name"), ("resources/read", "uri")] {
        expect(&world, stateless(method, json!({})), BAD_PARAMS, &format!("{method} without {name}")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn numbers_and_texts_that_cannot_be_held_are_invalid_params() {
    let world = watched();
    for value in ["1e400", "-1e999", "\"\\ud800\"", "\"\\udfff\\ud800\"", "{\"\\ud800\":1}"] {
        expect(&world, replaced("\"hi\"", value), BAD_PARAMS, value).await;
    }
    expect(&world, replaced("\"name\":\"echo\"", "\"name\":\"\\ud800\""), BAD_PARAMS, "a name").await;
    let long = format!("0.{}", "1".repeat(100_000));
    assert_eq!(replaced("\"hi\"", &long).send(world.at(0)).await.status, 200, "a long number is a number");
}

#[tokio::test(start_paused = true)]
async fn unknown_methods_are_not_found_and_cannot_forge_log_lines() {
    let world = watched();
    let forged = "no\n2026-01-01 ERROR forged: line\u{1b}[31m";
    let post = stateless("x", json!({})).edit(|body| body["method"] = json!(forged));
    let line = expect(&world, post, MISMATCH, "a method with lines").await;
    assert!(!line.contains('\n') && !line.contains('\u{1b}'), "{line}");
    for method in ["no/such", "tools/unheard", "../../etc/passwd", "%s%n", "__proto__", "TOOLS/CALL"] {
        expect(&world, stateless(method, json!({})), NO_METHOD, method).await;
    }
    let long = "m".repeat(50_000);
    let line =
        expect(&world, stateless("x", json!({})).edit(|body| body["method"] = json!(long)), MISMATCH, "long")
            .await;
    assert!(line.len() < 2000, "{} bytes", line.len());
}

#[tokio::test(start_paused = true)]
async fn hostile_headers_are_header_mismatches() {
    let world = watched();
    let long = "n".repeat(60_000);
    let values: [&[u8]; 6] =
        [b"\xff\xfe", "écho".as_bytes(), b"\x80", long.as_bytes(), b"echo\techo", b"=?base64?\xc3\xa9?="];
    for name in ["mcp-method", "mcp-name", "mcp-protocol-version"] {
        for value in values {
            let post = echo().without(name).and_header(name, value);
            let line = expect(&world, post, MISMATCH, name).await;
            assert!(line.len() < 2000, "{} bytes", line.len());
        }
        for twice in [&b"echo"[..], b"", b"\xff"] {
            expect(&world, echo().and_header(name, twice), MISMATCH, name).await;
        }
    }
}

/// Header names a client made up, many of them and with anything in them, disturb nothing.
#[tokio::test(start_paused = true)]
async fn headers_that_are_not_read_are_not_validated() {
    let world = watched();
    let many = (0..80).fold(echo(), |post, n| post.and_header(&format!("mcp-param-x{n}"), b"\xff\xff"));
    let post = many.and_header("x-forwarded-host", b"evil.example").and_header("mcp-session-id", b"\xff");
    assert_eq!(text(post.send(world.at(0)).await).await, "hi");
    assert_eq!(logged(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn refusals_of_http_are_one_line_each() {
    let world = watched();
    let large = McpRequest { body: vec![b' '; 7_000_000].into(), ..echo() };
    let cases = [
        (echo().header("host", "evil.example"), 403),
        (echo().header("origin", "https://evil.example"), 403),
        (echo().header("content-type", "text/plain"), 415),
        (echo().header("accept", "text/html"), 406),
        (large, 413),
        (McpRequest::of(http::Method::PUT), 405),
        (McpRequest::of(http::Method::GET), 405),
    ];
    for (post, status) in cases {
        expect(&world, post, (status, -32600), "HTTP").await;
    }
    let long = format!("https://{}", "e".repeat(30_000));
    let line = expect(&world, echo().header("origin", &long), (403, -32600), "a long origin").await;
    assert!(line.len() < 2000, "{} bytes", line.len());
}

/// What is refused only by the handler's side is one line too.
#[tokio::test(start_paused = true)]
async fn refusals_behind_the_protocol_are_one_line_each() {
    let world = watched();
    let mirrored = call("mirrored", json!({ "region": "eu" }));
    let forged = echo().edit(|body| body["params"]["requestState"] = json!("forged"));
    expect(&world, mirrored, MISMATCH, "a param header").await;
    expect(&world, forged, BAD_PARAMS, "a forged state").await;
    expect(&world, call("needs_sampling", json!({})), (400, -32021), "a capability").await;
    expect(&world, call("none", json!({})), BAD_PARAMS, "an unknown tool").await;
    expect(&world, stateless("resources/read", json!({ "uri": "test://none" })), BAD_PARAMS, "a resource")
        .await;
    expect(&world, stateless("subscriptions/listen", json!({})), BAD_PARAMS, "a filter").await;
}

/// The same of the session era.
#[tokio::test(start_paused = true)]
async fn refusals_of_the_session_era_are_one_line_each() {
    const OLD: &str = "2025-11-25";
    let world = watched();
    let session = initialize(world.at(0), OLD, json!({})).await;
    let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
    let with = |method: &str, params: Value| {
        McpRequest::session(
            &session,
            OLD,
            &json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }),
        )
    };
    assert_eq!(logged(), [""; 0]);
    let cases = [
        (McpRequest::json(&list), (400, -32000)),
        (McpRequest::session("nonsense", OLD, &list), (404, -32001)),
        (McpRequest::session(&"0".repeat(32), OLD, &list), (404, -32001)),
        (McpRequest::session(&session, "2024-11-05", &list), NO_REQUEST),
        (McpRequest::session(&session, OLD, &json!([list])), NO_REQUEST),
        (McpRequest::session(&session, OLD, &list).and_header("mcp-session-id", b"x"), NO_REQUEST),
        (with("no/such", json!({})), (200, -32601)),
        (with("tools/call", json!({ "name": 5 })), BAD_PARAMS),
        (with("tools/call", json!(5)), BAD_PARAMS),
        (with("tools/call", json!(["echo"])), BAD_PARAMS),
        (McpRequest { body: "{".into(), ..with("x", json!({})) }, NOT_JSON),
    ];
    for (post, expected) in cases {
        let what = format!("{:?} {:?}", post.headers, post.body);
        expect(&world, post, expected, &what).await;
    }
}
