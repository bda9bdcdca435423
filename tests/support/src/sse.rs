//! A parser of event streams after <https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream>
//! (read 2026-11-20). It takes bytes as they come and knows nothing of the encoder under test.

use std::collections::VecDeque;

/// What a parser would dispatch, and the comments it would skip.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SseEvent {
    pub id: Option<String>,
    pub event: Option<String>,
    pub data: Option<String>,
    pub retry: Option<String>,
    pub comment: Option<String>,
}

impl SseEvent {
    /// The JSON-RPC message it carries.
    pub fn json(&self) -> serde_json::Value {
        let data = self.data.as_deref().unwrap_or_default();
        serde_json::from_str(data).unwrap_or_else(|error| panic!("no JSON in {self:?}: {error}"))
    }

    /// Whether it carries a JSON-RPC message: a priming event has empty data.
    pub fn is_message(&self) -> bool {
        self.data.as_deref().is_some_and(|data| !data.is_empty())
    }

    /// Only a comment: a keep-alive.
    pub fn is_comment(&self) -> bool {
        self.data.is_none() && self.id.is_none() && self.retry.is_none() && self.comment.is_some()
    }
}

/// Collects chunks and yields whole events.
#[derive(Default)]
pub struct SseParser {
    pending: Vec<u8>,
    current: SseEvent,
    touched: bool,
    ready: VecDeque<SseEvent>,
}

impl SseParser {
    pub fn push(&mut self, chunk: &[u8]) {
        self.pending.extend_from_slice(chunk);
        while let Some((line, used)) = first_line(&self.pending) {
            self.pending.drain(..used);
            self.line(&String::from_utf8(line).expect("an event stream is UTF-8"));
        }
    }

    /// Whether bytes are left that belong to no whole event.
    pub fn is_between_events(&self) -> bool {
        self.pending.is_empty() && !self.touched
    }

    fn line(&mut self, line: &str) {
        if line.is_empty() {
            if std::mem::take(&mut self.touched) {
                self.ready.push_back(std::mem::take(&mut self.current));
            }
            return;
        }
        self.touched = true;
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        let event = &mut self.current;
        match field {
            "" => event.comment = Some(value.to_owned()),
            "data" => match &mut event.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                none => *none = Some(value.to_owned()),
            },
            "id" if !value.contains('\0') => event.id = Some(value.to_owned()),
            "event" => event.event = Some(value.to_owned()),
            "retry" => event.retry = Some(value.to_owned()),
            _ => {}
        }
    }
}

/// The events that have ended so far.
impl Iterator for SseParser {
    type Item = SseEvent;

    fn next(&mut self) -> Option<SseEvent> {
        self.ready.pop_front()
    }
}

/// A line that has ended, and how many bytes it took with its end: CR LF, LF or CR.
fn first_line(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let end = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r'))?;
    let is_pair = bytes[end] == b'\r' && bytes.get(end + 1) == Some(&b'\n');
    Some((bytes[..end].to_vec(), end + 1 + usize::from(is_pair)))
}

/// Parses a whole stream.
pub fn parse(bytes: &[u8]) -> Vec<SseEvent> {
    let mut parser = SseParser::default();
    parser.push(bytes);
    parser.collect()
}
