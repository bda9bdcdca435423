//! Attacks of RFC 9700 and of MCP's security best practices, one test each: docs/login-attacks.md is the table of them.
//! <https://www.rfc-editor.org/rfc/rfc9700>,
//! <https://modelcontextprotocol.io/specification/2026-07-28/basic/security_best_practices> (read 2026-11-28).

use std::{net::IpAddr, time::Duration};

use http::StatusCode;
use mcp_lambda_server::{Deadline, Ingress};
use serde_json::json;

use super::lab::{
    ISSUER, LOOPBACK, Lab, RESOURCE, SITE, challenge, claims, parameter, request, server, settings, text,
};

/// MCP, "Confused Deputy Problem": the user has a session with the provider, which approves silently. The page of this
/// server still asks, and no code leaves it before.
#[tokio::test]
async fn a_session_at_the_provider_gives_nothing_to_a_client_that_the_user_has_not_allowed() {
    let lab = Lab::new();
    // The user has allowed the good client, and its cookie is still there.
    let good = lab.client(&[SITE]).await;
    let (page, cookie) = lab.consent_page(&good, &[]).await;
    lab.decide(&page, &cookie, "allow").await;
    let evil = lab.client(&["https://evil.example/back"]).await;
    let begun = lab.authorize(&evil, &[("redirect_uri", "https://evil.example/back")], &cookie).await;
    let callback = lab.sign_in(&begun.location(), ["ada", "right"], &cookie).await;
    let answer = lab.visit(&callback, &cookie).await;
    assert_eq!(answer.status, StatusCode::OK, "a page, no redirect: {answer:?}");
    assert!(answer.header("location").is_none() && answer.body.contains("evil.example"));
}

/// RFC 9700, 4.4: every answer names its issuer, so that a client of two servers does not mix them up.
#[tokio::test]
async fn every_answer_to_a_client_names_the_issuer() {
    let lab = Lab::new();
    let client = lab.client(&[SITE]).await;
    let refused = lab.authorize(&client, &[("response_type", "token")], "").await.location();
    let (page, cookie) = lab.consent_page(&client, &[]).await;
    let denied = lab.decide(&page, &cookie, "deny").await.location();
    let (page, cookie) = lab.consent_page(&client, &[]).await;
    let allowed = lab.decide(&page, &cookie, "allow").await.location();
    for url in [refused, denied, allowed] {
        assert_eq!(parameter(&url, "iss").as_deref(), Some(ISSUER), "{url}");
        assert_eq!(parameter(&url, "state").as_deref(), Some("planted-state"), "{url}");
    }
}

/// RFC 9700, 4.5: a stolen code is worth nothing without the verifier, or for another client.
#[tokio::test]
async fn a_code_is_redeemed_by_its_client_with_its_verifier_alone() {
    let lab = Lab::new();
    let client = lab.client(&[SITE]).await;
    let other = lab.client(&[SITE]).await;
    let code = lab.code(&client, &[]).await;
    for (client, changed, error) in [
        (&client, ("code_verifier", "another-verifier-another-verifier-another-verifier"), "invalid_grant"),
        (&client, ("code_verifier", ""), "invalid_request"),
        (&client, ("code_verifier", challenge(super::lab::VERIFIER).as_str()), "invalid_grant"),
        (&other, ("state", "a"), "invalid_grant"),
        (&client, ("redirect_uri", "https://client.example/other"), "invalid_grant"),
        (&client, ("resource", "https://other.example/mcp"), "invalid_target"),
        (&client, ("code", "one.AAAA"), "invalid_grant"),
    ] {
        assert_eq!(lab.redeem(client, &code, &[changed]).await.error().1, error, "{changed:?}");
    }
    assert_eq!(lab.redeem(&client, &code, &[]).await.status, StatusCode::OK, "the client still can");
}

