//! The providers against the issuer of the tests, which is a provider over HTTP.

use std::{collections::HashMap, time::Duration};

use ::oauth2::ClientSecret;
use bytes::Bytes;
use http::{Method, Request, header};
use local_issuer::{Issuer, Outage};
use mcp_lambda_core::{
    fetch::{FetchLimits, Fetcher},
    time::{Clock, Deadline, Timestamp},
};
use url::{Url, form_urlencoded};

use super::{
    oauth2::{OAuth2, OAuth2Config},
    oidc::{Oidc, OidcConfig},
    *,
};

const CALLBACK: &str = "http://127.0.0.1:9001/callback";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
// RFC 7636, appendix B.
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

async fn issuer(secret: Option<&str>) -> Issuer {
    let issuer = Issuer::start().await.unwrap();
    issuer.register("login", secret, CALLBACK);
    issuer.add_user("ada", "correct horse");
    issuer
}

fn oidc(issuer: &Issuer, secret: Option<&str>) -> (Upstream, Clock) {
    let clock = Clock::system();
    let config = OidcConfig {
        issuer: issuer.url().to_owned(),
        client_id: "login".to_owned(),
        client_secret: secret.map(|secret| ClientSecret::new(secret.to_owned())),
    };
    (Upstream::Oidc(Oidc::new(config, clock.clone()).unwrap()), clock)
}

fn oauth2(issuer: &Issuer) -> Upstream {
    let at = |path: &str| format!("{}{path}", issuer.url());
    let config = OAuth2Config {
        authorize_url: at("/authorize"),
        token_url: at("/token"),
        user_url: at("/userinfo"),
        client_id: "login".to_owned(),
        client_secret: Some(ClientSecret::new("planted-secret".to_owned())),
    };
    Upstream::OAuth2(OAuth2::new(&config, Clock::system()).unwrap())
}

fn deadline() -> Deadline {
    Deadline::after(Duration::from_secs(30))
}

fn redemption<'a>(issuer: Option<&'a str>) -> UpstreamRedemption<'a> {
    UpstreamRedemption { code_verifier: VERIFIER, nonce: "a nonce", redirect_uri: CALLBACK, issuer }
}

/// The parameters with which the provider sends a user back who has signed in.
async fn sign_in(upstream: &Upstream, scopes: &[&str]) -> HashMap<String, String> {
    let scopes: Vec<_> = scopes.iter().map(ToString::to_string).collect();
    let request = UpstreamRequest {
        state: "a state & more",
        nonce: "a nonce",
        code_challenge: CHALLENGE,
        redirect_uri: CALLBACK,
        scopes: &scopes,
        more: &[],
    };
    let url = upstream.authorization_url(&request, deadline()).await.unwrap();
    let mut form: Vec<_> = url.query_pairs().into_owned().collect();
    form.extend(
        [("name", "ada"), ("password", "correct horse")].map(|(name, value)| (name.into(), value.into())),
    );
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let mut request = Request::new(Bytes::from(body));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = url.join("/login").unwrap().as_str().parse().unwrap();
    let response = Fetcher::default().send(request, FetchLimits::default()).await.unwrap();
    let location = response.headers()[header::LOCATION].to_str().unwrap();
    let location = Url::parse(location).unwrap();
    assert!(location.as_str().starts_with(CALLBACK));
    location.query_pairs().into_owned().collect()
}

#[tokio::test]
async fn an_openid_provider_signs_a_user_in_with_a_secret_and_without() {
    for secret in [Some("planted-secret: with a space & more"), None] {
        let issuer = issuer(secret).await;
        let (upstream, clock) = oidc(&issuer, secret);
        let back = sign_in(&upstream, &["openid", "email"]).await;
        assert_eq!(back["state"], "a state & more");
        let user = upstream.identity(&back["code"], &redemption(None), deadline()).await.unwrap();
        assert_eq!(user.subject, "ada");
        assert_eq!(user.name.as_deref(), Some("ada@example.com"));
        let tokens = user.tokens.unwrap();
        assert_eq!(tokens.scope.as_deref(), Some("openid email"));
        assert!(tokens.expires_at.unwrap() > clock.now());
        let debug = format!("{tokens:?}");
        assert!(!debug.contains(&tokens.access_token), "{debug}");
        // The metadata and the keys were asked for once.
        assert_eq!((issuer.asked("/.well-known/openid-configuration"), issuer.asked_for_keys()), (1, 1));
    }
}

