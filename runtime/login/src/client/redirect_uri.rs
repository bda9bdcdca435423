//! The URIs to which codes are sent: <https://www.rfc-editor.org/rfc/rfc8252#section-7>,
//! <https://www.rfc-editor.org/rfc/rfc9700#section-4.1.3> (read 2026-11-28).
//!
//! A URI is compared as text. Two parsers that read one URI in two ways (a backslash, a user name, an encoded slash, a
//! character that is mapped to another) would send a code to a host that was not registered, so only URIs that every parser
//! reads in the same way are accepted at all: those that are already as [`url::Url`] writes them.

use url::{Host, Url};

/// The longest redirect URI, in bytes.
pub(crate) const MAX_BYTES: usize = 2048;

/// Schemes without a dot that well-known clients register for themselves, against RFC 8252, section 7.1: they cannot sign in
/// otherwise. <https://github.com/bytebase/bytebase/issues/20510>, <https://github.com/erp-mafia/accounted/pull/2225>
/// (read 2026-11-28).
const APPS: [&str; 5] = ["cursor", "jetbrains", "vscode", "vscode-insiders", "windsurf"];

/// Why a redirect URI is not accepted. The text names what was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RedirectError {
    #[error("is longer than {MAX_BYTES} bytes")]
    Long,
    #[error("is not an absolute URI")]
    Syntax,
    #[error("is not in its normal form: write it as a browser's address bar shows it")]
    NotNormal,
    #[error("has a fragment (`#`)")]
    Fragment,
    #[error("has a user name or a password (`@`)")]
    UserInfo,
    #[error("has a wildcard (`*`) in its host")]
    Wildcard,
    #[error("has an encoded character in its host")]
    EncodedHost,
    #[error("has the scheme http and a host that is not 127.0.0.1, [::1] or localhost: use https")]
    Http,
    #[error(
        "has a scheme that browsers use themselves, or one without a dot: name it after a domain, as com.example.app"
    )]
    Scheme,
}

/// Checks a URI that a client registers.
///
/// # Errors
///
/// See [`RedirectError`].
pub(crate) fn check_redirect(uri: &str) -> Result<(), RedirectError> {
    parse(uri).map(|_| ())
}

/// Whether a client that has registered these URIs may be answered at this one: it is one of them, or differs from one of
/// them in the port of a loopback address alone (RFC 8252, section 7.3).
pub(crate) fn matches_redirect(registered: &[String], asked: &str) -> bool {
    let Ok(url) = parse(asked) else { return false };
    registered.iter().any(|registered| {
        registered == asked || parse(registered).is_ok_and(|registered| is_same_loopback(&registered, &url))
    })
}

#[cfg(test)]
/// The host of a redirect URI, as the consent page shows it, or the scheme if it is one of an app.
pub(crate) fn shown(uri: &str) -> Option<String> {
    let url = parse(uri).ok()?;
    Some(match url.host_str().filter(|_| matches!(url.scheme(), "http" | "https")) {
        Some(host) => host.to_owned(),
        None => url.scheme().to_owned(),
    })
}

fn parse(uri: &str) -> Result<Url, RedirectError> {
    if uri.len() > MAX_BYTES {
        return Err(RedirectError::Long);
    }
    let url = Url::parse(uri).map_err(|_| RedirectError::Syntax)?;
    if url.fragment().is_some() || uri.contains('#') {
        return Err(RedirectError::Fragment);
    }
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        "http" => return Err(RedirectError::Http),
        scheme if APPS.contains(&scheme) => {}
        // No scheme of browsers (`javascript`, `data`, `file`, `blob`, `about`) has a dot.
        scheme if scheme.contains('.') && !scheme.starts_with('.') && !scheme.ends_with('.') => {}
        _ => return Err(RedirectError::Scheme),
    }
    if !url.username().is_empty() || url.password().is_some() || authority(uri).contains('@') {
        return Err(RedirectError::UserInfo);
    }
    if authority(uri).contains('*') {
        return Err(RedirectError::Wildcard);
    }
    if authority(uri).contains('%') {
        return Err(RedirectError::EncodedHost);
    }
    // What a parser drops or rewrites, another one may keep: tabs and new lines, backslashes, upper case, `..`, a host with
    // characters outside of ASCII (the form with `xn--` is accepted, and shown as such), a port that the scheme implies.
    let is_same = url.as_str() == uri || url.as_str().strip_suffix('/') == Some(uri) && url.path() == "/";
    let is_plain =
        uri.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'<' | b'>' | b'"' | b'`'));
    if !is_same || !is_plain {
        return Err(RedirectError::NotNormal);
    }
    Ok(url)
}

