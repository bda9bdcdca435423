//! Requests with every kind of token and of malformed token, and the response to each.

use serde_json::json;

use crate::{Issuer, Key};

/// A request and its expected response.
pub struct Case {
    /// Its difference from a valid request.
    pub name: &'static str,
    /// Its `Authorization` headers.
    pub authorization: Vec<String>,
    /// The query of its URL.
    pub query: String,
    /// The status of the response.
    pub status: u16,
    /// How the challenge begins: the error and its description.
    pub error: &'static str,
}

/// The scope that the server under test requires of every caller.
pub const SCOPE: &str = "mcp:call";

const EXPIRED: &str = r#"error="invalid_token", error_description="the token has expired", "#;
const EARLY: &str = r#"error="invalid_token", error_description="the token is not valid yet", "#;
const NO_END: &str = r#"error="invalid_token", error_description="the token has no expiration time", "#;
const ISSUER: &str =
    r#"error="invalid_token", error_description="the issuer of the token is not accepted", "#;
const AUDIENCE: &str =
    r#"error="invalid_token", error_description="the audience of the token is not this server", "#;
const UNREADABLE: &str =
    r#"error="invalid_token", error_description="the token is not a signed JSON Web Token", "#;
const ALGORITHM: &str =
    r#"error="invalid_token", error_description="the signature algorithm of the token is not accepted", "#;
const SIGNATURE: &str =
    r#"error="invalid_token", error_description="the signature of the token is invalid", "#;
const KEY: &str = r#"error="invalid_token", error_description="the token is signed by a key that its issuer does not have", "#;
const EXTENSION: &str =
    r#"error="invalid_token", error_description="the token requires an extension that is not supported", "#;
const KIND: &str = r#"error="invalid_token", error_description="the token is not an access token", "#;
const SUBJECT: &str = r#"error="invalid_token", error_description="the token has no subject", "#;
const LONG: &str = r#"error="invalid_token", error_description="the token is too long", "#;
const FEW: &str = r#"error="insufficient_scope", error_description="the token does not allow this", "#;
const TWICE: &str =
    r#"error="invalid_request", error_description="the Authorization header is given more than once", "#;
const NOT_ONE: &str = r#"error="invalid_request", error_description="the Authorization header does not hold one bearer token", "#;

