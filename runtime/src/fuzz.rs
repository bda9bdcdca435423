//! Everything that reads what a stranger wrote, fed with what a stranger could write: nothing panics, nothing takes long.
//!
//! `cargo test` tries a few hundred inputs of each kind; `scripts/fuzz` as many as it is told. The corpus is in
//! `runtime/fuzz` and `tests/fixtures/events`; an input that failed is kept in `runtime/proptest-regressions` and tried first
//! from then on.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;
use rmcp::ServerHandler;
use tokio::time::Instant;

#[path = "../../tests/it/mutated.rs"]
mod mutated;

use self::mutated::{corpus, mutated};
use crate::{
    Config, McpLambdaServer,
    auth::{AuthConfig, JwtConfig},
    http::sse,
    protocol::{self, Limits, headers},
    stream::EventId,
};

/// No input of a few kilobytes may take longer, in a build that was not optimised and on a busy machine.
const DEADLINE: Duration = Duration::from_secs(2);

const EVENTS: &str = "../tests/fixtures/events";

/// Runs something with an input and measures how long it takes.
fn in_time<T>(work: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let outcome = work();
    let took = started.elapsed();
    assert!(took < DEADLINE, "it took {took:?}");
    outcome
}

/// A request as text: lines of headers, an empty line, a body.
fn request(input: &[u8]) -> (HeaderMap, Bytes) {
    let split = input.windows(2).position(|two| two == b"\n\n");
    let (head, body) = split.map_or((input, &input[input.len()..]), |at| (&input[..at], &input[at + 2..]));
    let mut map = HeaderMap::new();
    for line in head.split(|byte| *byte == b'\n') {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
            map.append(name, value);
        }
    }
    (map, Bytes::copy_from_slice(body))
}

#[derive(Clone)]
struct Nothing;

impl ServerHandler for Nothing {}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

proptest! {
    /// Events, to the bytes that Lambda is told.
    #[cfg(feature = "lambda")]
    #[test]
    fn any_event_is_answered(inputs in proptest::collection::vec(mutated(corpus(&[EVENTS, "fuzz/invocation"])), 16)) {
        let config = Config { streams: crate::config::StreamConfig { enabled: false, ..Config::default().streams }, ..Config::default() };
        let server = McpLambdaServer::new(Nothing).config(config).build().expect("a server");
        runtime().block_on(async {
            for input in inputs {
                let started = Instant::now();
                let answer = tokio::time::timeout(DEADLINE, crate::lambda::answer_to(&server, input.clone().into())).await;
                prop_assert!(answer.is_ok(), "still not answered: {}", String::from_utf8_lossy(&input));
                prop_assert!(started.elapsed() < DEADLINE, "took {:?}: {}", started.elapsed(), String::from_utf8_lossy(&input));
            }
            Ok(())
        })?;
    }

    /// Headers and bodies, to a call or a reason.
    #[test]
    fn any_request_is_read(input in mutated(corpus(&["fuzz/protocol"]))) {
        let (headers, body) = request(&input);
        let read = in_time(|| protocol::read(&headers, &body, Limits::default()));
        if let Err(rejection) = read {
            prop_assert!(!rejection.fault.to_string().is_empty());
        }
        let _ = headers::check_name(&headers, "name", "echo");
    }

    /// What goes out as an event comes in as the same data, whatever is in it; and ids that come back are read.
    #[test]
    fn any_data_is_one_event(input in mutated(corpus(&["fuzz/sse"]))) {
        let text = in_time(|| sse::event(Some("7"), &input));
        prop_assert!(text.ends_with(b"\n\n"));
        prop_assert_eq!(text.windows(2).filter(|two| two == b"\n\n").count(), 1, "one event and no more");
        prop_assert!(!text[..text.len() - 2].contains(&b'\r'), "no other ends of lines");
        let _ = String::from_utf8_lossy(&input).parse::<EventId>();
    }

    /// What fronts say of a caller.
    #[cfg(feature = "lambda")]
    #[test]
    fn any_authorizer_context_is_read(input in mutated(corpus(&["fuzz/context"]))) {
        use crate::auth::{HEADER_PREFIX, Shape, GatewayIdentity};
        let text = String::from_utf8_lossy(&input);
        for (shape, identity) in [(Shape::V1, None), (Shape::V1, Some(&*text)), (Shape::V2, None)] {
            let authorizer = identity.is_none().then_some(&*text);
            if let Some(identity) = in_time(|| GatewayIdentity::read(shape, authorizer, identity)) {
                let key = identity.principal.key();
                prop_assert!(key == "anonymous" || key.contains('|'), "{}", key);
                let mut headers = HeaderMap::new();
                identity.forward(&mut headers);
                prop_assert!(headers.keys().all(|name| name.as_str().starts_with(HEADER_PREFIX)));
            }
        }
    }

    /// Tokens and keys. None of these is signed by a key that counts, so none comes in.
    #[cfg(feature = "jwt")]
    #[test]
    fn any_token_is_judged(input in mutated(corpus(&["fuzz/token"]))) {
        let (mut headers, document) = request(&input);
        if let Ok(whole) = HeaderValue::from_bytes(&input) {
            headers.append(http::header::AUTHORIZATION, whole);
        }
        let auth = AuthConfig::tokens(JwtConfig::new("https://issuer.example.com", "mcp"));
        in_time(|| crate::auth::fuzz_token(&auth, &headers, &document));
    }
}
