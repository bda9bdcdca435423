//! Lines of a child's output, each of bounded size.

use std::io;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

/// How much of the start and of the end of a line is kept that is too long.
const KEPT: usize = 256;
/// How much is read at once.
const CHUNK: usize = 16 * 1024;

/// One line, without its end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// A line within the limit.
    Whole(Bytes),
    /// A line beyond the limit, of which the most was dropped.
    TooLong(LongLine),
}

/// What is left of a line that was too long.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct LongLine {
    /// The size of the line, in bytes.
    pub(crate) size: usize,
    /// Its first bytes.
    pub(crate) start: Bytes,
    /// Its last bytes.
    pub(crate) end: Bytes,
}

/// Splits bytes into lines. It holds at most one line of the limit, and what was pushed last.
#[derive(Debug)]
pub(crate) struct LineSplitter {
    limit: usize,
    buffer: BytesMut,
    /// How much of the buffer has no end of a line.
    searched: usize,
    /// The line that is too long, until its end comes.
    long: Option<Dropping>,
}

#[derive(Debug)]
struct Dropping {
    size: usize,
    start: Bytes,
    end: BytesMut,
}

impl LineSplitter {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, buffer: BytesMut::new(), searched: 0, long: None }
    }

    #[cfg(test)]
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.buffer.len()
    }

    /// Takes the next line that is complete.
    pub(crate) fn take(&mut self) -> Option<Line> {
        let Some(at) = memchr::memchr(b'\n', &self.buffer[self.searched..]) else {
            self.searched = self.buffer.len();
            self.drop_excess();
            return None;
        };
        let line = self.buffer.split_to(self.searched + at);
        self.buffer.advance(1);
        self.searched = 0;
        Some(self.finished(line))
    }

    /// Takes what follows the last end of a line, once no more bytes come.
    pub(crate) fn take_rest(&mut self) -> Option<Line> {
        let rest = self.buffer.split();
        self.searched = 0;
        (!rest.is_empty() || self.long.is_some()).then(|| self.finished(rest))
    }

    fn finished(&mut self, line: BytesMut) -> Line {
        if self.long.is_none() && line.len() > self.limit {
            self.long = Some(Dropping::new());
        }
        match self.long.take() {
            Some(mut long) => {
                long.add(&line);
                Line::TooLong(LongLine { size: long.size, start: long.start, end: long.end.freeze() })
            }
            None => Line::Whole(without_return(line.freeze())),
        }
    }

    /// Drops a line that has reached the limit before its end is seen.
    fn drop_excess(&mut self) {
        if self.long.is_none() && self.buffer.len() <= self.limit {
            return;
        }
        let read = self.buffer.split();
        self.searched = 0;
        self.long.get_or_insert_with(Dropping::new).add(&read);
    }
}

impl Dropping {
    fn new() -> Self {
        Self { size: 0, start: Bytes::new(), end: BytesMut::new() }
    }

    fn add(&mut self, bytes: &[u8]) {
        self.size += bytes.len();
        if self.start.is_empty() {
            self.start = Bytes::copy_from_slice(&bytes[..bytes.len().min(KEPT)]);
        }
        self.end.extend_from_slice(&bytes[bytes.len().saturating_sub(KEPT)..]);
        let excess = self.end.len().saturating_sub(KEPT);
        self.end.advance(excess);
    }
}

fn without_return(line: Bytes) -> Bytes {
    match line.last() {
        Some(b'\r') => line.slice(..line.len() - 1),
        _ => line,
    }
}

/// Reads the lines of an output.
#[derive(Debug)]
pub(crate) struct LineReader<R> {
    source: R,
    splitter: LineSplitter,
}

impl<R: AsyncRead + Unpin> LineReader<R> {
    pub(crate) fn new(source: R, limit: usize) -> Self {
        Self { source, splitter: LineSplitter::new(limit) }
    }

    /// Reads the next line. `None`: the output has ended. Nothing is lost when it is dropped before it returns.
    pub(crate) async fn next(&mut self) -> io::Result<Option<Line>> {
        loop {
            if let Some(line) = self.splitter.take() {
                return Ok(Some(line));
            }
            self.splitter.buffer.reserve(CHUNK);
            if self.source.read_buf(&mut self.splitter.buffer).await? == 0 {
                return Ok(self.splitter.take_rest());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 64;

    fn lines_of(chunks: &[&[u8]]) -> Vec<Line> {
        let mut splitter = LineSplitter::new(LIMIT);
        let mut lines = Vec::new();
        for chunk in chunks {
            splitter.push(chunk);
            lines.extend(std::iter::from_fn(|| splitter.take()));
            assert!(splitter.held() <= LIMIT, "no more is held than a line may have");
        }
        lines.extend(splitter.take_rest());
        lines
    }

    #[test]
    fn a_line_may_end_with_a_carriage_return_and_the_last_one_with_nothing() {
        let whole = |text: &'static str| Line::Whole(Bytes::from_static(text.as_bytes()));
        assert_eq!(lines_of(&[b"a\r\n\nb", b"c\nd"]), [whole("a"), whole(""), whole("bc"), whole("d")]);
    }

    #[test]
    fn a_line_beyond_the_limit_keeps_its_start_its_end_and_its_size() {
        let text = format!("{{\"id\":1,{}\"end\":true}}\nnext\n", "x".repeat(1000));
        let lines = lines_of(&text.as_bytes().chunks(7).collect::<Vec<_>>());
        let Line::TooLong(long) = &lines[0] else { panic!("{lines:?}") };
        assert_eq!(long.size, text.len() - "\nnext\n".len());
        assert!(long.start.starts_with(b"{\"id\":1,"), "{long:?}");
        assert!(long.end.ends_with(b"\"end\":true}") && long.end.len() == KEPT, "{long:?}");
        assert_eq!(lines[1], Line::Whole(Bytes::from_static(b"next")));
    }

    #[tokio::test]
    async fn an_output_is_read_to_its_end() {
        let mut reader = LineReader::new(&b"one\ntwo"[..], LIMIT);
        let mut read = Vec::new();
        while let Some(line) = reader.next().await.expect("bytes in memory") {
            read.push(line);
        }
        assert_eq!(read, [Line::Whole("one".into()), Line::Whole("two".into())]);
    }
}
