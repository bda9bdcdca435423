use std::{
    net::{IpAddr, Ipv4Addr},
    sync::atomic::{AtomicUsize, Ordering},
};

use futures::FutureExt;
use mcp_lambda_core::fetch::Lookup;
use rustls::{
    RootCertStore, ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

use super::*;

pub(super) const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// An address of a part of IPv6 that is not assigned.
const UNASSIGNED: &str = "2d00::1";

/// A web site, `client.example`, that answers every request with the same response.
pub(super) struct Site {
    port: u16,
    connections: Arc<AtomicUsize>,
    response: Arc<Mutex<String>>,
    _tasks: JoinSet<()>,
}

impl Site {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let certificate = CertificateDer::from(include_bytes!("../../../tests/tls/server.der").to_vec());
        let key = PrivatePkcs8KeyDer::from(include_bytes!("../../../tests/tls/server.pk8").to_vec());
        let config = ServerConfig::builder_with_provider(ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], PrivateKeyDer::Pkcs8(key))
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let (connections, response) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(String::new())));
        let mut tasks = JoinSet::new();
        let (counted, answered) = (Arc::clone(&connections), Arc::clone(&response));
        tasks.spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                let Ok(mut stream) = acceptor.accept(socket).await else { continue };
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                let response = answered.lock().unwrap().clone();
                let _ = stream.write_all(response.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        });
        Self { port, connections, response, _tasks: tasks }
    }

    pub(super) fn id(&self) -> String {
        format!("https://client.example:{}/client.json", self.port)
    }

    pub(super) fn document(&self) -> serde_json::Value {
        serde_json::json!({
            "client_id": self.id(),
            "client_name": "Example",
            "client_uri": format!("https://client.example:{}/", self.port),
            "redirect_uris": ["http://127.0.0.1/callback", "https://client.example/callback"],
            "token_endpoint_auth_method": "none",
        })
    }

    fn answer(&self, status: &str, headers: &str, body: &str) {
        let length = body.len();
        *self.response.lock().unwrap() =
            format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n{body}");
    }

    pub(super) fn answer_json(&self, document: &serde_json::Value) {
        self.answer("200 OK", "content-type: application/json\r\n", &document.to_string());
    }

    pub(super) fn asked(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// Documents with names that resolve to these addresses, one list for each request, and the number of requests.
pub(super) fn documents(
    reach: Reach,
    addresses: Vec<Vec<IpAddr>>,
) -> (ClientDocuments, Clock, Arc<AtomicUsize>) {
    let lookups = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&lookups);
    let lookup: Lookup = Arc::new(move |_| {
        let found = addresses[counted.fetch_add(1, Ordering::SeqCst).min(addresses.len() - 1)].clone();
        async move { Ok(found) }.boxed()
    });
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(include_bytes!("../../../tests/tls/ca.der").to_vec())).unwrap();
    let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
    let fetcher = Fetcher::with(reach, Some(lookup), Some(roots));
    (ClientDocuments::with(fetcher, clock.clone()), clock, lookups)
}

async fn ask(documents: &ClientDocuments, id: &str) -> Result<Arc<Client>, ClientError> {
    documents.client(id, Deadline::after(Duration::from_secs(30))).await
}

/// The text of the error.
async fn refused(documents: &ClientDocuments, id: &str) -> String {
    ask(documents, id).await.unwrap_err().to_string()
}

#[tokio::test]
async fn a_document_is_fetched_once_and_again_after_its_lifetime() {
    let site = Site::start().await;
    let (documents, clock, _) = documents(Reach::Any, vec![vec![LOOPBACK]]);
    let body = site.document().to_string();
    site.answer("200 OK", "content-type: application/json\r\ncache-control: public, max-age=600\r\n", &body);
    let client = ask(&documents, &site.id()).await.unwrap();
    assert_eq!(client.name.as_deref(), Some("Example"));
    assert_eq!(client.verified_host, Some(format!("client.example:{}", site.port)));
    assert!(client.uri.is_some());
    assert_eq!(client.redirect_uris.len(), 2);
    clock.advance(Duration::from_secs(599));
    assert_eq!(ask(&documents, &site.id()).await.unwrap(), client);
    assert_eq!(site.asked(), 1);

    let mut changed = site.document();
    changed["client_name"] = "Another".into();
    site.answer_json(&changed);
    clock.advance(Duration::from_secs(1));
    let other = ask(&documents, &site.id()).await.unwrap();
    assert_ne!(other.digest, client.digest);
    assert_eq!(site.asked(), 2);
}

