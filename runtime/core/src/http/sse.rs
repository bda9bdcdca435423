//! Server-sent events: <https://html.spec.whatwg.org/multipage/server-sent-events.html> (read 2026-11-20).

use bytes::{BufMut, Bytes, BytesMut};

use crate::stream::Frame;

/// Encodes a frame. A message is one line of JSON, and so one `data` line. Its type is that of an event without one, and
/// is written all the same: some clients drop events that do not name it
/// (<https://github.com/vercel/ai/issues/16002>, read 2026-11-26).
#[must_use]
pub fn encode(frame: &Frame) -> Bytes {
    match frame {
        Frame::Message { id, json } => {
            let id = id.as_ref().map(ToString::to_string);
            event(id.as_deref(), json)
        }
        Frame::Priming(id) => Bytes::from(format!("id: {id}\ndata: \n\n")),
        Frame::Retry(after) => Bytes::from(format!("retry: {}\n\n", after.as_millis())),
        Frame::KeepAlive => Bytes::from_static(b": keep-alive\n\n"),
    }
}

/// Encodes an event with any data. Each line becomes a `data` line, and a parser gets the same lines back.
#[must_use]
pub fn event(id: Option<&str>, data: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(data.len() + 80);
    if let Some(id) = id {
        out.put_slice(b"id: ");
        out.put_slice(id.as_bytes());
        out.put_u8(b'\n');
    }
    out.put_slice(b"event: message\n");
    for line in lines(data) {
        out.put_slice(b"data: ");
        out.put_slice(line);
        out.put_u8(b'\n');
    }
    out.put_u8(b'\n');
    out.freeze()
}

/// Lines end with CR LF, LF or CR, as a parser of event streams reads them.
fn lines(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(data);
    std::iter::from_fn(move || {
        let data = rest?;
        let Some(end) = data.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
            rest = None;
            return Some(data);
        };
        let skip = if data[end..].starts_with(b"\r\n") { 2 } else { 1 };
        rest = Some(&data[end + skip..]);
        Some(&data[..end])
    })
}
