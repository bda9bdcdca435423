//! Compression of JSON responses.

use tower_http::compression::{
    CompressionLayer,
    predicate::{And, NotForContentType, Predicate, SizeAbove},
};

/// The smallest response that is compressed, in bytes: below it compression costs more than it saves.
const SMALLEST: u64 = 1024;

/// Compresses with gzip, or with brotli where it is built in and the client prefers it. Event streams are never
/// compressed, because each event must be sent at once.
pub(crate) fn layer() -> CompressionLayer<And<SizeAbove, NotForContentType>> {
    let predicate = SizeAbove::new(SMALLEST).and(NotForContentType::const_new("text/event-stream"));
    CompressionLayer::new().compress_when(predicate)
}