#[tokio::test]
async fn a_code_is_redeemed_once_and_only_with_its_verifier() {
    let issuer = issuer(None).await;
    let (upstream, _) = oidc(&issuer, None);
    let back = sign_in(&upstream, &["openid"]).await;
    let wrong = UpstreamRedemption {
        code_verifier: "another-verifier-another-verifier-another-v",
        ..redemption(None)
    };
    let error = upstream.identity(&back["code"], &wrong, deadline()).await.unwrap_err();
    assert!(matches!(&error, UpstreamError::Refused(code) if code == "invalid_grant"), "{error}");
    assert!(!error.is_temporary());
    let error = upstream.identity(&back["code"], &redemption(None), deadline()).await.unwrap_err();
    assert!(matches!(error, UpstreamError::Refused(_)), "{error}");
}

#[tokio::test]
async fn the_issuer_of_the_response_is_checked_where_the_provider_names_it() {
    let issuer = issuer(None).await;
    issuer.name_itself();
    let (upstream, _) = oidc(&issuer, None);
    let back = sign_in(&upstream, &["openid"]).await;
    for other in [None, Some("https://evil.example"), Some("")] {
        let error = upstream.identity(&back["code"], &redemption(other), deadline()).await.unwrap_err();
        assert!(matches!(error, UpstreamError::OtherIssuer(_)), "{error}");
    }
    // The code was not sent to the token endpoint before.
    assert_eq!(issuer.asked("/token"), 0);
    assert!(upstream.identity(&back["code"], &redemption(Some(&back["iss"])), deadline()).await.is_ok());
}

#[tokio::test]
async fn an_id_token_that_is_not_of_this_login_is_refused() {
    use serde_json::json;
    for (name, value, text) in [
        ("nonce", json!("another"), "another nonce"),
        ("nonce", json!(null), "another nonce"),
        ("aud", json!("another"), "for another client"),
        ("aud", json!(["login", "another"]), "for another client"),
        ("azp", json!("another"), "for another client"),
        ("iss", json!("https://evil.example"), "issuer of the token is not accepted"),
        ("exp", json!(1), "has expired"),
        ("exp", json!(null), "no expiration time"),
        ("nbf", json!(9_999_999_999_u64), "not valid yet"),
        ("sub", json!(null), "no subject"),
        ("sub", json!("a".repeat(256)), "no subject"),
        ("token_use", json!("access"), "not an ID token"),
    ] {
        let issuer = issuer(None).await;
        issuer.claim(name, value);
        let (upstream, _) = oidc(&issuer, None);
        let back = sign_in(&upstream, &["openid"]).await;
        let error = upstream.identity(&back["code"], &redemption(None), deadline()).await.unwrap_err();
        assert!(error.to_string().contains(text), "{name}: {error}");
    }
    let issuer = issuer(None).await;
    issuer.claim("aud", json!(["login", "another"]));
    issuer.claim("azp", "login");
    let (upstream, _) = oidc(&issuer, None);
    let back = sign_in(&upstream, &["openid"]).await;
    assert!(upstream.identity(&back["code"], &redemption(None), deadline()).await.is_ok());
}

#[tokio::test]
async fn an_id_token_is_signed_by_a_published_key() {
    let issuer = issuer(None).await;
    issuer.publish_as_written(vec![local_issuer::Key::other_rsa("rsa-1").jwk()]);
    let (upstream, _) = oidc(&issuer, None);
    let back = sign_in(&upstream, &["openid"]).await;
    let error = upstream.identity(&back["code"], &redemption(None), deadline()).await.unwrap_err();
    assert!(error.to_string().contains("signature of the token is invalid"), "{error}");
}

#[tokio::test]
async fn without_openid_among_the_scopes_there_is_no_user() {
    let issuer = issuer(None).await;
    let (upstream, _) = oidc(&issuer, None);
    let back = sign_in(&upstream, &["email"]).await;
    let error = upstream.identity(&back["code"], &redemption(None), deadline()).await.unwrap_err();
    assert!(error.to_string().contains("is `openid` one of the scopes?"), "{error}");
}

