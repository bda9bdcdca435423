//! The address of the Runtime API, from `AWS_LAMBDA_RUNTIME_API`.
//!
//! Lambda sets a host and a port. `cargo lambda watch` sets a URL with a path, which names the function:
//! `http://127.0.0.1:9000/.rt/my-function`.

use http::{HeaderValue, Uri};

const NEXT: &str = "/2018-06-01/runtime/invocation/next";
const HTTP_PORT: u16 = 80;

/// The address of the Runtime API.
#[derive(Debug, Clone)]
pub(super) struct RuntimeAddress {
    /// What connections are made to: host and port.
    socket: String,
    host: HeaderValue,
    /// The path before that of each call: empty, or without a last slash.
    base: String,
    next: Uri,
}

impl RuntimeAddress {
    /// Reads a host, with or without a port and a path, or an `http` URL of them.
    pub(super) fn parse(address: &str) -> Option<Self> {
        let url: Uri = match address.split_once("://") {
            Some(_) => address.parse().ok()?,
            None => format!("http://{address}").parse().ok()?,
        };
        let authority = url.authority()?;
        if url.scheme_str() != Some("http") || url.query().is_some() || authority.host().is_empty() {
            return None;
        }
        // What is left of an authority with a user name does not start with its host.
        let port = match authority.as_str().strip_prefix(authority.host())? {
            "" => HTTP_PORT,
            port => port.strip_prefix(':')?.parse().ok()?,
        };
        let base = url.path().trim_end_matches('/').to_owned();
        Some(Self {
            socket: format!("{}:{port}", authority.host()),
            host: HeaderValue::from_str(authority.as_str()).ok()?,
            next: format!("{base}{NEXT}").parse().ok()?,
            base,
        })
    }

    /// Host and port.
    pub(super) fn socket(&self) -> &str {
        &self.socket
    }

    /// The `Host` header.
    pub(super) fn host(&self) -> HeaderValue {
        self.host.clone()
    }

    /// The URI of the next event.
    pub(super) fn next(&self) -> Uri {
        self.next.clone()
    }

    /// The URI of a call. `None` if the path cannot be part of one.
    pub(super) fn uri(&self, path: &str) -> Option<Uri> {
        format!("{}{path}", self.base).parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_with_a_port_or_a_url_with_a_path() {
        for (address, socket, host, next) in [
            ("127.0.0.1:9001", "127.0.0.1:9001", "127.0.0.1:9001", NEXT),
            ("localhost", "localhost:80", "localhost", NEXT),
            ("[::1]:9001", "[::1]:9001", "[::1]:9001", NEXT),
            ("http://127.0.0.1:9001", "127.0.0.1:9001", "127.0.0.1:9001", NEXT),
            ("HTTP://127.0.0.1:9001/", "127.0.0.1:9001", "127.0.0.1:9001", NEXT),
            (
                "http://127.0.0.1:9001/.rt/echo",
                "127.0.0.1:9001",
                "127.0.0.1:9001",
                "/.rt/echo/2018-06-01/runtime/invocation/next",
            ),
            ("sandbox:1/a/", "sandbox:1", "sandbox:1", "/a/2018-06-01/runtime/invocation/next"),
        ] {
            let read = RuntimeAddress::parse(address).expect(address);
            assert_eq!((read.socket(), read.host().to_str().ok()), (socket, Some(host)), "{address}");
            assert_eq!(read.next(), next, "{address}");
            let base = next.strip_suffix(NEXT).expect("the path of the next event");
            assert_eq!(read.uri("/x").expect("a path"), format!("{base}/x").as_str(), "{address}");
        }
    }

    #[test]
    fn an_address_that_names_no_http_server_is_refused() {
        for address in [
            "",
            "https://127.0.0.1:9001",
            "127.0.0.1:port",
            "127.0.0.1:99999",
            "http://",
            ":9001",
            "a b",
            "me@host:1",
            "host:1?a",
        ] {
            assert!(RuntimeAddress::parse(address).is_none(), "{address}");
        }
    }
}
