//! The pages that users see: HTML without scripts, that no other site can frame, and that loads nothing.
//!
//! What a client or a user has chosen is escaped by `maud`, and [`plain`] takes out the characters that would make a text
//! read differently from how it is written.

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use ring::digest::{SHA256, digest};
use url::{Host, Url};

use crate::client::Client;

const STYLE: &str = include_str!("style.css");

/// A page, and the headers it is sent with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Page {
    /// The document.
    pub(crate) html: String,
    /// Where its form may lead. `None`: the page does not say.
    form_action: Option<String>,
}

/// What the user is asked before a client gets tokens.
#[derive(Debug)]
pub(crate) struct ConsentPage<'a> {
    /// The client.
    pub(crate) client: &'a Client,
    /// The URI to which the code will be sent.
    pub(crate) redirect_uri: &'a str,
    /// The URL of the MCP server that the client will use.
    pub(crate) resource: &'a str,
    /// The user who has signed in.
    pub(crate) user: &'a str,
    /// The scopes that the client will be granted.
    pub(crate) scopes: &'a [String],
    /// The path to which the form is sent. It adds `decision`: `allow` or `deny`.
    pub(crate) action: &'a str,
    /// The hidden fields of the form.
    pub(crate) fields: &'a [(&'a str, &'a str)],
}

/// A page on which a user of this process signs in.
#[derive(Debug, Default)]
pub(crate) struct SignInPage<'a> {
    /// The path to which the form is sent. It adds `name` and `password`.
    pub(crate) action: &'a str,
    /// The hidden fields of the form.
    pub(crate) fields: &'a [(&'a str, &'a str)],
    /// The name that was typed before.
    pub(crate) name: &'a str,
    /// The error of that sign-in.
    pub(crate) error: Option<&'a str>,
}

/// A page that ends a login.
#[derive(Debug)]
pub(crate) struct ErrorPage<'a> {
    /// What has happened, in a few words.
    pub(crate) title: &'a str,
    /// What the user can do.
    pub(crate) text: &'a str,
}

/// The page on which a user allows a client to act for it.
pub(crate) fn consent(page: &ConsentPage<'_>) -> Page {
    let client = page.client;
    let name = client.name.as_deref().map(plain).filter(|name| !name.is_empty());
    let name = name.unwrap_or_else(|| "A client without a name".to_owned());
    let target = Target::of(page.redirect_uri);
    let html = document(
        "Allow access?",
        &html! {
            h1 { "Allow " bdi { (name) } " to act for you?" }
            @match &client.verified_host {
                Some(host) => {
                    p { "Published by " code { (plain(host)) } ", which this page has verified." }
                    @if target.is_local() {
                        p.warning { "Another program on this computer could pass for it. Continue only if you have just connected it yourself." }
                    }
                },
                None => p.warning {
                    "This client is unverified: any program can call itself " bdi { (name) } ". Continue only if you have "
                    "just connected it yourself."
                },
            }
            dl {
                dt { "Server" }
                dd { code { (plain(page.resource)) } }
                dt { "You are signed in as" }
                dd { bdi { (plain(page.user)) } }
                dt { "Access is given to" }
                dd { (target.text()) }
                @if let Some(uri) = &client.uri {
                    dt { "Page of the client" @if client.verified_host.is_none() { " (unverified)" } }
                    dd { code { (plain(uri.as_str())) } }
                }
                dt { "It will be allowed" }
                dd {
                    @if page.scopes.is_empty() {
                        "what needs no scope"
                    } @else {
                        ul { @for scope in page.scopes { li { code { (plain(scope)) } } } }
                    }
                }
            }
            form method="post" action=(page.action) {
                (hidden(page.fields))
                div.buttons {
                    button type="submit" name="decision" value="deny" { "Deny" }
                    button.main type="submit" name="decision" value="allow" { "Allow" }
                }
            }
        },
    );
    // Chromium compares the redirect that answers the form as well: https://github.com/w3c/webappsec-csp/issues/8.
    let form_action = match target.source() {
        Some(source) => format!("'self' {source}"),
        None => "'self'".to_owned(),
    };
    Page { html, form_action: Some(form_action) }
}

/// The page on which a user of this process signs in.
pub(crate) fn sign_in(page: &SignInPage<'_>) -> Page {
    let html = document(
        "Sign in",
        &html! {
            h1 { "Sign in" }
            p { "This server runs on your computer, with the users of " code { "MCP_LOGIN_LOCAL_USERS" } "." }
            @if let Some(error) = page.error { p.warning role="alert" { (error) } }
            form method="post" action=(page.action) {
                (hidden(page.fields))
                label for="name" { "Name" }
                input #name name="name" value=(page.name) autocomplete="username" autocapitalize="none" required;
                label for="password" { "Password" }
                input #password name="password" type="password" autocomplete="current-password" required;
                div.buttons { button.main type="submit" { "Sign in" } }
            }
        },
    );
    // The redirects that answer the form may end at a client that was allowed before.
    Page { html, form_action: None }
}