#[tokio::test]
async fn metadata_of_another_issuer_is_refused_with_its_variable() {
    let issuer = issuer(None).await;
    issuer.call_itself("https://evil.example");
    let (upstream, _) = oidc(&issuer, None);
    let request = UpstreamRequest {
        state: "",
        nonce: "",
        code_challenge: "",
        redirect_uri: CALLBACK,
        scopes: &[],
        more: &[],
    };
    let error = upstream.authorization_url(&request, deadline()).await.unwrap_err();
    let UpstreamError::Discovery(cause) = &error else { panic!("{error}") };
    assert!(cause.to_string().contains("set MCP_LOGIN_UPSTREAM_ISSUER to exactly this text"), "{cause}");
}

#[tokio::test]
async fn a_provider_that_fails_is_asked_again_after_a_pause() {
    let issuer = issuer(None).await;
    let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
    let (issuer_url, client_id) = (issuer.url().to_owned(), "login".to_owned());
    let config = OidcConfig { issuer: issuer_url, client_id, client_secret: None };
    let upstream = Upstream::Oidc(Oidc::new(config, clock.clone()).unwrap());
    let request = UpstreamRequest {
        state: "",
        nonce: "",
        code_challenge: "",
        redirect_uri: CALLBACK,
        scopes: &[],
        more: &[],
    };
    for outage in [Outage::Failing, Outage::Garbage, Outage::Closed, Outage::Elsewhere, Outage::Endless] {
        issuer.suffer(outage);
        let error = upstream.authorization_url(&request, deadline()).await.unwrap_err();
        assert!(error.is_temporary(), "{outage:?}: {error}");
        let asked = issuer.asked("/.well-known/openid-configuration");
        assert!(upstream.authorization_url(&request, deadline()).await.is_err());
        assert_eq!(issuer.asked("/.well-known/openid-configuration"), asked, "{outage:?}");
        clock.advance(Duration::from_secs(2));
    }
    issuer.suffer(Outage::None);
    assert!(upstream.authorization_url(&request, deadline()).await.is_ok());
    // What is known stays while the provider fails.
    issuer.suffer(Outage::Failing);
    clock.advance(Duration::from_secs(3600));
    assert!(upstream.authorization_url(&request, deadline()).await.is_ok());
}

#[tokio::test]
async fn refresh_tokens_are_kept_or_replaced_as_the_provider_does() {
    let issuer = issuer(None).await;
    let (upstream, _) = oidc(&issuer, None);
    let back = sign_in(&upstream, &["openid"]).await;
    let user = upstream.identity(&back["code"], &redemption(None), deadline()).await.unwrap();
    let first = user.tokens.unwrap();
    let token = first.refresh_token.clone().unwrap();
    let second = upstream.refresh(&token, deadline()).await.unwrap();
    assert_ne!(second.access_token, first.access_token);
    assert_eq!(second.refresh_token, first.refresh_token);
    issuer.rotate();
    let third = upstream.refresh(&token, deadline()).await.unwrap();
    assert_ne!(third.refresh_token, first.refresh_token);
    let error = upstream.refresh(&token, deadline()).await.unwrap_err();
    assert!(matches!(&error, UpstreamError::Refused(code) if code == "invalid_grant"), "{error}");
}

#[tokio::test]
async fn a_provider_of_oauth_2_names_its_user_by_a_number() {
    let issuer = issuer(Some("planted-secret")).await;
    let upstream = oauth2(&issuer);
    let back = sign_in(&upstream, &["read:user"]).await;
    let user = upstream.identity(&back["code"], &redemption(None), deadline()).await.unwrap();
    assert_eq!((user.subject.as_str(), user.name.as_deref()), ("1815", Some("ada")));
    let error = upstream.identity(&back["code"], &redemption(None), deadline()).await.unwrap_err();
    assert!(matches!(error, UpstreamError::Refused(_)), "{error}");
}

#[test]
fn urls_of_the_provider_are_https_or_loopback() {
    for issuer in
        ["http://provider.example", "https://a@provider.example", "ftp://provider.example", "", "provider"]
    {
        let config = OidcConfig { issuer: issuer.to_owned(), client_id: String::new(), client_secret: None };
        assert!(Oidc::new(config, Clock::system()).is_err(), "{issuer}");
    }
    let config = OidcConfig {
        issuer: "https://provider.example/realm".to_owned(),
        client_id: String::new(),
        client_secret: None,
    };
    assert!(Oidc::new(config, Clock::system()).is_ok());
}
