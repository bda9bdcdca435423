//! The OpenID provider of the issuer: a page on which users sign in, codes with PKCE, tokens, refresh tokens.
//! <https://openid.net/specs/openid-connect-core-1_0.html#CodeFlowAuth>.

use std::collections::{BTreeMap, HashMap};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode, header};
use http_body_util::Full;
use ring::{
    digest::{SHA256, digest},
    rand::{SecureRandom, SystemRandom},
};
use serde_json::{Value, json};

use crate::{Key, Token};

/// A client of the provider.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) secret: Option<String>,
    pub(crate) redirect_uri: String,
}

/// What the provider knows.
#[derive(Default)]
pub(crate) struct Provider {
    pub(crate) clients: HashMap<String, Client>,
    /// The users and their passwords.
    pub(crate) users: HashMap<String, String>,
    /// Whether responses name the issuer (RFC 9207).
    pub(crate) names_issuer: bool,
    /// Whether a refresh token is good for one use.
    pub(crate) rotates: bool,
    /// The claims that ID tokens have in addition, or in the place of what they have.
    pub(crate) id_claims: BTreeMap<String, Value>,
    codes: HashMap<String, Grant>,
    pub(crate) refresh_tokens: HashMap<String, Grant>,
    access_tokens: HashMap<String, String>,
    sessions: HashMap<String, String>,
}

#[derive(Clone)]
pub(crate) struct Grant {
    user: String,
    client: String,
    redirect_uri: String,
    challenge: String,
    nonce: Option<String>,
    scope: String,
}

/// One request, read.
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
    /// The issuer and the key it signs with.
    pub(crate) issuer: &'a str,
    pub(crate) key: &'a Key,
    pub(crate) now: u64,
}

type Form = HashMap<String, String>;

impl Provider {
    /// Answers a request for one of the provider's own paths. `None`: the path is another one.
    pub(crate) fn answer(&mut self, asked: &Asked<'_>) -> Option<Response<Full<Bytes>>> {
        Some(match (asked.method, asked.path) {
            ("GET", "/authorize") => self.authorize(asked),
            ("POST", "/login") => self.login(asked),
            ("POST", "/token") => self.token(asked),
            ("GET", "/userinfo") => self.user_info(asked),
            _ => return None,
        })
    }

    /// The metadata besides the issuer and its keys.
    pub(crate) fn metadata(&self, host: &str) -> Value {
        json!({
            "authorization_endpoint": format!("{host}/authorize"),
            "token_endpoint": format!("{host}/token"),
            "userinfo_endpoint": format!("{host}/userinfo"),
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
            "authorization_response_iss_parameter_supported": self.names_issuer,
        })
    }

    fn authorize(&mut self, asked: &Asked<'_>) -> Response<Full<Bytes>> {
        let form = form(asked.query.as_bytes());
        if let Err(text) = self.check(&form) {
            return page(StatusCode::BAD_REQUEST, &format!("<p>{text}</p>"));
        }
        // As real providers do: who has signed in once is not asked again.
        let session =
            cookie(asked.headers, "session").and_then(|session| self.sessions.get(&session).cloned());
        match session.filter(|_| form.get("prompt").is_none_or(|prompt| prompt != "login")) {
            Some(user) => self.redirect(&form, &user, asked),
            None => sign_in_page(&form, ""),
        }
    }