/// RFC 9700, 4.13: a code that is used twice ends what the first use gave.
#[tokio::test]
async fn a_replayed_code_is_refused_and_ends_its_grant() {
    let lab = Lab::new();
    let client = lab.client(&[SITE]).await;
    let code = lab.code(&client, &[]).await;
    let tokens = lab.redeem(&client, &code, &[]).await.json();
    assert_eq!(lab.redeem(&client, &code, &[]).await.error(), (400, "invalid_grant".into()));
    let refreshed = lab.refresh(0, &client, text(&tokens, "refresh_token")).await;
    assert_eq!(refreshed.error().1, "invalid_grant", "its refresh token is revoked");
    let code = lab.code(&client, &[]).await;
    lab.clock.advance(Duration::from_secs(60));
    assert_eq!(lab.redeem(&client, &code, &[]).await.error().1, "invalid_grant", "after a minute");
}

/// A form that is sent again, by the back button for instance, brings back no grant that has ended.
#[tokio::test]
async fn a_consent_form_is_good_for_one_code() {
    let lab = Lab::new();
    let client = lab.client(&[SITE]).await;
    let (page, cookie) = lab.consent_page(&client, &[]).await;
    let url = lab.decide(&page, &cookie, "allow").await.location();
    let code = parameter(&url, "code").expect("a code");
    let tokens = lab.redeem(&client, &code, &[]).await.json();
    assert_eq!(lab.redeem(&client, &code, &[]).await.error().1, "invalid_grant", "the grant has ended");
    let again = lab.decide(&page, &cookie, "allow").await;
    assert!(again.header("location").is_none() && !again.body.contains("code="), "{again:?}");
    let refreshed = lab.refresh(0, &client, text(&tokens, "refresh_token")).await;
    assert_eq!(refreshed.error().1, "invalid_grant");
    assert_eq!(lab.redeem(&client, &code, &[]).await.error().1, "invalid_grant");
}

/// RFC 9700, 4.8: neither `plain` nor the absence of PKCE is accepted.
#[tokio::test]
async fn pkce_cannot_be_downgraded() {
    let lab = Lab::new();
    let client = lab.client(&[SITE]).await;
    for changed in [
        ("code_challenge_method", "plain"),
        ("code_challenge_method", ""),
        ("code_challenge", ""),
        ("code_challenge", "short"),
        ("code_challenge", &"=".repeat(43)),
    ] {
        let url = lab.authorize(&client, &[changed], "").await.location();
        assert_eq!(parameter(&url, "error").as_deref(), Some("invalid_request"), "{changed:?}");
        assert_eq!(parameter(&url, "code"), None);
    }
}

/// RFC 9700, 4.1 and 4.11: nothing is sent to a URI that is not registered, not even an error.
#[tokio::test]
async fn no_redirect_leads_to_a_uri_that_is_not_registered() {
    let lab = Lab::new();
    let client = lab.client(&["https://client.example/back", "http://localhost:1234/cb"]).await;
    for uri in [
        "https://client.example/back/",
        "https://client.example/back?next=https://evil.example",
        "https://client.example/back/../open",
        "https://client.example/back%2f..%2fopen",
        "https://client.example:443/back",
        "https://client.example.evil.example/back",
        "https://client.example@evil.example/back",
        "https://evil.example\\@client.example/back",
        "https://client.example%2fevil.example/back",
        "https://client.example/back#fragment",
        "https://CLIENT.example/back",
        "https://xn--client-.example/back",
        "https://*.example/back",
        "http://client.example/back",
        "//client.example/back",
        "javascript:alert(1)",
        "http://localhost:1234/other",
        "http://127.0.0.1:1234/cb",
    ] {
        let answer = lab.authorize(&client, &[("redirect_uri", uri), ("response_type", "token")], "").await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{uri}: {answer:?}");
        assert!(answer.header("location").is_none() && answer.header("set-cookie").is_none(), "{uri}");
    }
    let free = lab.authorize(&client, &[("redirect_uri", "http://localhost:9999/cb")], "").await;
    assert_eq!(free.status, StatusCode::SEE_OTHER, "the port of a loopback address is free");
    let unknown = lab.authorize("dcr.one.AAAA", &[], "").await;
    assert_eq!((unknown.status.as_u16(), unknown.header("location")), (401, None));
}

