//! The function of a login: what browsers, clients and a provider send it is in no line that it prints, not even when everything is
//! logged.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use lambda_emulator::Emulator;
use local_issuer::{Issuer, Outage};
use reqwest::{Client, Method, Response, StatusCode, Url, redirect::Policy};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::*;

const ISSUER: &str = "https://login.example";
const RESOURCE: &str = "https://mcp.example/mcp";
const SITE: &str = "https://client.example/back";
const VERIFIER: &str = "planted-verifier-planted-verifier-planted-verifier";
const STATE: &str = "planted-state";
const PASSWORD: &str = "planted-password";
const KEY: &str = "plantedkeyplantedkeyplantedkeyplantedkeyplantedkeyplantedkeyplan";

/// A browser and a client of the login, which follow no redirect by themselves.
struct Visitor<'a> {
    http: Client,
    emulator: &'a Emulator,
}

impl Visitor<'_> {
    async fn send(&self, method: Method, target: &str, headers: &[(&str, &str)], body: String) -> Response {
        let url = format!("{}{target}", self.emulator.function_url());
        let request = self.http.request(method, url).body(body);
        headers
            .iter()
            .fold(request, |request, (name, value)| request.header(*name, *value))
            .send()
            .await
            .unwrap()
    }

    /// Goes to a URL of the login.
    async fn visit(&self, url: &Url, cookie: &str) -> Response {
        let target = format!("{}?{}", url.path(), url.query().unwrap_or_default());
        self.send(Method::GET, &target, &[("cookie", cookie)], String::new()).await
    }

    async fn post(&self, path: &str, pairs: &[(&str, &str)], headers: &[(&str, &str)]) -> Response {
        let headers = [&[("content-type", "application/x-www-form-urlencoded")], headers].concat();
        self.send(Method::POST, path, &headers, form(pairs)).await
    }

    async fn token(&self, pairs: &[(&str, &str)]) -> Value {
        self.post("/token", pairs, &[]).await.json().await.unwrap()
    }
}

fn form(pairs: &[(&str, &str)]) -> String {
    let mut url = Url::parse(ISSUER).unwrap();
    url.query_pairs_mut().extend_pairs(pairs);
    url.query().unwrap().to_owned()
}

fn location(response: &Response) -> Url {
    response.headers()["location"].to_str().unwrap().parse().unwrap()
}

fn parameter(url: &Url, name: &str) -> String {
    url.query_pairs().find(|(found, _)| found == name).unwrap().1.into_owned()
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("no {name}: {value}")).to_owned()
}