    fn check(&self, form: &Form) -> Result<(), &'static str> {
        let field = |name: &str| form.get(name).map_or("", String::as_str);
        let client = self.clients.get(field("client_id")).ok_or("unknown client_id")?;
        if field("redirect_uri") != client.redirect_uri {
            return Err("the redirect_uri is not the registered one");
        }
        if field("response_type") != "code" || field("code_challenge_method") != "S256" {
            return Err("response_type must be code, and code_challenge_method S256");
        }
        // As Cognito: https://docs.aws.amazon.com/cognito/latest/developerguide/authorization-endpoint.html.
        if form.contains_key("resource") {
            return Err("resource is not known here");
        }
        Ok(())
    }

    fn login(&mut self, asked: &Asked<'_>) -> Response<Full<Bytes>> {
        let form = form(asked.body);
        if let Err(text) = self.check(&form) {
            return page(StatusCode::BAD_REQUEST, &format!("<p>{text}</p>"));
        }
        let (name, password) = (form.get("name").cloned().unwrap_or_default(), form.get("password"));
        if password.is_none() || self.users.get(&name) != password {
            return sign_in_page(&form, "The name or the password is wrong.");
        }
        let session = random();
        self.sessions.insert(session.clone(), name.clone());
        let mut response = self.redirect(&form, &name, asked);
        let cookie = format!("session={session}; HttpOnly; Path=/; SameSite=Lax");
        if let Ok(cookie) = cookie.parse() {
            response.headers_mut().insert(header::SET_COOKIE, cookie);
        }
        response
    }

    fn redirect(&mut self, form: &Form, user: &str, asked: &Asked<'_>) -> Response<Full<Bytes>> {
        let field = |name: &str| form.get(name).cloned().unwrap_or_default();
        let code = random();
        let grant = Grant {
            user: user.to_owned(),
            client: field("client_id"),
            redirect_uri: field("redirect_uri"),
            challenge: field("code_challenge"),
            nonce: form.get("nonce").cloned(),
            scope: field("scope"),
        };
        self.codes.insert(code.clone(), grant);
        let mut to = format!("{}?code={code}&state={}", field("redirect_uri"), encoded(&field("state")));
        if self.names_issuer {
            to += &format!("&iss={}", encoded(asked.issuer));
        }
        let mut response = Response::new(Full::new(Bytes::new()));
        *response.status_mut() = StatusCode::SEE_OTHER;
        if let Ok(to) = to.parse() {
            response.headers_mut().insert(header::LOCATION, to);
        }
        response
    }

    fn token(&mut self, asked: &Asked<'_>) -> Response<Full<Bytes>> {
        let form = form(asked.body);
        let Some(client) = self.client(&form, asked.headers) else {
            return json_page(StatusCode::UNAUTHORIZED, &json!({ "error": "invalid_client" }));
        };
        let grant = match form.get("grant_type").map(String::as_str) {
            Some("authorization_code") => self.redeemed(&form),
            Some("refresh_token") => self.refreshed(&form),
            _ => return json_page(StatusCode::BAD_REQUEST, &json!({ "error": "unsupported_grant_type" })),
        };
        let Some(grant) = grant.filter(|grant| grant.client == client) else {
            return json_page(StatusCode::BAD_REQUEST, &json!({ "error": "invalid_grant" }));
        };
        let (access_token, refresh_token) = (random(), random());
        self.access_tokens.insert(access_token.clone(), grant.user.clone());
        let claims = json!({
            "iss": asked.issuer, "sub": grant.user, "aud": client, "iat": asked.now, "exp": asked.now + 3600,
            "email": format!("{}@example.com", grant.user), "token_use": "id",
        });
        let mut id_token = Token::new(asked.key.clone(), claims).header("typ", "JWT");
        if let Some(nonce) = &grant.nonce {
            id_token = id_token.claim("nonce", nonce.clone());
        }
        for (name, value) in &self.id_claims {
            id_token = id_token.claim(name, value.clone());
        }
        let mut answer = json!({
            "access_token": access_token, "token_type": "Bearer", "expires_in": 3600, "scope": grant.scope,
        });
        if grant.scope.split(' ').any(|scope| scope == "openid") {
            answer["id_token"] = id_token.sign().into();
        }
        // Rotated only where that is asked for: most providers keep a refresh token.
        if self.rotates || form.contains_key("code") {
            answer["refresh_token"] = refresh_token.clone().into();
            self.refresh_tokens.insert(refresh_token, grant);
        }
        json_page(StatusCode::OK, &answer)
    }

    /// The client that a request for tokens authenticates.
    fn client(&self, form: &Form, headers: &HeaderMap) -> Option<String> {
        let basic =
            headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| {
                let text = String::from_utf8(STANDARD.decode(value.strip_prefix("Basic ")?).ok()?).ok()?;
                let (id, secret) = text.split_once(':')?;
                Some((decoded(id), decoded(secret)))
            });
        let (id, secret) = match basic {
            Some((id, secret)) => (id, Some(secret)),
            None => (form.get("client_id")?.clone(), form.get("client_secret").cloned()),
        };
        let client = self.clients.get(&id)?;
        (client.secret == secret).then_some(id)
    }

    fn redeemed(&mut self, form: &Form) -> Option<Grant> {
        let grant = self.codes.remove(form.get("code")?)?;
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, form.get("code_verifier")?.as_bytes()));
        (challenge == grant.challenge && form.get("redirect_uri") == Some(&grant.redirect_uri))
            .then_some(grant)
    }

    fn refreshed(&mut self, form: &Form) -> Option<Grant> {
        let token = form.get("refresh_token")?;
        if self.rotates { self.refresh_tokens.remove(token) } else { self.refresh_tokens.get(token).cloned() }
    }

    fn user_info(&self, asked: &Asked<'_>) -> Response<Full<Bytes>> {
        let token = asked.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = token.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
        match self.access_tokens.get(token) {
            // As GitHub's: https://docs.github.com/rest/users/users#get-the-authenticated-user.
            Some(user) => json_page(StatusCode::OK, &json!({ "id": 1815, "login": user })),
            None => json_page(StatusCode::UNAUTHORIZED, &json!({ "message": "Bad credentials" })),
        }
    }
}

fn sign_in_page(form: &Form, error: &str) -> Response<Full<Bytes>> {
    let kept = form.iter().filter(|(name, _)| !matches!(name.as_str(), "name" | "password"));
    let hidden: String = kept
        .map(|(name, value)| {
            format!(r#"<input type="hidden" name="{}" value="{}">"#, escaped(name), escaped(value))
        })
        .collect();
    page(
        StatusCode::OK,
        &format!(
            r#"<h1>Provider</h1><p>{error}</p><form method="post" action="/login">{hidden}
            <input name="name" autocomplete="username"><input name="password" type="password"><button>Sign in</button></form>"#
        ),
    )
}

fn page(status: StatusCode, content: &str) -> Response<Full<Bytes>> {
    let html = format!("<!doctype html><meta charset=\"utf-8\"><title>Provider</title>{content}");
    answer(status, "text/html; charset=utf-8", html)
}

fn json_page(status: StatusCode, value: &Value) -> Response<Full<Bytes>> {
    answer(status, "application/json", value.to_string())
}

fn answer(status: StatusCode, content_type: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, http::HeaderValue::from_static(content_type));
    response
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let values = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs = values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(found, _)| *found == name).map(|(_, value)| value.to_owned())
}

fn form(text: &[u8]) -> Form {
    url::form_urlencoded::parse(text).into_owned().collect()
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn decoded(text: &str) -> String {
    url::form_urlencoded::parse(text.as_bytes())
        .next()
        .map_or_else(String::new, |(name, _)| name.into_owned())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

fn random() -> String {
    let mut bytes = [0; 24];
    SystemRandom::new().fill(&mut bytes).expect("randomness");
    URL_SAFE_NO_PAD.encode(bytes)
}
