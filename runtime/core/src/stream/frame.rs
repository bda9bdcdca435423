//! What goes down a stream.

use std::time::Duration;

use bytes::Bytes;
use futures::stream::BoxStream;

use crate::ids::EventId;

/// One thing said on a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// A JSON-RPC message: one JSON object on one line. Only session-era streams have ids.
    Message {
        /// Where it stands, for `Last-Event-ID`.
        id: Option<EventId>,
        /// The message.
        json: Bytes,
    },
    /// The id-only event that opens a 2025-11-25 stream (SEP-1699).
    Priming(EventId),
    /// How long a client should wait before it reconnects.
    Retry(Duration),
    /// Keeps proxies and clients from thinking that nobody is there.
    KeepAlive,
}

/// A stream of frames. It never fails: once bytes have left, an error is a message.
pub type FrameStream = BoxStream<'static, Frame>;
