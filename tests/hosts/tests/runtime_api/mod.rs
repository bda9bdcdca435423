//! A Runtime API that gives a function some events and keeps what it answers, byte for byte.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::Command,
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use mcp_lambda_server::Clock;
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(30);
const FUNCTION: [(&str, &str); 6] = [
    ("AWS_REGION", "eu-central-1"),
    ("AWS_LAMBDA_FUNCTION_NAME", "server"),
    ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
    ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
    ("AWS_LAMBDA_LOG_GROUP_NAME", "group"),
    ("AWS_LAMBDA_LOG_STREAM_NAME", "stream"),
];

/// One answer, as the Runtime API received it.
#[derive(Debug, Default)]
pub(crate) struct Received {
    pub(crate) path: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
    pub(crate) trailers: BTreeMap<String, String>,
}

impl Received {
    /// The prelude of a streamed response, and what follows it.
    pub(crate) fn prelude(&self) -> (Value, String) {
        let (prelude, body) = self.body.split_once("\0\0\0\0\0\0\0\0").expect("a prelude");
        let mut prelude: Value = serde_json::from_str(prelude).expect("JSON");
        for value in prelude["headers"].as_object_mut().into_iter().flat_map(serde_json::Map::values_mut) {
            if let Some(values) = value.as_array() {
                let values: Vec<_> = values.iter().filter_map(Value::as_str).collect();
                *value = values.join(", ").into();
            }
        }
        (prelude, body.to_owned())
    }
}

pub(crate) struct RuntimeApi {
    events: Mutex<std::vec::IntoIter<String>>,
    headers: String,
    received: mpsc::Sender<Received>,
}

impl RuntimeApi {
    /// Runs a function until it has answered every event.
    pub(crate) fn run(binary: &str, events: &[Value], headers: &[(&str, &str)]) -> Vec<Received> {
        Self::run_with(&[], binary, events, headers, events.len())
    }

    /// Runs a function with further variables until it has made a number of calls, beside its polls.
    pub(crate) fn run_with(
        variables: &[(&str, &str)],
        binary: &str,
        events: &[Value],
        headers: &[(&str, &str)],
        count: usize,
    ) -> Vec<Received> {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let (sender, receiver) = mpsc::channel();
        let events: Vec<String> = events.iter().map(Value::to_string).collect();
        let headers = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let api = Arc::new(Self { events: Mutex::new(events.into_iter()), headers, received: sender });
        std::thread::spawn(move || {
            for socket in listener.incoming().map_while(Result::ok) {
                let api = Arc::clone(&api);
                std::thread::spawn(move || api.serve(&socket));
            }
        });
        let mut function = Command::new(binary)
            .env("AWS_LAMBDA_RUNTIME_API", address)
            .envs(FUNCTION)
            .envs(variables.iter().copied())
            .spawn()
            .expect("the binary starts");
        let received = (0..count).map(|_| receiver.recv_timeout(PATIENCE)).collect::<Result<Vec<_>, _>>();
        function.kill().expect("it runs");
        function.wait().expect("it ends");
        received.expect("every call")
    }

    /// Serves one connection until it is closed.
    fn serve(&self, socket: &TcpStream) -> Option<()> {
        let mut reader = BufReader::new(socket);
        let mut writer = socket;
        loop {
            let (method, received) = read(&mut reader)?;
            if received.path.ends_with("/restore/next") {
                writer.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").ok()?;
                self.received.send(received).ok()?;
            } else if method == "GET" {
                let Some(event) = self.events.lock().expect("no panic").next() else {
                    // There is no event any more: the call waits until the function ends.
                    return reader.read_to_end(&mut Vec::new()).ok().map(drop);
                };
                let deadline = Clock::system().now().as_millis() + 60_000;
                let head = format!(
                    "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: request\r\nLambda-Runtime-Deadline-Ms: {deadline}\r\n{}Content-Length: {}\r\n\r\n",
                    self.headers,
                    event.len()
                );
                writer.write_all(format!("{head}{event}").as_bytes()).ok()?;
            } else {
                writer.write_all(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n").ok()?;
                self.received.send(received).ok()?;
            }
        }
    }
}

/// Reads one request: its method, and the rest.
fn read(reader: &mut impl BufRead) -> Option<(String, Received)> {
    let line = line(reader)?;
    let mut parts = line.split(' ').map(str::to_owned);
    let (method, path) = (parts.next()?, parts.next()?);
    let headers = fields(reader)?;
    let mut received = Received { path, headers, ..Received::default() };
    let mut body = Vec::new();
    if let Some(length) = received.headers.get("content-length") {
        body = vec![0; length.parse().ok()?];
        reader.read_exact(&mut body).ok()?;
    } else if received.headers.contains_key("transfer-encoding") {
        loop {
            let size = usize::from_str_radix(&self::line(reader)?, 16).ok()?;
            if size == 0 {
                break;
            }
            let start = body.len();
            body.resize(start + size, 0);
            reader.read_exact(&mut body[start..]).ok()?;
            self::line(reader)?;
        }
        received.trailers = fields(reader)?;
    }
    received.body = String::from_utf8(body).ok()?;
    Some((method, received))
}

/// Headers or trailers; those with one name are joined.
fn fields(reader: &mut impl BufRead) -> Option<BTreeMap<String, String>> {
    let mut fields = BTreeMap::<String, String>::new();
    loop {
        let line = line(reader)?;
        let Some((name, value)) = line.split_once(':') else { return Some(fields) };
        let value = value.trim().to_ascii_lowercase();
        let field = fields.entry(name.to_ascii_lowercase()).or_default();
        *field = if field.is_empty() { value } else { format!("{field}, {value}") };
    }
}

fn line(reader: &mut impl BufRead) -> Option<String> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    Some(line.trim_end().to_owned())
}
