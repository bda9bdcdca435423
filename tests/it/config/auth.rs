//! The variables of authentication: an error in them stops the process, and no setting that was meant to restrict
//! callers leaves the server open.

use std::{collections::HashMap, time::Duration};

use mcp_lambda_server::{
    Config,
    auth::{AuthMode, JwtConfig, TokenAlgorithm},
    error::ConfigError,
};

fn with(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let variables: HashMap<_, _> = variables.iter().copied().collect();
    Config::from_lookup(|name| variables.get(name).map(|value| (*value).to_owned()))
}

const ISSUER: (&str, &str) = ("MCP_JWT_ISSUER", "https://issuer.example.com/pool");
const AUDIENCE: (&str, &str) = ("MCP_JWT_AUDIENCE", "client-1, client-2");

fn jwt(more: &[(&str, &str)]) -> JwtConfig {
    let config = with(&[&[ISSUER, AUDIENCE], more].concat()).expect("a configuration");
    config.auth.jwt.expect("an issuer")
}

/// The variable that is refused.
fn refused(variables: &[(&str, &str)]) -> &'static str {
    let error = with(variables).map(|config| config.auth).expect_err(&format!("{variables:?}"));
    let text = error.to_string();
    assert!(text.starts_with(error.variable()) && text.contains("expected"), "{text}");
    error.variable()
}

#[test]
fn an_issuer_and_an_audience_are_enough() {
    let config = with(&[ISSUER, AUDIENCE]).expect("a configuration");
    assert_eq!(config.auth.mode, AuthMode::Jwt);
    let jwt = jwt(&[]);
    assert_eq!(jwt.issuer, ISSUER.1);
    assert_eq!(jwt.audience, ["client-1", "client-2"]);
    assert_eq!(jwt.algorithms, [TokenAlgorithm::RS256, TokenAlgorithm::ES256]);
    assert_eq!((jwt.jwks_url, jwt.scopes.len(), jwt.leeway), (None, 0, Duration::from_secs(30)));
}

#[test]
fn each_rule_about_tokens_can_be_set() {
    let jwt = jwt(&[
        ("MCP_JWT_JWKS_URL", "https://issuer.example.com/keys"),
        ("MCP_JWT_ALGORITHMS", "PS512, ES384 EdDSA"),
        ("MCP_JWT_SCOPES", "mcp:call mcp:read,openid"),
        ("MCP_JWT_LEEWAY_SECONDS", "0"),
    ]);
    assert_eq!(jwt.jwks_url.as_deref(), Some("https://issuer.example.com/keys"));
    assert_eq!(jwt.algorithms, [TokenAlgorithm::PS512, TokenAlgorithm::ES384, TokenAlgorithm::EdDSA]);
    assert_eq!(jwt.scopes, ["mcp:call", "mcp:read", "openid"]);
    assert_eq!(jwt.leeway, Duration::ZERO);
}

/// RFC 8707: a token names the URL of the server it is for.
#[test]
fn a_public_url_is_an_audience() {
    let config =
        with(&[ISSUER, ("MCP_PUBLIC_URL", "https://mcp.example.com"), ("MCP_PATH", "/v1")]).expect("fine");
    assert_eq!(config.auth.jwt.expect("an issuer").audience, ["https://mcp.example.com/v1"]);
    assert_eq!(
        refused(&[ISSUER]),
        "MCP_JWT_AUDIENCE",
        "without an audience any token of the issuer would do"
    );
}

#[test]
fn plain_text_stays_on_this_machine() {
    for issuer in ["http://127.0.0.1:8080", "http://localhost/realm", "http://[::1]:1"] {
        assert!(with(&[("MCP_JWT_ISSUER", issuer), AUDIENCE]).is_ok(), "{issuer}");
    }
    for issuer in [
        "http://issuer.example.com",
        "http://localhost.example.com",
        "http://localhost@evil.example",
        "issuer.example.com",
        "ftp://issuer.example.com",
        "https://",
        "https://a b",
        "https://a?b",
        "https://a#b",
        "https://a|b",
    ] {
        assert_eq!(refused(&[("MCP_JWT_ISSUER", issuer), AUDIENCE]), "MCP_JWT_ISSUER", "{issuer}");
        assert_eq!(
            refused(&[ISSUER, AUDIENCE, ("MCP_JWT_JWKS_URL", issuer)]),
            "MCP_JWT_JWKS_URL",
            "{issuer}"
        );
    }
}

/// A server that can verify such a token can also forge one.
#[test]
fn shared_secrets_and_no_signature_at_all_cannot_be_configured() {
    for algorithm in ["HS256", "HS384", "HS512", "none", "None", "rs256", "ES512", "RS256;HS256", "*"] {
        assert_eq!(
            refused(&[ISSUER, AUDIENCE, ("MCP_JWT_ALGORITHMS", algorithm)]),
            "MCP_JWT_ALGORITHMS",
            "{algorithm}"
        );
    }
}

#[test]
fn a_leeway_has_an_end() {
    for leeway in ["301", "-1", "a minute"] {
        assert_eq!(
            refused(&[ISSUER, AUDIENCE, ("MCP_JWT_LEEWAY_SECONDS", leeway)]),
            "MCP_JWT_LEEWAY_SECONDS"
        );
    }
}

/// Half of a configuration was meant to be a whole one.
#[test]
fn a_rule_about_tokens_without_their_issuer_is_refused() {
    for rule in [
        AUDIENCE,
        ("MCP_JWT_JWKS_URL", "https://issuer.example.com/keys"),
        ("MCP_JWT_ALGORITHMS", "RS256"),
        ("MCP_JWT_SCOPES", "mcp:call"),
        ("MCP_JWT_LEEWAY_SECONDS", "10"),
    ] {
        assert_eq!(refused(&[rule]), "MCP_JWT_ISSUER", "{rule:?}");
    }
    assert_eq!(refused(&[("MCP_AUTH", "jwt")]), "MCP_JWT_ISSUER");
    assert_eq!(refused(&[("MCP_AUTH", "jwt"), AUDIENCE]), "MCP_JWT_ISSUER");
}

#[test]
fn an_issuer_without_a_check_of_its_tokens_is_refused() {
    assert_eq!(refused(&[ISSUER, AUDIENCE, ("MCP_AUTH", "none")]), "MCP_AUTH");
    let gateway = with(&[ISSUER, AUDIENCE, ("MCP_AUTH", "gateway")]).expect("the gateway checks them");
    assert_eq!((gateway.auth.mode, gateway.auth.jwt.is_some()), (AuthMode::Gateway, true));
}

#[test]
fn front_is_an_alias_of_gateway() {
    for value in ["gateway", "front"] {
        assert_eq!(with(&[("MCP_AUTH", value)]).expect(value).auth.mode, AuthMode::Gateway, "{value}");
    }
}

#[test]
fn a_scope_has_the_syntax_of_rfc_6749() {
    for scope in ["a\"b", "a\\b", "grüße"] {
        assert_eq!(refused(&[ISSUER, AUDIENCE, ("MCP_JWT_SCOPES", scope)]), "MCP_JWT_SCOPES", "{scope}");
    }
}
