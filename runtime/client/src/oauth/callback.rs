//! The redirection of a login, received on 127.0.0.1 ([RFC 8252, 7.3](https://www.rfc-editor.org/rfc/rfc8252#section-7.3)).

use std::{net::Ipv4Addr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::Error;

/// Time for one request of a browser, and the size of its head.
const REQUEST: Duration = Duration::from_secs(5);
const HEAD: usize = 16 * 1024;

const DONE: &str = "<!doctype html><meta charset=utf-8><title>mcp-lambda</title><p>You are signed in. You can close this page.";
const DENIED: &str = "<!doctype html><meta charset=utf-8><title>mcp-lambda</title><p>The sign-in failed. The terminal says why.";

/// A listener for one redirection.
pub(super) struct Callback {
    listener: TcpListener,
    port: u16,
}

impl Callback {
    /// Listens on 127.0.0.1; on a free port, if `port` is 0.
    pub(super) async fn listen(port: u16) -> Result<Self, Error> {
        let failed = |error| Error::Authorization(format!("127.0.0.1:{port} cannot be listened on: {error}"));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        Ok(Self { listener, port })
    }

    pub(super) fn redirect_uri(&self) -> String {
        format!("http://127.0.0.1:{}/callback", self.port)
    }

    /// Waits for the redirection, and returns its URL. Other requests are answered with 404.
    pub(super) async fn receive(self) -> Result<String, Error> {
        loop {
            let accepted = self.listener.accept().await;
            let (mut stream, _) =
                accepted.map_err(|error| Error::Authorization(format!("the redirection failed: {error}")))?;
            let Ok(Some(target)) = tokio::time::timeout(REQUEST, target(&mut stream)).await else { continue };
            let is_callback = target == "/callback" || target.starts_with("/callback?");
            if !is_callback {
                respond(&mut stream, "404 Not Found", "").await;
                continue;
            }
            let url = format!("http://127.0.0.1:{}{target}", self.port);
            if let Some(error) = denial(&url) {
                respond(&mut stream, "200 OK", DENIED).await;
                return Err(Error::Authorization(error));
            }
            respond(&mut stream, "200 OK", DONE).await;
            return Ok(url);
        }
    }
}

/// The error of the redirection ([RFC 6749, 4.1.2.1](https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2.1)).
fn denial(url: &str) -> Option<String> {
    let url = url::Url::parse(url).ok()?;
    let value = |wanted: &str| {
        url.query_pairs().find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned())
    };
    let error = value("error")?;
    Some(match value("error_description") {
        Some(description) => format!("{error}: {description}"),
        None => error,
    })
}

/// The target of a GET request; `None` if it is no such request.
async fn target(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let read = stream.read_buf(&mut head).await.ok()?;
        if read == 0 || head.len() > HEAD {
            return None;
        }
    }
    let line = head.split(|byte| *byte == b'\r').next()?;
    let line = std::str::from_utf8(line).ok()?;
    Some(line.strip_prefix("GET ")?.split(' ').next()?.to_owned())
}

async fn respond(stream: &mut TcpStream, status: &str, page: &str) {
    let length = page.len();
    let text = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {length}\r\n\
         cache-control: no-store\r\nconnection: close\r\n\r\n{page}"
    );
    // A browser that has gone has still delivered the code.
    let _ = tokio::time::timeout(REQUEST, stream.write_all(text.as_bytes())).await;
    let _ = tokio::time::timeout(REQUEST, stream.shutdown()).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn get(port: u16, target: &str) -> String {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.expect("connected");
        let request = format!("GET {target} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut response = String::new();
        stream.read_to_string(&mut response).await.expect("received");
        response
    }

    #[tokio::test]
    async fn the_redirection_is_returned_and_other_requests_are_not_found() {
        let callback = Callback::listen(0).await.expect("a port");
        let port = callback.port;
        let (url, ()) = tokio::join!(callback.receive(), async {
            assert!(get(port, "/favicon.ico").await.starts_with("HTTP/1.1 404"));
            assert!(get(port, "/callback?code=a&state=b").await.contains("You are signed in"));
        });
        assert_eq!(url.expect("a redirection"), format!("http://127.0.0.1:{port}/callback?code=a&state=b"));
    }

    #[tokio::test]
    async fn a_denial_is_an_error_with_its_description() {
        let callback = Callback::listen(0).await.expect("a port");
        let port = callback.port;
        let (url, page) = tokio::join!(
            callback.receive(),
            get(port, "/callback?error=access_denied&error_description=not%20for%20you&state=b"),
        );
        assert!(page.contains("failed"), "{page}");
        assert_eq!(url.expect_err("denied").to_string(), "authorization failed: access_denied: not for you");
    }
}
