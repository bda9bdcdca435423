//! One connection of a function to its Runtime API: requests, each byte with the moment of its arrival.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::TcpStream,
    time::Instant,
};

use memchr::memmem;
use socket2::SockRef;

use crate::clock;

/// When received segments are acknowledged.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Acknowledge {
    /// At once: a client without `TCP_NODELAY` that writes in pieces does not wait for the kernel.
    AtOnce,
    /// As the kernel sees fit: it may hold an acknowledgement back for 40 ms.
    Kernel,
}

/// A request of the function, whole.
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) body: Vec<u8>,
    /// The length of the body at each moment.
    pub(crate) arrivals: Vec<Arrival>,
    /// When its last byte came.
    pub(crate) ended: Instant,
}

/// The length of the body at one moment.
pub(crate) struct Arrival {
    pub(crate) length: usize,
    pub(crate) wall_ns: u128,
}

pub(crate) struct Connection {
    pub(crate) stream: TcpStream,
    acknowledge: Acknowledge,
    unread: Vec<u8>,
    reading: Option<Reading>,
}

/// A request with its head read.
struct Reading {
    method: String,
    path: String,
    framing: Framing,
    body: Vec<u8>,
    arrivals: Vec<Arrival>,
}

enum Framing {
    Length(usize),
    Chunked,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream, acknowledge: Acknowledge) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, acknowledge, unread: Vec::with_capacity(8192), reading: None })
    }

    /// Reads the bytes that have arrived. `Ok(None)` is not yet a request; `UnexpectedEof` is the end of the peer.
    pub(crate) fn read(&mut self) -> io::Result<Option<Request>> {
        let mut buffer = [0; 16 * 1024];
        let length = match self.stream.read(&mut buffer) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(length) => length,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error),
        };
        let (now, wall_ns) = (clock::now(), clock::wall_ns());
        if self.acknowledge == Acknowledge::AtOnce {
            // It is not sticky: it sends what is due now and lasts for a few segments.
            SockRef::from(&self.stream).set_tcp_quickack(true)?;
        }
        self.unread.extend_from_slice(&buffer[..length]);
        self.parse(now, wall_ns)
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        // All answers fit a socket's buffer, so that the socket never blocks.
        (&self.stream).write_all(bytes)
    }

    fn parse(&mut self, now: Instant, wall_ns: u128) -> io::Result<Option<Request>> {
        if self.reading.is_none() {
            let Some(end) = memmem::find(&self.unread, b"\r\n\r\n") else { return Ok(None) };
            self.reading = Some(head(&self.unread[..end])?);
            self.unread.drain(..end + 4);
        }
        let Some(mut reading) = self.reading.take() else { return Ok(None) };
        let before = reading.body.len();
        let is_whole = match reading.framing {
            Framing::Length(length) => {
                let missing = (length - reading.body.len()).min(self.unread.len());
                reading.body.extend(self.unread.drain(..missing));
                reading.body.len() == length
            }
            Framing::Chunked => chunks(&mut self.unread, &mut reading.body)?,
        };
        if reading.body.len() > before {
            reading.arrivals.push(Arrival { length: reading.body.len(), wall_ns });
        }
        if !is_whole {
            self.reading = Some(reading);
            return Ok(None);
        }
        let Reading { method, path, body, arrivals, .. } = reading;
        Ok(Some(Request { method, path, body, arrivals, ended: now }))
    }
}

fn invalid(text: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, text.to_owned())
}

fn head(bytes: &[u8]) -> io::Result<Reading> {
    let text = std::str::from_utf8(bytes).map_err(|_| invalid("a request head is not text"))?;
    let mut lines = text.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (Some(method), Some(path)) = (words.next(), words.next()) else {
        return Err(invalid("a request has no request line"));
    };
    let mut framing = Framing::Length(0);
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        if name.eq_ignore_ascii_case("content-length") {
            let length = value.trim().parse().map_err(|_| invalid("a content-length is no number"))?;
            framing = Framing::Length(length);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            framing = Framing::Chunked;
        }
    }
    let path = path.trim_start_matches("http://").trim_start_matches(|first| first != '/').to_owned();
    Ok(Reading { method: method.to_owned(), path, framing, body: Vec::new(), arrivals: Vec::new() })
}

/// Moves whole chunks over to the body. `true` after the last one and its trailers.
fn chunks(unread: &mut Vec<u8>, body: &mut Vec<u8>) -> io::Result<bool> {
    loop {
        let Some(line) = memmem::find(unread, b"\r\n") else { return Ok(false) };
        let size =
            std::str::from_utf8(&unread[..line]).ok().and_then(|text| usize::from_str_radix(text, 16).ok());
        let size = size.ok_or_else(|| invalid("a chunk has no size"))?;
        if size == 0 {
            // Trailers, if any, end like a head does.
            let Some(end) = memmem::find(&unread[line..], b"\r\n\r\n") else { return Ok(false) };
            unread.drain(..line + end + 4);
            return Ok(true);
        }
        let end = line + 2 + size;
        if unread.len() < end + 2 {
            return Ok(false);
        }
        body.extend_from_slice(&unread[line + 2..end]);
        unread.drain(..end + 2);
    }
}

#[cfg(test)]
mod tests {
    use super::chunks;

    #[test]
    fn chunks_are_taken_as_soon_as_they_are_whole() {
        let (mut unread, mut body) = (b"5\r\nhello\r\n3\r\n, ".to_vec(), Vec::new());
        assert!(!chunks(&mut unread, &mut body).unwrap());
        assert_eq!(body, b"hello");
        unread.extend_from_slice(b"w\r\n0\r\nLambda-Runtime-Function-Error-Type: x\r\n\r\nGET");
        assert!(chunks(&mut unread, &mut body).unwrap());
        assert_eq!((body.as_slice(), unread.as_slice()), (&b"hello, w"[..], &b"GET"[..]));
    }
}
