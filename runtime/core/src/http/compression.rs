//! Compression of JSON responses.

use futures::{FutureExt, TryFutureExt};
use http::{HeaderMap, HeaderValue, header};
use http_body_util::BodyExt;
use tower::{Layer, Service};
use tower_http::compression::{
    CompressionLayer,
    predicate::{NotForContentType, Predicate, SizeAbove},
};

use super::{McpService, body::BoxError};

/// The smallest response that is compressed, in bytes: below it compression costs more than it saves.
const SMALLEST: u64 = 1024;

/// Compresses with gzip, or with brotli where it is built in and the client prefers it. Event streams are never
/// compressed, because each event must be sent at once.
pub(crate) fn compressed(inner: McpService) -> McpService {
    let predicate = SizeAbove::new(SMALLEST).and(NotForContentType::const_new("text/event-stream"));
    // Always ready, as what it is around.
    let service = CompressionLayer::new().compress_when(predicate).layer(inner);
    McpService::new(move |mut request| {
        allow_identity(request.headers_mut());
        let response = service.clone().call(request);
        response.map_ok(|response| response.map(|body| body.map_err(BoxError::from).boxed_unsync())).boxed()
    })
}

/// Drops the refusal of an unencoded response. The layer would answer 406 where it supports no coding that is left, and
/// by then the work is done. A response without a coding is what <https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3>
/// allows instead (read 2026-11-26).
fn allow_identity(headers: &mut HeaderMap) {
    let refuses = |value: &HeaderValue| {
        value.to_str().is_ok_and(|text| text.contains("identity") || text.contains('*'))
    };
    if headers.get_all(header::ACCEPT_ENCODING).iter().any(refuses) {
        let accepted: Vec<_> = headers.get_all(header::ACCEPT_ENCODING).iter().cloned().collect();
        // The layer reads the first of two values for one coding.
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity;q=0.001"));
        for value in accepted {
            headers.append(header::ACCEPT_ENCODING, value);
        }
    }
}
