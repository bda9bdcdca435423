//! What holds for any input: reading never panics, what is written is read back.

use std::fmt::Write as _;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use mcp_lambda_core::protocol::{Limits, Rejection, headers, read};
use mcp_lambda_core::{
    http::sse::{encode, event},
    stream::Frame,
};
use mcp_lambda_server::{
    Config,
    config::VARIABLES,
    session::SessionId,
    stream::{EventId, LogCursor, LogPosition, SessionTag, StreamId},
};
use proptest::{collection, prelude::*, sample};
use serde_json::{Map, Value, json};

use test_support::sse;

const HEADERS: [&str; 7] = [
    "mcp-protocol-version",
    "mcp-method",
    "mcp-name",
    "mcp-session-id",
    "last-event-id",
    "mcp-param-region",
    "accept",
];

fn any_headers() -> impl Strategy<Value = HeaderMap> {
    let value = prop_oneof![
        collection::vec(
            any::<u8>().prop_filter("a header byte", |byte| *byte != 127 && (*byte >= 32 || *byte == 9)),
            0..40
        ),
        sample::select(vec![
            "2026-07-28",
            "2025-11-25",
            "2099-01-01",
            "tools/call",
            "echo",
            "=?base64?ZWNobw==?=",
            "=?base64??="
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
    ];
    collection::vec((sample::select(HEADERS.to_vec()), value), 0..8).prop_map(|list| {
        let mut headers = HeaderMap::new();
        for (name, value) in list {
            headers.append(HeaderName::from_static(name), HeaderValue::from_bytes(&value).expect("a value"));
        }
        headers
    })
}

fn any_place_in_the_log() -> impl Strategy<Value = EventId> {
    let place = || (any::<u64>(), 0..3_u8).prop_map(|(seq, sent)| LogPosition { seq, sent });
    let tag = "[0-9a-f]{8}".prop_map(|text| text.parse::<SessionTag>().expect("a tag"));
    (tag, place(), place(), place()).prop_map(|(tag, global, session, principal)| EventId::Log {
        session: tag,
        cursor: LogCursor { global, session, principal },
    })
}

/// JSON of any shape, a little deep.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        ".{0,12}".prop_map(Value::from),
        sample::select(vec!["2.0", "2026-07-28", "tools/call", "echo"]).prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            collection::vec((any_key(), inner), 0..6)
                .prop_map(|list| Value::Object(list.into_iter().collect())),
        ]
    })
}

fn any_key() -> impl Strategy<Value = String> {
    let known = [
        "jsonrpc",
        "id",
        "method",
        "params",
        "result",
        "error",
        "_meta",
        "name",
        "uri",
        "arguments",
        "taskId",
        "io.modelcontextprotocol/protocolVersion",
        "io.modelcontextprotocol/clientCapabilities",
        "io.modelcontextprotocol/logLevel",
        "extensions",
    ];
    prop_oneof![3 => sample::select(known.to_vec()).prop_map(str::to_owned), 1 => ".{0,8}"]
}

fn valid() -> Value {
    json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {
            "name": "echo", "arguments": { "message": "hi" },
            "_meta": {
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientCapabilities": {},
            },
        },
    })
}

/// A refusal is an error that a client can read, and of a code that MCP knows.
fn renders(rejection: &Rejection) -> Result<(), TestCaseError> {
    let error = serde_json::to_value(rejection.fault.to_error()).expect("an error is JSON");
    let code = error["code"].as_i64().unwrap_or_default();
    let known = [-32700, -32600, -32602, -32020, -32022];
    prop_assert!(known.contains(&code), "{error}");
    prop_assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()));
    Ok(())
}