#[tokio::test]
async fn a_failure_is_answered_without_a_fetch_for_a_moment() {
    let site = Site::start().await;
    let (documents, clock, _) = documents(Reach::Any, vec![vec![LOOPBACK]]);
    site.answer("404 Not Found", "", "");
    for _ in 0..3 {
        let error = refused(&documents, &site.id()).await;
        assert!(error.contains("has the status 404 Not Found"), "{error}");
    }
    assert_eq!(site.asked(), 1);
    site.answer_json(&site.document());
    clock.advance(FAILURE_PAUSE);
    assert!(ask(&documents, &site.id()).await.is_ok());
}

#[tokio::test]
async fn redirects_other_types_and_large_documents_are_refused() {
    let site = Site::start().await;
    let body = site.document().to_string();
    let json = "content-type: application/json\r\n";
    let large = format!("{body}{}", " ".repeat(LIMITS.max_bytes));
    for (status, headers, body, text) in [
        (
            "302 Found",
            "location: https://client.example/other.json\r\n",
            "",
            "has the status 302 Found, not 200",
        ),
        ("500 Internal Server Error", json, &*body, "has the status 500"),
        (
            "200 OK",
            "content-type: text/html\r\n",
            &*body,
            "the content type \"text/html\", not application/json",
        ),
        ("200 OK", "", &*body, "the content type \"\""),
        ("200 OK", json, "<html>", "is invalid: expected value"),
        ("200 OK", json, "[]", "is invalid: "),
        ("200 OK", json, &*large, "cannot be fetched from client.example"),
    ] {
        let (documents, _, _) = documents(Reach::Any, vec![vec![LOOPBACK]]);
        site.answer(status, headers, body);
        let error = refused(&documents, &site.id()).await;
        assert!(error.contains(text), "{error}");
    }
    let (documents, _, _) = documents(Reach::Any, vec![vec![LOOPBACK]]);
    site.answer("200 OK", "content-type: application/cimd+json; charset=utf-8\r\n", &body);
    assert!(ask(&documents, &site.id()).await.is_ok());
}

