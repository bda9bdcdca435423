//! Server-sent events, read as [HTML](https://html.spec.whatwg.org/multipage/server-sent-events.html) defines them, with a limit
//! of their size.

use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use futures::StreamExt;

use crate::{Error, sender::ResponseBody};

/// One event.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) id: Option<String>,
    pub(super) data: String,
    pub(super) retry: Option<Duration>,
}

/// Reads events from the body of a response.
pub(super) struct Events {
    body: ResponseBody,
    buffer: BytesMut,
    /// Bytes at the begin of the buffer that have no line end in them.
    searched: usize,
    event: Event,
    has_data: bool,
    limit: usize,
    begun: bool,
}

impl Events {
    pub(super) fn new(body: ResponseBody, limit: usize) -> Self {
        let event = Event::default();
        Self { body, buffer: BytesMut::new(), searched: 0, event, has_data: false, limit, begun: false }
    }

    /// Returns the next event that has data, an id or a retry time; `None` at the end of the body.
    pub(super) async fn next(&mut self) -> Result<Option<Event>, Error> {
        loop {
            while let Some(line) = self.line(false) {
                if let Some(event) = self.take(&line) {
                    return Ok(Some(event));
                }
            }
            if self.buffer.len() + self.event.data.len() > self.limit {
                return Err(Error::TooLarge { what: "a message of the server", limit: self.limit });
            }
            match self.body.next().await.transpose()? {
                Some(bytes) => self.buffer.extend_from_slice(&bytes),
                None => return Ok(self.line(true).and_then(|line| self.take(&line))),
            }
        }
    }

    /// Takes a line out of the buffer. A carriage return at its end may be half of a line end.
    fn line(&mut self, at_end: bool) -> Option<Bytes> {
        let found = self.buffer[self.searched..].iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        let Some(at) = found.map(|at| at + self.searched) else {
            self.searched = self.buffer.len();
            return None;
        };
        let is_return = self.buffer[at] == b'\r';
        if is_return && at + 1 == self.buffer.len() && !at_end {
            self.searched = at;
            return None;
        }
        let end = if is_return && self.buffer.get(at + 1) == Some(&b'\n') { 2 } else { 1 };
        let line = self.buffer.split_to(at).freeze();
        self.buffer.advance(end);
        self.searched = 0;
        Some(line)
    }

    /// Adds a line to the event, and returns it if the line is its end.
    fn take(&mut self, line: &Bytes) -> Option<Event> {
        let text = String::from_utf8_lossy(line);
        let text = if self.begun { &*text } else { text.strip_prefix('\u{feff}').unwrap_or(&text) };
        self.begun = true;
        if text.is_empty() {
            self.has_data = false;
            let event = std::mem::take(&mut self.event);
            return (event != Event::default()).then_some(event);
        }
        let (field, value) = text.split_once(':').unwrap_or((text, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => {
                if self.has_data {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
                self.has_data = true;
            }
            "id" if !value.contains('\0') => self.event.id = Some(value.to_owned()),
            "retry" => self.event.retry = value.parse().ok().map(Duration::from_millis),
            // A comment, the name of the event, which MCP does not use, or a field that does not exist.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use futures::stream;

    use super::*;

    async fn events(text: &str, cut: usize, limit: usize) -> Result<Vec<Event>, Error> {
        let (one, two) = text.as_bytes().split_at(cut);
        let chunks = [one, two].map(|part| Ok(Bytes::copy_from_slice(part)));
        let mut events = Events::new(stream::iter(chunks).boxed(), limit);
        let mut all = Vec::new();
        while let Some(event) = events.next().await? {
            all.push(event);
        }
        Ok(all)
    }

    fn data(text: &str) -> Event {
        Event { data: text.to_owned(), ..Event::default() }
    }

    #[tokio::test]
    async fn events_are_the_same_wherever_the_network_cuts_them() {
        let text = "\u{feff}: hello\r\nid: 1\r\ndata\r\n\r\nevent: message\ndata: {\"a\":\ndata:1}\n\nretry: 50\rdata: x\r\r: end\n\n";
        let expected = [
            Event { id: Some("1".to_owned()), ..Event::default() },
            data("{\"a\":\n1}"),
            Event { retry: Some(Duration::from_millis(50)), ..data("x") },
        ];
        for cut in (0..text.len()).filter(|cut| text.is_char_boundary(*cut)) {
            assert_eq!(events(text, cut, 1000).await.expect("events"), expected, "cut at {cut}");
        }
    }

    #[tokio::test]
    async fn an_event_that_is_cut_off_is_none() {
        assert_eq!(events("data: a\n\ndata: b\n", 3, 1000).await.expect("events"), [data("a")]);
    }

    #[tokio::test]
    async fn an_event_beyond_the_limit_is_an_error() {
        let text = format!("data: {}\n\n", "x".repeat(100));
        assert!(matches!(events(&text, 90, 50).await, Err(Error::TooLarge { limit: 50, .. })));
        let lines = "data: xxxxxxxxxx\n".repeat(10);
        assert!(matches!(events(&lines, 150, 50).await, Err(Error::TooLarge { .. })));
    }
}
