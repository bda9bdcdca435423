//! Ids of traces and spans. They come from the operating system when they are needed: the generator of the SDK keeps its state
//! in memory, so that two environments that Lambda restores of one snapshot would make the same ids.

use mcp_lambda_core::random;
use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry_sdk::trace::IdGenerator;

/// Makes ids.
#[derive(Debug)]
pub(crate) struct Ids;

impl IdGenerator for Ids {
    fn new_trace_id(&self) -> TraceId {
        random_trace_id()
    }

    fn new_span_id(&self) -> SpanId {
        SpanId::from_bytes(random_bytes())
    }
}

/// A random id of a trace.
#[doc(hidden)]
#[must_use]
pub fn random_trace_id() -> TraceId {
    TraceId::from_bytes(random_bytes())
}

/// Up to 28 random bytes.
fn random_bytes<const LENGTH: usize>() -> [u8; LENGTH] {
    // A key is two UUIDs, whose version and variant are not random.
    let random = random::key().into_iter().enumerate().filter(|(at, _)| !matches!(at % 16, 6 | 8));
    let mut bytes = [0; LENGTH];
    for (byte, (_, random)) in bytes.iter_mut().zip(random) {
        *byte = random;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// A sampler by ratio reads any bits of an id, so no bit may be the same in all.
    #[test]
    fn every_bit_of_an_id_is_random() {
        let ids: Vec<_> = (0..200).map(|_| random_trace_id()).collect();
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
        let (mut ones, mut zeros) = ([0_u8; 16], [0_u8; 16]);
        for id in &ids {
            for (at, byte) in id.to_bytes().into_iter().enumerate() {
                ones[at] |= byte;
                zeros[at] |= !byte;
            }
        }
        assert_eq!((ones, zeros), ([0xff; 16], [0xff; 16]));
        assert_ne!(Ids.new_span_id(), Ids.new_span_id());
    }
}
