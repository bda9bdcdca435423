//! The items of a reply stream.

use std::time::Duration;

use bytes::Bytes;
use futures::stream::BoxStream;

use crate::ids::EventId;

/// An item of a reply stream, before it is written as a server-sent event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// A JSON-RPC message: one JSON object on one line.
    Message {
        /// Position after the message, for `Last-Event-ID`. Only session-era streams have it.
        id: Option<EventId>,
        /// The message.
        json: Bytes,
    },
    /// The event without data that opens a 2025-11-25 stream (SEP-1699).
    Priming(EventId),
    /// How long the client should wait before it reconnects.
    Retry(Duration),
    /// A comment that keeps proxies and clients from timing out.
    KeepAlive,
}

/// A stream of frames. It never fails: an error after the first byte is a message.
pub type FrameStream = BoxStream<'static, Frame>;