#[tokio::test]
async fn no_line_of_the_function_of_a_login_holds_a_secret() {
    // It fails where another test has done so.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let issuer = Issuer::start().await.unwrap();
    issuer.register("login", Some("planted-secret"), &format!("{ISSUER}/callback"));
    issuer.add_user("ada", PASSWORD);
    let emulator = function()
        .env("RUST_LOG", "trace")
        .env("MCP_ROLE", "login")
        .env("MCP_LOGIN_ISSUER", ISSUER)
        .env("MCP_LOGIN_RESOURCES", RESOURCE)
        .env("MCP_LOGIN_SCOPES", "mcp")
        .env("MCP_LOGIN_KEYS", format!("one:{KEY}"))
        .env("MCP_LOGIN_UPSTREAM", "oidc")
        .env("MCP_LOGIN_UPSTREAM_ISSUER", issuer.url())
        .env("MCP_LOGIN_UPSTREAM_CLIENT_ID", "login")
        .env("MCP_LOGIN_UPSTREAM_CLIENT_SECRET", "planted-secret")
        .start()
        .await
        .unwrap();
    let visitor =
        Visitor { http: Client::builder().redirect(Policy::none()).build().unwrap(), emulator: &emulator };
    let mut secrets = [VERIFIER, STATE, PASSWORD, "planted-secret", KEY].map(str::to_owned).to_vec();

    let registration = json!({ "client_name": "Mail", "redirect_uris": [SITE] }).to_string();
    let json = [("content-type", "application/json")];
    let registered = visitor.send(Method::POST, "/register", &json, registration).await;
    let client = text(&registered.json().await.unwrap(), "client_id");
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
    let asked = form(&[
        ("response_type", "code"),
        ("client_id", &client),
        ("redirect_uri", SITE),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
        ("state", STATE),
        ("resource", RESOURCE),
    ]);
    let begun = visitor.send(Method::GET, &format!("/authorize?{asked}"), &[], String::new()).await;
    let set = begun.headers()["set-cookie"].to_str().unwrap().to_owned();
    let cookie = set.split(';').next().unwrap();
    secrets.push(cookie.split_once('=').unwrap().1.to_owned());

    // The provider's page, and the way back: in another browser, in this one, and again.
    let page = location(&begun);
    let mut signed_in: Vec<_> = page.query_pairs().into_owned().collect();
    signed_in
        .extend([("name", "ada"), ("password", PASSWORD)].map(|(name, value)| (name.into(), value.into())));
    let pairs: Vec<(&str, &str)> = signed_in.iter().map(|(name, value)| (&**name, &**value)).collect();
    let login = visitor.http.post(page.join("/login").unwrap()).body(form(&pairs)).send().await.unwrap();
    let callback = location(&login);
    secrets.extend(["code", "state"].map(|name| parameter(&callback, name)));
    assert_eq!(visitor.visit(&callback, "").await.status(), StatusCode::FORBIDDEN);
    let consent = visitor.visit(&callback, cookie).await;
    assert_eq!(consent.status(), StatusCode::OK);
    let consent = consent.text().await.unwrap();
    visitor.visit(&callback, cookie).await;
    let (_, rest) = consent.split_once("name=\"asked\" value=\"").unwrap();
    let asked = rest.split('"').next().unwrap();
    secrets.push(asked.to_owned());
    let decision = [("asked", asked), ("decision", "allow")];
    for (origin, status) in [("https://evil.example", 403), (ISSUER, 303), (ISSUER, 400)] {
        let decided = visitor.post("/consent", &decision, &[("cookie", cookie), ("origin", origin)]).await;
        assert_eq!(decided.status(), status, "{origin}");
        if status == 303 {
            secrets.push(parameter(&location(&decided), "code"));
        }
    }

    // The requests of the client: with an error, valid, and again.
    let code = secrets.last().unwrap().clone();
    let redeem = |verifier: &'static str| {
        let code = code.clone();
        let (client, visitor) = (client.clone(), &visitor);
        async move {
            let pairs = [
                ("grant_type", "authorization_code"),
                ("client_id", &*client),
                ("code", &*code),
                ("code_verifier", verifier),
            ];
            visitor.token(&pairs).await
        }
    };
    assert_eq!(redeem("planted-other-verifier-planted-other-verifier").await["error"], "invalid_grant");
    let first = redeem(VERIFIER).await;
    let refresh = async |token: &str| {
        let pairs = [("grant_type", "refresh_token"), ("client_id", &*client), ("refresh_token", token)];
        visitor.token(&pairs).await
    };
    let second = refresh(&text(&first, "refresh_token")).await;
    let last = text(&second, "refresh_token");
    let revoked = [("token", &*last), ("client_id", &*client)];
    assert_eq!(visitor.post("/revoke", &revoked, &[]).await.status(), StatusCode::OK);
    assert_eq!(refresh(&text(&second, "refresh_token")).await["error"], "invalid_grant");
    assert_eq!(redeem(VERIFIER).await["error"], "invalid_grant");
    for tokens in [&first, &second] {
        secrets.push(text(tokens, "refresh_token"));
        secrets.push(text(tokens, "access_token").rsplit('.').next().unwrap().to_owned());
    }

    // A provider that fails, and events that are none.
    issuer.suffer(Outage::Garbage);
    visitor.visit(&callback, cookie).await;
    for body in ["{", "planted-secret", "null"] {
        let _ = emulator.invoke(body.to_owned(), None).await.unwrap();
        visitor.send(Method::POST, "/register", &json, body.to_owned()).await;
    }

    let lines = logged(&emulator, "");
    assert!(lines > 20, "{lines} lines: nothing was listened to");
    for secret in secrets.iter().map(String::as_str).chain(["planted-", "eyJ"]) {
        let all = emulator.environments().into_iter().flat_map(|one| emulator.logs(one.id));
        let leaks: Vec<_> = all.filter(|line| line.contains(secret)).collect();
        assert!(leaks.is_empty(), "{secret}: {leaks:#?}");
    }
}
