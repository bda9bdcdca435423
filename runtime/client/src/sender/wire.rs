//! What passes between the client and the server, as text for a person: `--debug`.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use http::{HeaderMap, Request, Response, response::Parts};
use url::Url;

use super::{ResponseBody, Sender};
use crate::Error;

/// The most characters of a body, or of a part of one, that are shown.
const SHOWN: usize = 4_000;
/// Parts of names of headers: their values are left out.
const SECRET: [&str; 9] =
    ["auth", "cookie", "credential", "key", "password", "secret", "signature", "token", "x-amz-user"];
const LEFT_OUT: &str = "(left out)";

/// Gets a text of one or more lines for each request, each head of a response, and each part of a body as it arrives.
pub(crate) type Watcher = Arc<dyn Fn(String) + Send + Sync>;

/// Shows requests and responses to a watcher, without what proves the caller.
#[derive(Clone)]
pub(crate) struct Wire {
    watcher: Watcher,
    /// The number of the next request: several run at the same time.
    next: Arc<AtomicU64>,
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").field("next", &self.next).finish_non_exhaustive()
    }
}

impl Wire {
    pub(crate) fn new(watcher: Watcher) -> Self {
        Self { watcher, next: Arc::new(AtomicU64::new(1)) }
    }

    /// Shows a request, and returns its number.
    pub(crate) fn request(&self, request: &Request<Bytes>) -> u64 {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let mut text = format!("[{number}] > {} {}", request.method(), shown_url(&request.uri().to_string()));
        headers(&mut text, number, '>', request.headers());
        if !request.body().is_empty() {
            text.push('\n');
            text.push_str(&lines(number, '>', &shown(request.body())));
        }
        (self.watcher)(text);
        number
    }

    /// Shows a response: its head now, and its body as it arrives.
    pub(crate) fn response(&self, number: u64, head: &Parts, body: ResponseBody) -> ResponseBody {
        let mut text = format!("[{number}] < HTTP {}", head.status.as_u16());
        headers(&mut text, number, '<', &head.headers);
        (self.watcher)(text);
        let watcher = Arc::clone(&self.watcher);
        let shown = move |chunk: &Result<Bytes, Error>| match chunk {
            Ok(bytes) if bytes.is_empty() => {}
            Ok(bytes) => watcher(lines(number, '<', &shown(bytes))),
            Err(error) => watcher(format!("[{number}] < broke off: {error}")),
        };
        body.inspect(shown).boxed()
    }

    /// Shows that a request has no response.
    pub(crate) fn failed(&self, number: u64, error: &Error) {
        (self.watcher)(format!("[{number}] < no response: {error}"));
    }
}

fn headers(text: &mut String, number: u64, direction: char, headers: &HeaderMap) {
    for (name, value) in headers {
        let is_secret = SECRET.iter().any(|part| name.as_str().contains(part));
        let value = if is_secret { LEFT_OUT.into() } else { String::from_utf8_lossy(value.as_bytes()) };
        text.push_str(&format!("\n[{number}] {direction} {name}: {value}"));
    }
}

/// A URL without a password, and without the values of its query.
fn shown_url(text: &str) -> String {
    let Ok(mut url) = Url::parse(text) else { return text.to_owned() };
    if url.password().is_some() {
        // A URL with a password has a host, so that this cannot fail.
        let _ = url.set_password(Some("left-out"));
    }
    if url.query().is_some() {
        let names: Vec<String> = url.query_pairs().map(|(name, _)| name.into_owned()).collect();
        url.set_query(None);
        return format!(
            "{url}?{}",
            names.iter().map(|name| format!("{name}={LEFT_OUT}")).collect::<Vec<_>>().join("&")
        );
    }
    url.into()
}

/// A text, each line of it with the number of its request.
fn lines(number: u64, direction: char, text: &str) -> String {
    let lines: Vec<String> = text.lines().map(|line| format!("[{number}] {direction} {line}")).collect();
    lines.join("\n")
}

/// The begin of a body as text.
fn shown(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let text = text.trim_end();
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}... ({} bytes)", &text[..end], body.len()),
        None => text.to_owned(),
    }
}

/// Shows the requests of a sender as they are within an invocation of a function.
#[derive(Debug)]
pub(crate) struct Watched<S> {
    sender: S,
    wire: Wire,
}

impl<S> Watched<S> {
    pub(crate) fn new(sender: S, wire: Wire) -> Self {
        Self { sender, wire }
    }
}

#[async_trait]
impl<S: Sender> Sender for Watched<S> {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<ResponseBody>, Error> {
        let number = self.wire.request(&request);
        match self.sender.send(request).await {
            Ok(response) => {
                let (head, body) = response.into_parts();
                let body = self.wire.response(number, &head, body);
                Ok(Response::from_parts(head, body))
            }
            Err(error) => {
                self.wire.failed(number, &error);
                Err(error)
            }
        }
    }

    fn url(&self) -> &str {
        self.sender.url()
    }

    fn address(&self) -> &str {
        self.sender.address()
    }

    fn advice(&self) -> String {
        self.sender.advice()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    fn watched(use_wire: impl FnOnce(&Wire)) -> String {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&seen);
        use_wire(&Wire::new(Arc::new(move |text| into.lock().expect("a lock").push(text))));
        seen.lock().expect("a lock").join("\n")
    }

    #[test]
    fn what_proves_the_caller_is_left_out() {
        let text = watched(|wire| {
            let request = Request::post("http://ada:word@example.com/mcp?api_key=hidden&a=hidden")
                .header("authorization", "Bearer hidden")
                .header("x-amz-security-token", "hidden")
                .header("x-api-key", "hidden")
                .header("cookie", "hidden")
                .header("mcp-session-id", "session-1")
                .body(Bytes::from_static(b"{\"id\":1}"));
            wire.request(&request.expect("a request"));
        });
        assert!(!text.contains("hidden") && !text.contains("word@"), "{text}");
        for expected in [
            "[1] > POST http://ada:left-out@example.com/mcp?api_key=(left out)&a=(left out)",
            "[1] > authorization: (left out)",
            "[1] > mcp-session-id: session-1",
            "[1] > {\"id\":1}",
        ] {
            assert!(text.contains(expected), "{expected}: {text}");
        }
    }

    #[tokio::test]
    async fn parts_of_a_body_are_shown_as_they_arrive_and_pass_unchanged() {
        let large = Bytes::from("x".repeat(SHOWN + 1));
        let chunks = [Bytes::from_static(b"id: 1\ndata: 1\n\n"), large.clone()];
        let (sender, receiver) = std::sync::mpsc::channel();
        let wire = Wire::new(Arc::new(move |text| sender.send(text).expect("read")));
        let response = Response::builder().status(200).header("set-cookie", "hidden").body(());
        let (head, ()) = response.expect("a response").into_parts();
        let body = futures::stream::iter(chunks.clone().map(Ok)).boxed();
        let mut body = wire.response(7, &head, body);
        assert_eq!(receiver.try_recv().expect("the head"), "[7] < HTTP 200\n[7] < set-cookie: (left out)");
        assert_eq!(body.next().await.expect("a chunk").expect("no error"), chunks[0]);
        assert_eq!(receiver.try_recv().expect("the first"), "[7] < id: 1\n[7] < data: 1");
        assert_eq!(body.next().await.expect("a chunk").expect("no error"), large);
        assert!(receiver.try_recv().expect("the second").ends_with(&format!("... ({} bytes)", SHOWN + 1)));
    }
}