/// A page that ends a login.
pub(crate) fn error(page: &ErrorPage<'_>) -> Page {
    let content = html! { h1 { (plain(page.title)) } p { (plain(page.text)) } };
    Page { html: document(page.title, &content), form_action: Some("'none'".to_owned()) }
}

impl Page {
    /// The headers of the response.
    pub(crate) fn headers(&self) -> HeaderMap {
        let hash = STANDARD.encode(digest(&SHA256, STYLE.as_bytes()));
        let form_action =
            self.form_action.as_ref().map(|to| format!("; form-action {to}")).unwrap_or_default();
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; frame-ancestors 'none'{form_action}"
        );
        let fixed = [
            (header::CONTENT_TYPE, "text/html; charset=utf-8"),
            (header::CACHE_CONTROL, "no-store"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::X_FRAME_OPTIONS, "DENY"),
            // With `no-referrer` Chromium sends `Origin: null` with a form.
            (header::REFERRER_POLICY, "same-origin"),
            (HeaderName::from_static("permissions-policy"), "publickey-credentials-get=()"),
        ];
        let mut headers: HeaderMap =
            fixed.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value))).collect();
        // The parts are ASCII: an origin or a scheme as `url` writes it.
        let policy = HeaderValue::try_from(policy)
            .unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        headers
    }
}

fn document(title: &str, content: &Markup) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                title { (plain(title)) }
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex";
                style { (PreEscaped(STYLE)) }
            }
            body { main { (content) } }
        }
    }
    .into_string()
}

fn hidden(fields: &[(&str, &str)]) -> Markup {
    html! { @for (name, value) in fields { input type="hidden" name=(name) value=(value); } }
}

/// Where a redirect URI leads.
enum Target {
    /// A program that listens on this computer, at this address.
    Loopback(String),
    /// A web site: its host, and its origin.
    Site { host: String, origin: String },
    /// The app that opens this scheme.
    App(String),
    /// Nowhere: the URI was refused before.
    Unknown,
}

impl Target {
    fn of(redirect_uri: &str) -> Self {
        let Ok(url) = Url::parse(redirect_uri) else { return Self::Unknown };
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let is_loopback = match url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        };
        match (url.scheme(), url.host_str()) {
            ("http", Some(host)) if is_loopback => Self::Loopback(format!("{host}{port}")),
            ("https", Some(host)) => {
                Self::Site { host: format!("{host}{port}"), origin: url.origin().ascii_serialization() }
            }
            ("http" | "https", _) => Self::Unknown,
            (scheme, _) => Self::App(scheme.to_owned()),
        }
    }

    /// Whether what receives the code is not known by the host of a URL.
    fn is_local(&self) -> bool {
        matches!(self, Self::Loopback(_) | Self::App(_))
    }

    fn text(&self) -> Markup {
        match self {
            Self::Loopback(address) => html! { "a program on this computer (" code { (address) } ")" },
            Self::Site { host, .. } => html! { "the web site " code { (host) } },
            Self::App(scheme) => html! { "the app that opens links with " code { (scheme) ":" } },
            Self::Unknown => html! { "an unknown address" },
        }
    }

    /// The source expression of a policy that matches the redirect: <https://www.w3.org/TR/CSP3/#grammardef-host-source>.
    fn source(&self) -> Option<String> {
        match self {
            // An address of IPv6 is no host of a policy, only its scheme can be named.
            Self::Loopback(address) if address.starts_with('[') => Some("http:".to_owned()),
            Self::Loopback(address) => Some(format!("http://{address}")),
            Self::Site { origin, .. } => Some(origin.clone()),
            Self::App(scheme) => Some(format!("{scheme}:")),
            Self::Unknown => None,
        }
    }
}