/// RFC 9700, 4.7: the form is that of one browser, and of a page of this server.
#[tokio::test]
async fn a_consent_cannot_be_sent_by_another_browser_or_another_site() {
    let lab = Lab::new();
    let client = lab.client(&[SITE]).await;
    let (page, cookie) = lab.consent_page(&client, &[]).await;
    let asked = page.field("asked");
    let other = lab.authorize(&client, &[], "").await.cookie();
    let send = async |cookie: &str, origin: &str, site: &str| {
        let headers = [("cookie", cookie), ("origin", origin), ("sec-fetch-site", site)];
        lab.post(0, "/consent", &[("asked", &asked), ("decision", "allow")], &headers).await
    };
    for (cookie, origin, site) in [
        ("", ISSUER, "same-origin"),
        (other.as_str(), ISSUER, "same-origin"),
        (cookie.as_str(), "https://evil.example", "cross-site"),
        (cookie.as_str(), "null", "same-origin"),
        (cookie.as_str(), ISSUER, "same-site"),
        (cookie.replace("__Host-", "").as_str(), ISSUER, "same-origin"),
    ] {
        let answer = send(cookie, origin, site).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (403, None), "{origin} {site}");
    }
    assert_eq!(send(&cookie, ISSUER, "same-origin").await.status, StatusCode::SEE_OTHER);
    let again = send(&cookie, ISSUER, "same-origin").await;
    assert_eq!((again.status.as_u16(), again.header("location")), (400, None), "a form is good once");
    // What was sealed for another purpose is no form.
    let state = lab.authorize(&client, &[], "").await.location();
    let state = parameter(&state, "state").expect("a state");
    let headers = [("cookie", cookie.as_str())];
    let answer = lab.post(0, "/consent", &[("asked", &state), ("decision", "allow")], &headers).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}

/// RFC 9700, 4.7: an attacker that sends a victim to the callback with a code of its own signs no user in.
#[tokio::test]
async fn a_callback_is_refused_in_another_browser_and_after_ten_minutes() {
    let lab = Lab::new();
    let client = lab.client(&[SITE]).await;
    let begun = lab.authorize(&client, &[], "").await;
    let attacker = begun.cookie();
    let victim = lab.authorize(&client, &[], "").await.cookie();
    let callback = lab.sign_in(&begun.location(), ["bob", "other"], &attacker).await;
    for cookie in [victim.as_str(), ""] {
        let answer = lab.visit(&callback, cookie).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (403, None));
    }
    lab.clock.advance(Duration::from_secs(600));
    assert_eq!(lab.visit(&callback, &attacker).await.status, StatusCode::BAD_REQUEST);
    let forged = lab.get(0, "/callback?code=a&state=one.AAAA", &[("cookie", &attacker)]).await;
    assert_eq!(forged.status, StatusCode::BAD_REQUEST);
}