fn check(headers: &HeaderMap, body: &[u8]) -> Result<(), TestCaseError> {
    match read::post(headers, &Bytes::copy_from_slice(body), Limits::default()) {
        Ok(_) => Ok(()),
        Err(rejection) => renders(&rejection),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn reading_any_bytes_never_panics(headers in any_headers(), body in collection::vec(any::<u8>(), 0..300)) {
        check(&headers, &body)?;
    }

    #[test]
    fn reading_any_json_never_panics(headers in any_headers(), body in any_json()) {
        check(&headers, body.to_string().as_bytes())?;
    }

    #[test]
    fn reading_a_mutated_message_never_panics(
        headers in any_headers(),
        at in any::<sample::Index>(),
        byte in any::<u8>(),
        cut in any::<sample::Index>(),
        insert in any::<bool>(),
    ) {
        let mut body = valid().to_string().into_bytes();
        let at = at.index(body.len());
        if insert { body.insert(at, byte) } else { body[at] = byte }
        check(&headers, &body)?;
        body.truncate(cut.index(body.len()));
        check(&headers, &body)?;
    }

    #[test]
    fn reading_a_message_with_any_part_replaced_never_panics(
        headers in any_headers(), path in sample::select(vec![
            "/jsonrpc", "/id", "/method", "/params", "/params/name", "/params/arguments", "/params/_meta",
            "/params/_meta/io.modelcontextprotocol~1protocolVersion",
            "/params/_meta/io.modelcontextprotocol~1clientCapabilities",
        ]),
        part in any_json(),
    ) {
        let mut body = valid();
        *body.pointer_mut(path).expect("a part") = part;
        check(&headers, body.to_string().as_bytes())?;
    }

    /// Any text, in lines of any kind: a parser sees the same lines, joined by LF as the standard says.
    #[test]
    fn an_event_carries_any_text(text in any_text(), id in proptest::option::of("[!-~]{1,40}")) {
        let events = sse::parse(&event(id.as_deref(), text.as_bytes()));
        prop_assert_eq!(events.len(), 1);
        let lines = text.replace("\r\n", "\n").replace('\r', "\n");
        prop_assert_eq!(events[0].data.as_deref(), Some(lines.as_str()));
        prop_assert_eq!(&events[0].id, &id);
    }

    /// Line ends and fields of the format itself are nothing special.
    #[test]
    fn an_event_carries_text_that_looks_like_events(text in "(data: |id: |event: |retry: |: |\r\n|\n|\r|\n\n|x| |\u{feff}){0,20}") {
        let events = sse::parse(&event(None, text.as_bytes()));
        prop_assert_eq!(events.len(), 1);
        prop_assert_eq!(events[0].data.clone(), Some(text.replace("\r\n", "\n").replace('\r', "\n")));
        prop_assert_eq!((&events[0].id, &events[0].retry, &events[0].event), (&None, &None, &Some("message".to_owned())));
    }

    /// A message is one line of JSON, so it is one event, with any text in it.
    #[test]
    fn a_message_is_one_event(message in any_json(), id in any_place_in_the_log()) {
        let message = message.to_string();
        let frame = Frame::Message { id: Some(id.clone()), json: Bytes::from(message.clone()) };
        let events = sse::parse(&encode(&frame));
        prop_assert_eq!(events.len(), 1);
        prop_assert_eq!(events[0].data.as_deref(), Some(message.as_str()));
        prop_assert_eq!(events[0].id.as_deref().map(str::parse), Some(Ok(id)));
    }

    #[test]
    fn a_position_in_the_log_is_read_back(id in any_place_in_the_log()) {
        prop_assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn a_position_in_a_reply_is_read_back(seq in any::<u64>()) {
        let id = EventId::Reply { stream: StreamId::random(), seq };
        prop_assert_eq!(id.to_string().parse(), Ok(id));
    }

    /// A position that is read is the same when it is written, and only digits are numbers.
    #[test]
    fn a_position_that_is_read_is_written_back(text in "(log|[0-9a-f]{32}|.{0,4})([.]|[+-]|[0-9]{1,25}|.){0,6}") {
        if let Ok(id) = text.parse::<EventId>() {
            prop_assert_eq!(id.to_string().parse(), Ok(id));
            prop_assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte)), "{}", text);
        }
    }

    #[test]
    fn a_session_id_is_thirty_two_hex_digits(text in "([0-9a-f]{31,33}|[0-9A-Fa-g]{32}|.{0,40})") {
        let ours = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        prop_assert_eq!(text.parse::<SessionId>().is_ok(), ours);
        if let Ok(id) = text.parse::<SessionId>() {
            prop_assert_eq!(id.as_str(), text.as_str());
        }
    }

    #[test]
    fn a_configuration_never_panics(values in collection::vec(any_setting(), VARIABLES.len())) {
        let lookup = |name: &str| {
            let at = VARIABLES.iter().position(|variable| variable.name == name || variable.alias == Some(name))?;
            values[at].clone()
        };
        match Config::from_lookup(lookup) {
            Ok(config) => prop_assert!(config.path.starts_with('/')),
            Err(error) => prop_assert!(VARIABLES.iter().any(|variable| variable.name == error.variable()), "{}", error),
        }
    }

    /// A mirrored text matches when it is the same, plain or encoded, and only then.
    #[test]
    fn a_param_header_matches_exactly_its_text(text in any_text(), other in any_text()) {
        let arguments = object(&json!({ "region": text }));
        prop_assert!(mirrors("string", &encoded(&text), &arguments));
        if is_plain(&text) {
            prop_assert!(mirrors("string", &text, &arguments));
        }
        prop_assert_eq!(mirrors("string", &encoded(&other), &arguments), other == text);
    }

    #[test]
    fn a_param_header_matches_exactly_its_integer(number in any::<i64>(), other in any::<i64>(), near in -2_i64..=2) {
        let arguments = object(&json!({ "region": number }));
        prop_assert!(mirrors("integer", &number.to_string(), &arguments));
        prop_assert_eq!(mirrors("integer", &other.to_string(), &arguments), other == number);
        let near = number.saturating_add(near);
        prop_assert_eq!(mirrors("integer", &near.to_string(), &arguments), near == number);
    }

    #[test]
    fn a_name_header_matches_exactly_its_name(name in any_text(), other in any_text()) {
        let check = |header: &str| {
            let mut map = HeaderMap::new();
            map.insert("mcp-name", header.parse().expect("a value"));
            headers::check_name(&map, "name", &name).is_ok()
        };
        prop_assert!(check(&encoded(&name)));
        prop_assert_eq!(check(&encoded(&other)), other == name);
    }
}

