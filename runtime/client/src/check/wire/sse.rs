//! Event streams, field by field: <https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream>
//! (read 2026-11-20). Fields that a browser would ignore, such as an id with a NUL, are kept: they are what is looked for.

use std::{collections::VecDeque, mem};

use serde_json::Value;

/// One event as it was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SseEvent {
    pub(crate) id: Option<String>,
    pub(crate) event: Option<String>,
    pub(crate) data: Option<String>,
    pub(crate) retry: Option<String>,
}

impl SseEvent {
    /// The JSON of its data, unless there is none: a priming event has empty data.
    pub(crate) fn json(&self) -> Option<Result<Value, String>> {
        let data = self.data.as_deref().filter(|data| !data.is_empty())?;
        Some(serde_json::from_str(data).map_err(|error| error.to_string()))
    }
}

/// Takes bytes as they come and yields whole events. Comments are skipped.
#[derive(Debug, Default)]
pub(crate) struct SseParser {
    pending: Vec<u8>,
    current: SseEvent,
    is_touched: bool,
    ready: VecDeque<SseEvent>,
}

impl SseParser {
    pub(crate) fn push(&mut self, chunk: &[u8]) {
        self.pending.extend_from_slice(chunk);
        let mut start = 0;
        while let Some(length) = self.pending[start..].iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            let end = start + length;
            // The second half of CR LF may still be on its way.
            if self.pending[end] == b'\r' && end + 1 == self.pending.len() {
                break;
            }
            let is_pair = self.pending[end] == b'\r' && self.pending[end + 1] == b'\n';
            let line = String::from_utf8_lossy(&self.pending[start..end]).into_owned();
            self.line(&line);
            start = end + 1 + usize::from(is_pair);
        }
        self.pending.drain(..start);
    }

    fn line(&mut self, line: &str) {
        if line.is_empty() {
            if mem::take(&mut self.is_touched) {
                self.ready.push_back(mem::take(&mut self.current));
            }
            return;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value).to_owned();
        match field {
            "data" => match &mut self.current.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(&value);
                }
                none => *none = Some(value),
            },
            "id" => self.current.id = Some(value),
            "event" => self.current.event = Some(value),
            "retry" => self.current.retry = Some(value),
            _ => return,
        }
        self.is_touched = true;
    }
}

impl Iterator for SseParser {
    type Item = SseEvent;

    fn next(&mut self) -> Option<SseEvent> {
        self.ready.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(chunks: &[&[u8]]) -> Vec<SseEvent> {
        let mut parser = SseParser::default();
        for chunk in chunks {
            parser.push(chunk);
        }
        parser.collect()
    }

    #[test]
    fn fields_are_read_across_chunks_and_kinds_of_line_ends() {
        let read =
            events(&[b": hello\n\nid: 1\r", b"\ndata: a\r\ndata:b\r\n\r\nretry: 5\n", b"event: x\n\n"]);
        let first = SseEvent { id: Some("1".into()), data: Some("a\nb".into()), ..SseEvent::default() };
        let second = SseEvent { retry: Some("5".into()), event: Some("x".into()), ..SseEvent::default() };
        assert_eq!(read, [first, second]);
    }

    #[test]
    fn an_id_with_a_nul_is_kept_for_the_check_of_ids() {
        assert_eq!(events(&[b"id: a\0b\ndata:\n\n"])[0].id.as_deref(), Some("a\0b"));
    }
}
