//! Compression of JSON answers.

use tower_http::compression::{
    CompressionLayer,
    predicate::{And, NotForContentType, Predicate, SizeAbove},
};

/// Below this many bytes compressing costs more than it saves.
const WORTH_IT: u64 = 1024;

/// gzip, or brotli where it is built in and the client prefers it; never for event streams, which must flow event by event.
pub(crate) fn layer() -> CompressionLayer<And<SizeAbove, NotForContentType>> {
    let worth_it = SizeAbove::new(WORTH_IT).and(NotForContentType::const_new("text/event-stream"));
    CompressionLayer::new().compress_when(worth_it)
}