#[tokio::test]
async fn a_document_says_who_it_is_and_that_it_has_no_secret() {
    let site = Site::start().await;
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    for (field, value, text) in [
        (
            "client_id",
            json(r#""https://client.example/client.json""#),
            "is not the URL at which it was requested",
        ),
        ("client_secret", json(r#""planted-secret""#), "has a client_secret"),
        ("client_secret_expires_at", json("0"), "has a client_secret"),
        ("token_endpoint_auth_method", json(r#""client_secret_basic""#), "token_endpoint_auth_method"),
        ("token_endpoint_auth_method", json(r#""private_key_jwt""#), "token_endpoint_auth_method"),
        ("grant_types", json(r#"["client_credentials"]"#), "lack \"authorization_code\""),
        ("response_types", json(r#"["token"]"#), "lack \"code\""),
        ("redirect_uris", json("[]"), "between 1 and 16"),
        ("redirect_uris", json(r#"["https://a.example/", "javascript:x"]"#), "redirect_uris[1] has a scheme"),
        ("redirect_uris", serde_json::json!(vec!["https://a.example/"; 17]), "between 1 and 16"),
    ] {
        let (documents, _, _) = documents(Reach::Any, vec![vec![LOOPBACK]]);
        let mut document = site.document();
        document[field] = value;
        site.answer_json(&document);
        let error = refused(&documents, &site.id()).await;
        assert!(error.contains(text), "{error}");
    }
}

/// <https://github.com/gamedevpl/www.gamedev.pl/pull/641> (read 2026-11-28).
#[tokio::test]
async fn a_client_that_prefers_a_key_and_can_do_without_it_is_accepted() {
    let site = Site::start().await;
    let (documents, _, _) = documents(Reach::Any, vec![vec![LOOPBACK]]);
    let mut document = site.document();
    document["token_endpoint_auth_method"] = "private_key_jwt".into();
    document["token_endpoint_auth_methods_supported"] = serde_json::json!(["none", "private_key_jwt"]);
    site.answer_json(&document);
    assert!(ask(&documents, &site.id()).await.is_ok());
}

#[tokio::test]
async fn the_page_of_another_host_is_not_the_clients() {
    let site = Site::start().await;
    let (documents, _, _) = documents(Reach::Any, vec![vec![LOOPBACK]]);
    let mut document = site.document();
    document["client_uri"] = "https://bank.example/".into();
    site.answer_json(&document);
    assert_eq!(ask(&documents, &site.id()).await.unwrap().uri, None);
}

#[tokio::test]
async fn a_name_that_leads_into_the_network_of_the_server_is_not_connected_to() {
    let site = Site::start().await;
    site.answer_json(&site.document());
    let of = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<IpAddr>>();
    for addresses in [
        of(&["127.0.0.1"]),
        of(&["169.254.169.254"]),
        of(&["10.0.0.8"]),
        of(&["100.64.1.1"]),
        of(&["::1"]),
        of(&["::ffff:127.0.0.1"]),
        of(&["fd00:ec2::254"]),
        of(&["0.0.0.0"]),
        // Among addresses of the internet.
        of(&[UNASSIGNED, "127.0.0.1"]),
    ] {
        let (documents, _, _) = documents(Reach::Public, vec![addresses]);
        let error = refused(&documents, &site.id()).await;
        assert_eq!(error, "the document of the client cannot be fetched from client.example");
    }
    assert_eq!(site.asked(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_name_is_resolved_once_so_that_it_cannot_change_between_check_and_connection() {
    let site = Site::start().await;
    site.answer_json(&site.document());
    let (documents, _, lookups) =
        documents(Reach::Public, vec![vec![UNASSIGNED.parse().unwrap()], vec![LOOPBACK]]);
    assert!(ask(&documents, &site.id()).await.is_err());
    assert_eq!(lookups.load(Ordering::SeqCst), 1);
    assert_eq!(site.asked(), 0);
}

#[tokio::test]
async fn a_url_that_is_no_document_of_a_web_site_is_not_fetched() {
    let (documents, _, lookups) = documents(Reach::Any, vec![vec![LOOPBACK]]);
    for (id, text) in [
        ("http://client.example/a", "its scheme is not https"),
        ("https://client.example", "it has no path"),
        ("https://client.example/", "it has no path"),
        ("https://client.example/a#b", "it has a fragment"),
        ("https://ada@client.example/a", "a user name"),
        ("https://client.example/a/../b", "not in normal form"),
        ("https://client.example:443/a", "not in normal form"),
        ("https://Client.example/a", "not in normal form"),
        ("https://localhost/a", "its host is this computer"),
        ("https://a.localhost/a", "its host is this computer"),
        ("https://127.0.0.1/a", "its host is not a domain name"),
        ("https://[::1]/a", "its host is not a domain name"),
        ("https://2130706433/a", "its host is not a domain name"),
        ("https://0x7f.1/a", "its host is not a domain name"),
        ("https://intranet/a", "its host is not a domain name"),
        ("https://client.example./a", "its host is not a domain name"),
        ("https://a b/", "it cannot be parsed"),
    ] {
        let error = refused(&documents, id).await;
        assert!(error.contains(text), "{id}: {error}");
    }
    let long = format!("https://client.example/{}", "a".repeat(MAX_URL_BYTES));
    assert!(refused(&documents, &long).await.contains("longer than 2048 bytes"));
    assert_eq!(lookups.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn the_number_of_kept_documents_is_limited() {
    let site = Site::start().await;
    let (documents, _, _) = documents(Reach::Any, vec![vec![LOOPBACK]]);
    let now = documents.clock.now();
    for n in 0..MAX_KEPT + 10 {
        let error = Arc::new(ClientError::Busy);
        let until = now.plus(Duration::from_secs(1 + n as u64));
        documents.keep(&format!("https://client.example/{n}"), Kept { client: Err(error), until }, now);
    }
    site.answer_json(&site.document());
    assert!(ask(&documents, &site.id()).await.is_ok());
    assert_eq!(documents.kept().len(), MAX_KEPT);
    assert!(!documents.kept().contains_key("https://client.example/0"));
}

#[test]
fn the_lifetime_of_a_document_has_bounds() {
    for (value, seconds) in [
        ("", 300),
        ("no-store", 300),
        ("max-age=0", 300),
        ("public, max-age=3600", 3600),
        ("MAX-AGE=\"3600\"", 3600),
        ("max-age=31536000", 86400),
        ("max-age=-1", 300),
        ("max-age=99999999999999999999", 300),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(value));
        assert_eq!(lifetime(&headers), Duration::from_secs(seconds), "{value}");
    }
}