/// What stands between `//` and the path: empty for `com.example.app:/callback`.
fn authority(uri: &str) -> &str {
    let rest = uri.split_once("://").map_or("", |(_, rest)| rest);
    rest.split(['/', '?', '#', '\\']).next().unwrap_or_default()
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

fn is_same_loopback(registered: &Url, asked: &Url) -> bool {
    let same = |of: fn(&Url) -> &str| of(registered) == of(asked);
    registered.scheme() == "http"
        && is_loopback(registered)
        && same(Url::scheme)
        && registered.host() == asked.host()
        && same(Url::path)
        && registered.query() == asked.query()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn uris_of_clients_are_accepted() {
        for uri in [
            "https://claude.ai/api/mcp/auth_callback",
            "https://chatgpt.com/connector_platform_oauth_redirect",
            "https://client.example",
            "https://client.example:8443/back?from=mcp",
            "https://xn--bcher-kva.example/back",
            "http://127.0.0.1:33418/",
            "http://127.0.0.1:33418",
            "http://[::1]:9000/callback",
            "http://localhost/callback",
            "com.example.app:/callback",
            "com.example.app://callback",
            "cursor://anysphere.cursor-mcp/oauth/callback",
            "vscode://vscode.github-authentication/did-authenticate",
        ] {
            assert_eq!(check_redirect(uri), Ok(()), "{uri}");
        }
    }

    #[test]
    fn uris_that_lead_elsewhere_than_they_seem_to_are_refused() {
        use RedirectError::*;
        for (uri, error) in [
            ("", Syntax),
            ("/callback", Syntax),
            ("https://", Syntax),
            ("https://client.example@evil.example/", UserInfo),
            ("https://a:b@evil.example/", UserInfo),
            ("https://@evil.example/", UserInfo),
            ("com.example.app://user@host/", UserInfo),
            ("https://client.example/#", Fragment),
            ("https://client.example/#code", Fragment),
            ("https://*.client.example/", Wildcard),
            ("https://evil.example%2f.client.example/", Syntax),
            ("https://client%2eexample/", EncodedHost),
            ("https://client.example\\@evil.example/", NotNormal),
            ("https://evil.example\\.client.example/", NotNormal),
            ("https:\\\\evil.example/", NotNormal),
            ("https:evil.example", NotNormal),
            ("https:///evil.example", NotNormal),
            ("https://client.example/\tback", NotNormal),
            (" https://client.example/", NotNormal),
            ("https://client.example/a/../b", NotNormal),
            ("https://client.example/a/%2e%2e/b", NotNormal),
            ("https://client.example:443/", NotNormal),
            ("https://Client.example/", NotNormal),
            ("HTTPS://client.example/", NotNormal),
            ("https://bücher.example/", NotNormal),
            ("https://client。example/", NotNormal),
            ("https://2130706433/", NotNormal),
            ("https://client.example/ü", NotNormal),
            ("http://client.example/", Http),
            ("http://localhost.evil.example/", Http),
            ("http://10.0.0.1/", Http),
            ("http://0.0.0.0/", Http),
            ("javascript:alert(1)", Scheme),
            ("data:text/html,x", Scheme),
            ("file:///etc/passwd", Scheme),
            ("vbscript:x", Scheme),
            ("about:blank", Scheme),
            ("myapp://callback", Scheme),
            ("cursor.://callback", Scheme),
            ("urn:ietf:wg:oauth:2.0:oob", Scheme),
        ] {
            assert_eq!(check_redirect(uri), Err(error), "{uri:?}");
        }
        assert_eq!(check_redirect(&format!("https://a.example/{}", "a".repeat(MAX_BYTES))), Err(Long));
    }

    #[test]
    fn a_uri_matches_as_text_and_a_loopback_address_with_any_port() {
        let registered = |uri: &str| vec![uri.to_owned()];
        for (of, asked, matches) in [
            ("https://client.example/a", "https://client.example/a", true),
            ("https://client.example/a", "https://client.example/a/", false),
            ("https://client.example/a", "https://client.example/a?x", false),
            ("https://client.example/a", "https://client.example/a#", false),
            ("https://client.example/a", "https://client.example:8443/a", false),
            ("https://client.example/a", "https://client.example/A", false),
            ("https://client.example/a", "https://client.example/a%2f", false),
            ("https://client.example/a", "https://client.example.evil.example/a", false),
            ("http://127.0.0.1/a", "http://127.0.0.1:51004/a", true),
            ("http://127.0.0.1:1/a", "http://127.0.0.1:51004/a", true),
            ("http://localhost:1/a", "http://localhost:2/a", true),
            ("http://[::1]:1/a", "http://[::1]:2/a", true),
            ("http://127.0.0.1/a", "http://127.0.0.1:51004/b", false),
            ("http://127.0.0.1/a", "http://127.0.0.1:51004/a?x", false),
            ("http://127.0.0.1/a", "http://localhost:51004/a", false),
            ("http://127.0.0.1/a", "https://127.0.0.1:51004/a", false),
            ("http://127.0.0.1/a", "http://127.0.0.1:51004@evil.example/a", false),
            ("https://127.0.0.1/a", "https://127.0.0.1:51004/a", false),
            ("com.example.app:/a", "com.example.app:/a", true),
            ("com.example.app:/a", "com.example.app:/b", false),
        ] {
            assert_eq!(matches_redirect(&registered(of), asked), matches, "{of} {asked}");
        }
    }

    #[test]
    fn a_registered_uri_that_would_be_refused_matches_nothing() {
        for uri in ["javascript:alert(1)", "https://a.example/#", "http://evil.example/"] {
            assert!(!matches_redirect(&[uri.to_owned()], uri), "{uri}");
        }
    }

    #[test]
    fn the_host_is_shown_as_it_is_written() {
        assert_eq!(shown("https://xn--bcher-kva.example/a").as_deref(), Some("xn--bcher-kva.example"));
        assert_eq!(shown("http://127.0.0.1:1/a").as_deref(), Some("127.0.0.1"));
        assert_eq!(shown("com.example.app:/a").as_deref(), Some("com.example.app"));
        assert_eq!(shown("javascript:alert(1)"), None);
    }

    /// Texts that are nearly a redirect URI.
    fn nearly() -> impl Strategy<Value = String> {
        let part = prop::sample::select(vec![
            "https://",
            "http://",
            "com.example.app:/",
            "javascript:",
            "127.0.0.1",
            "[::1]",
            "localhost",
            "client.example",
            "evil.example",
            "xn--bcher-kva.example",
            ":",
            ":80",
            "/",
            "//",
            "\\",
            "@",
            "#",
            "?",
            "*",
            "%2f",
            "%40",
            "%00",
            "..",
            "a",
            "=",
            "&",
            "\t",
            "\n",
            "\u{0}",
            "ü",
            "。",
            " ",
            "\"",
            "<",
            "'",
        ]);
        prop_oneof![prop::collection::vec(part, 1..8).prop_map(|parts| parts.concat()), any::<String>()]
    }

    proptest! {
        #[test]
        fn what_is_accepted_is_read_in_one_way(text in nearly()) {
            if check_redirect(&text).is_ok() {
                let url = Url::parse(&text).unwrap();
                prop_assert!(text.bytes().all(|byte| byte.is_ascii_graphic()));
                prop_assert!(!text.contains(['#', '\\', '"', '<', '>']));
                prop_assert!(matches!(url.scheme(), "https" | "vscode") || is_loopback(&url) || url.scheme().contains('.'));
                // The host of another parser: that of the `http` crate.
                if let Ok(uri) = text.parse::<http::Uri>() && url.scheme().starts_with("http") {
                    prop_assert_eq!(uri.host(), url.host_str());
                    prop_assert!(!uri.authority().unwrap().as_str().contains(['@', '*', '%']));
                }
            }
        }

        #[test]
        fn only_a_registered_host_is_ever_matched(text in nearly()) {
            let registered = ["https://client.example/a".to_owned(), "http://127.0.0.1/a".to_owned()];
            if matches_redirect(&registered, &text) {
                let url = Url::parse(&text).unwrap();
                prop_assert!(matches!(url.host_str(), Some("client.example" | "127.0.0.1")));
                prop_assert_eq!(url.path(), "/a");
            }
        }
    }
}
