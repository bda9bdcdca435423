//! Property tests for every parser of untrusted input: no panic, and never slower than [`DEADLINE`].
//!
//! `cargo test` tries a few hundred inputs of each kind; `scripts/fuzz` tries any number. The corpus is in
//! `runtime/fuzz`; an input that failed is kept in `proptest-regressions` and tried first from then on.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;
use tokio::time::Instant;

#[path = "../../../tests/it/mutated.rs"]
pub(crate) mod mutated;

use self::mutated::{corpus, mutated};
use crate::{
    http::sse,
    ids::EventId,
    protocol::{self, Limits, headers},
};

/// No input of a few kilobytes may take longer, in a build that was not optimised and on a busy machine.
const DEADLINE: Duration = Duration::from_secs(2);

/// Runs something with an input and measures how long it takes.
pub(crate) fn in_time<T>(work: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let outcome = work();
    let took = started.elapsed();
    assert!(took < DEADLINE, "it took {took:?}");
    outcome
}

/// A request as text: lines of headers, an empty line, a body.
pub(crate) fn request(input: &[u8]) -> (HeaderMap, Bytes) {
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

proptest! {
    /// Headers and bodies, to a call or a reason.
    #[test]
    fn any_request_is_read(input in mutated(corpus(&["../fuzz/protocol"]))) {
        let (headers, body) = request(&input);
        let read = in_time(|| protocol::read::post(&headers, &body, Limits::default()));
        if let Err(rejection) = read {
            prop_assert!(!rejection.fault.to_string().is_empty());
        }
        let _ = headers::check_name(&headers, "name", "echo");
    }

    /// A client reads the same data from an encoded event; and event ids of clients are read.
    #[test]
    fn any_data_is_one_event(input in mutated(corpus(&["../fuzz/sse"]))) {
        let text = in_time(|| sse::event(Some("7"), &input));
        prop_assert!(text.ends_with(b"\n\n"));
        prop_assert_eq!(text.windows(2).filter(|two| two == b"\n\n").count(), 1, "one event and no more");
        prop_assert!(!text[..text.len() - 2].contains(&b'\r'), "no other ends of lines");
        let _ = String::from_utf8_lossy(&input).parse::<EventId>();
    }
}