/// The text without characters that are invisible, or that change the direction of the characters around them.
fn plain(text: &str) -> String {
    let is_shown = |c: &char| {
        !c.is_control()
            && !matches!(u32::from(*c),
                0xad | 0x34f | 0x61c | 0x115f..=0x1160 | 0x17b4..=0x17b5 | 0x180b..=0x180f | 0x200b..=0x200f
                | 0x2028..=0x202e | 0x2060..=0x206f | 0x3164 | 0xfe00..=0xfe0f | 0xfeff | 0xffa0 | 0xfff0..=0xfffb
                | 0xe0000..=0xe0fff)
    };
    text.chars().filter(is_shown).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn client(name: &str) -> Client {
        Client {
            id: "dcr.a".to_owned(),
            name: Some(name.to_owned()),
            uri: None,
            redirect_uris: Vec::new(),
            verified_host: None,
            digest: [0; 32],
        }
    }

    fn page(client: &Client, redirect_uri: &str, scopes: &[String]) -> Page {
        consent(&ConsentPage {
            client,
            redirect_uri,
            resource: "https://mcp.example/mcp",
            user: "ada@example.com",
            scopes,
            action: "/consent",
            fields: &[("request", "a<b\"c")],
        })
    }

    fn policy(page: &Page) -> String {
        page.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned()
    }

    #[test]
    fn consent_shows_client_host_user_and_scopes() {
        let scopes = ["mail:read".to_owned(), "mail:send".to_owned()];
        let page = page(&client("Mail & <Calendar>"), "https://client.example/back", &scopes);
        for text in [
            "<bdi>Mail &amp; &lt;Calendar&gt;</bdi>",
            "This client is unverified",
            "<code>client.example</code>",
            "ada@example.com",
            "<code>mail:read</code>",
            "<code>mail:send</code>",
            "https://mcp.example/mcp",
            r#"<input type="hidden" name="request" value="a&lt;b&quot;c">"#,
        ] {
            assert!(page.html.contains(text), "{text} in {}", page.html);
        }
    }

    #[test]
    fn a_verified_host_takes_the_place_of_the_warning() {
        let client = Client { verified_host: Some("client.example".to_owned()), ..client("Mail") };
        let site = page(&client, "https://client.example/back", &[]);
        assert!(site.html.contains("Published by <code>client.example</code>"));
        assert!(!site.html.contains("unverified") && !site.html.contains("warning\""));
        let program = page(&client, "http://127.0.0.1:33418/", &[]);
        assert!(program.html.contains("Another program on this computer could pass for it."));
    }

    #[test]
    fn the_form_may_lead_to_this_server_and_to_the_client_alone() {
        for (redirect_uri, to) in [
            ("https://client.example/back", "'self' https://client.example"),
            ("https://client.example:8443/back", "'self' https://client.example:8443"),
            ("http://127.0.0.1:33418/", "'self' http://127.0.0.1:33418"),
            ("http://[::1]:33418/", "'self' http:"),
            ("com.example.app:/back", "'self' com.example.app:"),
            ("http://evil.example/", "'self'"),
        ] {
            let policy = policy(&page(&client("Mail"), redirect_uri, &[]));
            assert_eq!(policy.split("form-action ").nth(1), Some(to), "{redirect_uri}");
        }
        assert!(policy(&error(&ErrorPage { title: "a", text: "b" })).ends_with("form-action 'none'"));
    }

    #[test]
    fn pages_have_no_script_and_cannot_be_framed() {
        let page = page(&client("Mail"), "https://client.example/back", &[]);
        let policy = policy(&page);
        let hash = STANDARD.encode(digest(&SHA256, STYLE.as_bytes()));
        let expected = format!(
            "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; frame-ancestors 'none'; "
        );
        assert!(policy.starts_with(&expected), "{policy}");
        assert_eq!(page.headers()[header::X_FRAME_OPTIONS], "DENY");
        assert_eq!(page.headers()[header::REFERRER_POLICY], "same-origin");
        assert_eq!(page.headers()[header::CACHE_CONTROL], "no-store");
        assert!(page.html.contains(&format!("<style>{STYLE}</style>")));
        assert!(!page.html.contains("<script") && !page.html.contains(" style="));
    }

    #[test]
    fn a_name_cannot_hide_or_reverse_what_is_around_it() {
        let page = page(&client("good\u{202e}live\u{200b}\u{2066}\n"), "https://client.example/back", &[]);
        assert!(page.html.contains("<bdi>goodlive</bdi>"), "{}", page.html);
    }

    #[test]
    fn a_wrong_password_is_told_on_the_page() {
        let fields = [("state", "s")];
        let page =
            sign_in(&SignInPage { action: "/sign-in", fields: &fields, name: "a\"b", error: Some("wrong") });
        assert!(page.html.contains(r#"<p class="warning" role="alert">wrong</p>"#), "{}", page.html);
        assert!(page.html.contains(r#"value="a&quot;b""#));
        assert!(!policy(&page).contains("form-action"));
    }

    proptest! {
        #[test]
        fn no_text_of_a_client_becomes_markup(
            name in any::<String>(),
            scope in any::<String>(),
            path in "[!-~]{0,40}",
        ) {
            let redirect_uri = format!("https://client.example/{path}");
            let scopes = [scope];
            let of = |name: &str, scopes: &[String]| page(&client(name), &redirect_uri, scopes);
            let shown = of(&name, &scopes);
            let count = |page: &Page, c: char| page.html.matches(c).count();
            let plain_page = of("name", &["scope".to_owned()]);
            for c in ['<', '>', '"'] {
                prop_assert_eq!(count(&shown, c), count(&plain_page, c));
            }
            prop_assert_eq!(shown.headers(), plain_page.headers());
        }
    }
}