/// Every case, for a server with the time `now`, in seconds since 1970. The issuer has one RSA key.
#[must_use]
pub fn cases(issuer: &Issuer, now: u64) -> Vec<Case> {
    let good = || issuer.token_at("ada", now).claim("scope", "openid mcp:call");
    let mut cases = Vec::new();
    let mut bearer = |name, token: String, status, error| {
        cases.push(Case {
            name,
            authorization: vec![format!("Bearer {token}")],
            query: String::new(),
            status,
            error,
        });
    };
    bearer("a valid token", good().sign(), 200, "");
    bearer("a list of audiences", good().claim("aud", json!(["other", "mcp"])).sign(), 200, "");
    bearer(
        "scopes in a list",
        good().claim("scope", json!(null)).claim("scp", json!([SCOPE])).sign(),
        200,
        "",
    );
    bearer("a plain type", good().header("typ", "JWT").sign(), 200, "");
    bearer(
        "no type and no key name",
        good().header("typ", json!(null)).header("kid", json!(null)).sign(),
        200,
        "",
    );
    bearer("just expired, within the leeway", good().claim("exp", now - 29).sign(), 200, "");
    bearer("not yet valid, within the leeway", good().claim("nbf", now + 30).sign(), 200, "");
    bearer(
        "Cognito's way",
        good().claim("aud", json!(null)).claim("client_id", "mcp").claim("token_use", "access").sign(),
        200,
        "",
    );

    bearer("expired", good().claim("exp", now - 31).sign(), 401, EXPIRED);
    bearer("expired long ago", good().claim("exp", 1).sign(), 401, EXPIRED);
    bearer("expired before time began", good().claim("exp", -1e300).sign(), 401, EXPIRED);
    bearer("not yet valid, outside of the leeway", good().claim("nbf", now + 31).sign(), 401, EARLY);
    bearer("not yet valid", good().claim("nbf", now + 3600).sign(), 401, EARLY);
    bearer("valid from an unknown time", good().claim("nbf", "now").sign(), 401, EARLY);
    bearer("without an end", good().claim("exp", json!(null)).sign(), 401, NO_END);
    bearer("an end that is no number", good().claim("exp", "9999999999").sign(), 401, NO_END);
    bearer("another issuer", good().claim("iss", "https://evil.example").sign(), 401, ISSUER);
    bearer("an issuer with a slash", good().claim("iss", format!("{}/", issuer.url())).sign(), 401, ISSUER);
    bearer("no issuer", good().claim("iss", json!(null)).sign(), 401, ISSUER);
    bearer("a list of issuers", good().claim("iss", json!([issuer.url()])).sign(), 401, ISSUER);
    bearer("another audience", good().claim("aud", "other").sign(), 401, AUDIENCE);
    bearer("an audience with a suffix", good().claim("aud", "mcp2").sign(), 401, AUDIENCE);
    bearer("no audience", good().claim("aud", json!(null)).sign(), 401, AUDIENCE);
    bearer(
        "no audience but a client",
        good().claim("aud", json!(null)).claim("client_id", "mcp").sign(),
        401,
        AUDIENCE,
    );
    bearer(
        "another audience and our client",
        good().claim("aud", "other").claim("client_id", "mcp").claim("token_use", "access").sign(),
        401,
        AUDIENCE,
    );
    bearer("Cognito's identity token", good().claim("token_use", "id").sign(), 401, KIND);
    bearer("a token of another kind", good().header("typ", "logout+jwt").sign(), 401, KIND);
    bearer("no subject", good().claim("sub", json!(null)).sign(), 401, SUBJECT);
    bearer("an empty subject", good().claim("sub", "").sign(), 401, SUBJECT);

    let unsigned = good().header("alg", "none");
    bearer("none", unsigned.with(b""), 401, UNREADABLE);
    bearer("none, with a signature", unsigned.sign(), 401, UNREADABLE);
    bearer("None", good().header("alg", "None").with(b""), 401, UNREADABLE);
    bearer("no algorithm", good().header("alg", json!(null)).sign(), 401, UNREADABLE);
    for token in good().confused() {
        bearer("the public key as a shared secret", token, 401, ALGORITHM);
    }
    bearer("an algorithm that is not taken", good().header("alg", "RS512").sign(), 401, ALGORITHM);
    bearer("an algorithm of another kind of key", good().header("alg", "ES256").sign(), 401, KEY);
    bearer("an unknown key", good().header("kid", "unheard").sign(), 401, KEY);
    bearer("a key name that is a path", good().header("kid", "../../dev/null").sign(), 401, KEY);
    bearer("another key under a known name", good().key(&Key::other_rsa("rsa-1")).sign(), 401, SIGNATURE);
    bearer(
        "a key of its own in the header",
        good().key(&Key::other_rsa("own")).header("jwk", Key::other_rsa("own").jwk()).sign(),
        401,
        KEY,
    );
    bearer("no signature", good().with(b""), 401, SIGNATURE);
    bearer("half a signature", good().with(&[7; 128]), 401, SIGNATURE);
    bearer("a claim that was changed", tampered(&good().sign()), 401, SIGNATURE);
    bearer("an extension that is critical", good().header("crit", json!(["b64"])).sign(), 401, EXTENSION);
    bearer("an unencoded payload", good().header("b64", false).sign(), 401, EXTENSION);
    for (name, text) in [
        ("a text", "secret".to_owned()),
        ("two parts", "e30.e30".to_owned()),
        ("four parts", format!("{}.e30", good().sign())),
        ("empty parts", "..".to_owned()),
        ("an encrypted token", "e30.e30.e30.e30.e30".to_owned()),
        ("standard base64", format!("{}=", good().sign())),
        ("claims that are a list", "eyJhbGciOiJSUzI1NiJ9.W10.AA".to_owned()),
    ] {
        bearer(name, text, 401, UNREADABLE);
    }
    bearer("a very long token", "x".repeat(16 * 1024 + 1), 401, LONG);
    bearer("a missing scope", good().claim("scope", "openid").sign(), 403, FEW);
    bearer("no scope", good().claim("scope", json!(null)).sign(), 403, FEW);
    bearer("a scope that begins like ours", good().claim("scope", "mcp:call:not").sign(), 403, FEW);

    let token = good().sign();
    let mut other = |name, authorization: &[&str], query: &str, status, error| {
        let authorization = authorization.iter().map(ToString::to_string).collect();
        cases.push(Case { name, authorization, query: query.to_owned(), status, error });
    };
    other("no token", &[], "", 401, "");
    other("a token in the query", &[], &format!("?access_token={token}"), 401, "");
    other(
        "a token in the query beside a bad one",
        &["Bearer e30.e30.AA"],
        &format!("?access_token={token}"),
        401,
        UNREADABLE,
    );
    other("another scheme", &["Basic YWRhOnNlY3JldA=="], "", 401, "");
    other("a scheme alone", &["Bearer"], "", 400, NOT_ONE);
    other("a scheme and a space", &["Bearer "], "", 400, NOT_ONE);
    other("two tokens in one header", &[&format!("Bearer {token} {token}")], "", 400, NOT_ONE);
    other("a list of tokens", &[&format!("Bearer {token},Bearer {token}")], "", 400, NOT_ONE);
    other("a quoted token", &[&format!("Bearer \"{token}\"")], "", 400, NOT_ONE);
    other("the scheme in small letters", &[&format!("bearer {token}")], "", 200, "");
    other("two headers", &[&format!("Bearer {token}"), &format!("Bearer {token}")], "", 400, TWICE);
    cases
}

/// The token with another subject under the same signature.
fn tampered(token: &str) -> String {
    let parts: Vec<_> = token.split('.').collect();
    let claims = String::from_utf8(decode(parts[1])).expect("JSON").replace("\"ada\"", "\"bob\"");
    format!("{}.{}.{}", parts[0], crate::key::text(claims.as_bytes()), parts[2])
}

fn decode(text: &str) -> Vec<u8> {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    URL_SAFE_NO_PAD.decode(text).expect("base64")
}
