//! The least that any HTTP server in front of a server of the stdio transport does: `bench-stdio-floor PORT COMMAND...`
//!
//! It has one thread, serves one connection and one message at a time, and waits in the system call that brings the next bytes. So a call
//! takes four system calls: a message is read from the socket and written to the process, and its response read from the process and
//! written to the socket. Nothing is parsed but the length of a body, and nothing is checked.

use std::{
    env::args,
    io::{self, BufRead, BufReader, ErrorKind, Read, Write},
    net::{Ipv4Addr, TcpListener},
    process::{Command, Stdio},
};

/// How much is read at once. A message of the benchmark and its head are smaller.
const CHUNK: usize = 16 * 1024;

fn main() -> io::Result<()> {
    let usage = || io::Error::new(ErrorKind::InvalidInput, "expected PORT COMMAND...");
    let mut args = args().skip(1);
    let port = args.next().and_then(|port| port.parse().ok()).ok_or_else(usage)?;
    let program = args.next().ok_or_else(usage)?;
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(ErrorKind::BrokenPipe.into());
    };
    let mut stdout = BufReader::with_capacity(CHUNK, stdout);
    let (mut socket, _) = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?.accept()?;
    socket.set_nodelay(true)?;
    let mut line = Vec::with_capacity(CHUNK);
    while let Some(mut message) = read(&mut socket)? {
        let is_request = has_id(&message);
        message.push(b'\n');
        stdin.write_all(&message)?;
        line.clear();
        // What the process announces is left out.
        while is_request && !has_id(&line) {
            line.clear();
            if stdout.read_until(b'\n', &mut line)? == 0 {
                return Ok(());
            }
        }
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            line.len()
        );
        socket.write_all(&[head.as_bytes(), &line].concat())?;
    }
    // It ends with its standard input.
    drop(stdin);
    child.wait().map(drop)
}

/// Whether a message is a request or a response.
fn has_id(message: &[u8]) -> bool {
    message.windows(5).any(|part| part == b"\"id\":")
}

/// Reads the body of the next request. `None`: there is none.
fn read(socket: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::with_capacity(CHUNK);
    loop {
        if let Some(end) = bytes.windows(4).position(|part| part == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
            let length =
                head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
            let whole = end + 4 + length.unwrap_or(0);
            if bytes.len() >= whole {
                return Ok(Some(bytes[end + 4..whole].to_vec()));
            }
        }
        let mut chunk = [0; CHUNK];
        match socket.read(&mut chunk)? {
            0 => return Ok(None),
            read => bytes.extend_from_slice(&chunk[..read]),
        }
    }
}