/// RFC 9700, 4.16: no other site can show the page in a frame, and nothing in it runs.
#[tokio::test]
async fn pages_cannot_be_framed_and_run_no_script() {
    let lab = Lab::new();
    let client = lab.client(&[SITE]).await;
    let (consent, _) = lab.consent_page(&client, &[]).await;
    let error = lab.get(0, "/authorize", &[]).await;
    for page in [consent, error] {
        let policy = page.header("content-security-policy").expect("a policy");
        assert!(
            policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
        assert_eq!(page.header("x-frame-options"), Some("DENY"));
        assert_eq!(page.header("cache-control"), Some("no-store"));
        assert!(!page.body.contains("<script"));
    }
}

/// RFC 9700, 2.3 and MCP, "Token Passthrough": a token is for one server, and the tokens of another server are none here.
#[tokio::test]
async fn a_token_is_for_the_server_that_was_asked_for_alone() {
    let two = |login: &mut mcp_lambda_server::config::LoginConfig| {
        login.resources = vec![RESOURCE.into(), "https://other.example/mcp".into()];
    };
    let lab = Lab::with(two);
    let client = lab.client(&[SITE]).await;
    let error = async |resource: &str| {
        parameter(&lab.authorize(&client, &[("resource", resource)], "").await.location(), "error")
    };
    assert_eq!(error("").await.as_deref(), Some("invalid_target"), "one of two has to be named");
    assert_eq!(error("https://evil.example/mcp").await.as_deref(), Some("invalid_target"));
    let code = lab.code(&client, &[]).await;
    let tokens = lab.redeem(&client, &code, &[]).await.json();
    assert_eq!(claims(text(&tokens, "access_token"))["aud"], json!([RESOURCE]));
    // Another authorization server with the same address and other keys.
    let mut foreign = settings();
    foreign.keys = vec![mcp_lambda_server::config::LoginKey::new("one", "z".repeat(64))];
    let foreign = Lab {
        servers: (0..2).map(|_| server(foreign.clone(), &lab.stores, &lab.clock)).collect(),
        clock: lab.clock.clone(),
        stores: lab.stores.clone(),
    };
    let foreign_client = foreign.client(&[SITE]).await;
    let refused = foreign.refresh(0, &foreign_client, text(&tokens, "refresh_token")).await;
    assert_eq!(refused.error().1, "invalid_grant");
}

/// A flood of registrations fills no table, and is limited for each address and for all, in every environment.
#[tokio::test]
async fn a_flood_of_registrations_is_refused_until_the_next_minute() {
    let lab = Lab::with(|login| login.registrations_per_minute = 12);
    let register = async |at: usize, address: &str| {
        let body = json!({ "redirect_uris": [SITE] }).to_string();
        let mut request = request("POST", "/register", &[("content-type", "application/json")], body);
        let client: IpAddr = address.parse().expect("an address");
        let ingress = Ingress::local(Deadline::after(Duration::from_secs(5))).with_client(client);
        request.extensions_mut().insert(ingress);
        lab.send(at, request).await
    };
    for at in [0, 1, 0, 1, 0, 1] {
        assert_eq!(register(at, "192.0.2.1").await.status, StatusCode::CREATED);
    }
    for at in [0, 1, 0] {
        let refused = register(at, "192.0.2.1").await;
        assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS, "half of all, of one address");
        assert_eq!(refused.header("retry-after"), Some("60"));
    }
    lab.clock.advance(Duration::from_secs(60));
    // One network of IPv6 is one address.
    for (host, expected) in [(1, 201), (2, 201), (3, 201), (4, 201), (5, 201), (6, 201), (7, 429)] {
        assert_eq!(register(0, &format!("2001:db8::{host}")).await.status.as_u16(), expected, "{host}");
    }
    for last in 2..8 {
        assert_eq!(register(1, &format!("192.0.2.{last}")).await.status, StatusCode::CREATED);
    }
    assert_eq!(register(0, "192.0.2.99").await.status, StatusCode::TOO_MANY_REQUESTS, "twelve of all");
    lab.clock.advance(Duration::from_secs(60));
    assert_eq!(register(0, "192.0.2.1").await.status, StatusCode::CREATED);
}

/// RFC 9700, 4.3: what a browser or a proxy keeps of a login is not worth keeping.
#[tokio::test]
async fn redirects_and_tokens_are_kept_by_no_cache_and_told_to_no_other_site() {
    let lab = Lab::new();
    let client = lab.client(&[LOOPBACK]).await;
    let begun = lab.authorize(&client, &[("redirect_uri", LOOPBACK)], "").await;
    let (page, cookie) = lab.consent_page(&client, &[("redirect_uri", LOOPBACK)]).await;
    let ended = lab.decide(&page, &cookie, "allow").await;
    for answer in [begun, ended] {
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "a form is not sent on: RFC 9700, 4.12");
    }
}