/// Any text at all, control characters too.
fn any_text() -> impl Strategy<Value = String> {
    collection::vec(any::<char>(), 0..60).prop_map(String::from_iter)
}

fn any_setting() -> impl Strategy<Value = Option<String>> {
    let known = [
        "",
        " ",
        "0",
        "1",
        "-1",
        "18446744073709551615",
        "1.5",
        "on",
        "OFF",
        "*",
        "/mcp",
        "json",
        "stream",
        "k:",
        "a:b,c:d",
        "127.0.0.1:0",
    ];
    proptest::option::of(prop_oneof![sample::select(known.to_vec()).prop_map(str::to_owned), ".{0,20}"])
}

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().expect("an object")
}

fn mirrors(kind: &str, header: &str, arguments: &Map<String, Value>) -> bool {
    let schema = object(&json!({ "properties": { "region": { "type": kind, "x-mcp-header": "Region" } } }));
    let mut map = HeaderMap::new();
    map.insert("mcp-param-region", header.parse().expect("a value"));
    headers::check_params(&map, &schema, Some(arguments)).is_ok()
}

/// What a client may send as it is: visible ASCII and blanks inside, and nothing that looks encoded.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| (0x20..0x7f).contains(&byte))
        && text.trim() == text
        && !text.starts_with("=?base64?")
}

/// Base64 after RFC 4648, written here so that the encoder of the code under test is not asked.
fn encoded(text: &str) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::from("=?base64?");
    for chunk in text.as_bytes().chunks(3) {
        let bits =
            chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for at in 0..4 {
            let character =
                if at <= chunk.len() { LETTERS[(bits >> (18 - 6 * at)) as usize & 63] as char } else { '=' };
            write!(out, "{character}").expect("a string takes everything");
        }
    }
    out + "?="
}
