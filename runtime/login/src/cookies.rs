//! The cookie that binds what a user does at the pages to one browser.

use http::{HeaderMap, HeaderValue, header};
use mcp_lambda_core::random;

use crate::keys::{self, Hash};

/// The name of the cookie, and how it is set.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BrowserCookie {
    /// Whether the pages are at https. A browser takes a `__Host-` cookie from nothing else, and then from no other host:
    /// <https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Set-Cookie#cookie_prefixes> (read 2026-11-28).
    is_secure: bool,
}

/// A browser, by its cookie.
#[derive(Clone)]
pub(crate) struct Browser(String);

impl BrowserCookie {
    pub(crate) fn new(issuer: &str) -> Self {
        Self { is_secure: issuer.starts_with("https://") }
    }

    fn name(self) -> &'static str {
        if self.is_secure { "__Host-login" } else { "login" }
    }

    /// The browser that sent a request. `None` if it has no cookie yet.
    pub(crate) fn read(self, headers: &HeaderMap) -> Option<Browser> {
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs =
            cookies.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let (_, value) = pairs.find(|(name, _)| *name == self.name())?;
        let is_token = value.len() == 32 && value.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_token.then(|| Browser(value.to_owned()))
    }

    /// The `Set-Cookie` header of a browser.
    pub(crate) fn set(self, browser: &Browser) -> Option<HeaderValue> {
        let secure = if self.is_secure { "; Secure" } else { "" };
        let text =
            format!("{}={}; Path=/; HttpOnly; SameSite=Lax; Max-Age=3600{secure}", self.name(), browser.0);
        HeaderValue::from_str(&text).ok()
    }
}

impl Browser {
    /// A browser that gets its cookie now.
    pub(crate) fn random() -> Self {
        Self(random::token())
    }

    /// What a sealed request keeps of its browser.
    pub(crate) fn hash(&self) -> Hash {
        keys::hash(&["browser", &self.0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(cookie: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, cookie.parse().expect("a cookie"));
        headers
    }

    #[test]
    fn a_cookie_is_read_back_as_it_was_set_and_no_other_one() {
        for issuer in ["https://login.example", "http://127.0.0.1:9001"] {
            let cookie = BrowserCookie::new(issuer);
            let browser = Browser::random();
            let set = cookie.set(&browser).expect("a header");
            let set = set.to_str().expect("ASCII");
            assert!(set.contains("; HttpOnly; SameSite=Lax") && set.contains("Path=/;"), "{set}");
            assert_eq!(set.starts_with("__Host-") && set.ends_with("; Secure"), issuer.starts_with("https"));
            let pair = set.split(';').next().expect("a pair");
            let read = cookie.read(&headers(&format!("a=b; {pair}; c=d"))).expect("a browser");
            assert!(read.hash() == browser.hash());
            for other in
                ["", "login=", "__Host-login=short", "__Host-login", "other=0123456789abcdef0123456789abcdef"]
            {
                assert!(cookie.read(&headers(other)).is_none(), "{other}");
            }
        }
        let planted = headers("login=0123456789abcdef0123456789abcdef");
        assert!(
            BrowserCookie::new("https://login.example").read(&planted).is_none(),
            "it is not one of this host alone"
        );
    }
}
