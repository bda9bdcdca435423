//! Refresh tokens, revocation, and keys that change.

use std::time::Duration;

use http::StatusCode;
use mcp_lambda_server::config::LoginKey;

use super::lab::{Lab, SITE, claims, server, settings, text};

#[tokio::test]
async fn a_refresh_gives_new_tokens_and_a_token_that_is_used_again_ends_the_grant() {
    let lab = Lab::new();
    let client = lab.client(&[SITE]).await;
    let first = lab.tokens(&client).await;
    let second = lab.refresh(0, &client, text(&first, "refresh_token")).await.json();
    assert_eq!(claims(text(&second, "access_token"))["sub"], "ada");
    assert_ne!(text(&first, "refresh_token"), text(&second, "refresh_token"));
    lab.clock.advance(Duration::from_secs(11));
    let third = lab.refresh(1, &client, text(&second, "refresh_token")).await.json();
    // An attacker has the first one.
    let stolen = lab.refresh(0, &client, text(&first, "refresh_token")).await;
    assert_eq!(stolen.error(), (400, "invalid_grant".into()));
    let ended = lab.refresh(1, &client, text(&third, "refresh_token")).await;
    assert_eq!(ended.error(), (400, "invalid_grant".into()), "the grant has ended for both");
}

/// A response can be lost on its way. Both of its copies lead to the same next token.
#[tokio::test]
async fn a_refresh_that_is_repeated_within_ten_seconds_is_answered_again() {
    let lab = Lab::new();
    let client = lab.client(&[SITE]).await;
    let first = lab.tokens(&client).await;
    let lost = lab.refresh(0, &client, text(&first, "refresh_token")).await.json();
    lab.clock.advance(Duration::from_secs(9));
    let again = lab.refresh(1, &client, text(&first, "refresh_token")).await;
    assert_eq!(again.status, StatusCode::OK, "{again:?}");
    // The one who uses a copy first goes on, and the other copy ends the grant.
    let again = again.json();
    let next = lab.refresh(1, &client, text(&again, "refresh_token")).await.json();
    lab.clock.advance(Duration::from_secs(11));
    assert_eq!(lab.refresh(0, &client, text(&lost, "refresh_token")).await.error().1, "invalid_grant");
    assert_eq!(lab.refresh(0, &client, text(&next, "refresh_token")).await.error().1, "invalid_grant");
}

#[tokio::test]
async fn a_refreshed_token_has_the_scopes_of_the_grant_or_fewer() {
    let lab = Lab::new();
    let client = lab.client(&[SITE]).await;
    let code = lab.code(&client, &[("scope", "mcp:read")]).await;
    let tokens = lab.redeem(&client, &code, &[]).await.json();
    let refresh = async |token: &str, scope: &str| {
        let pairs = [
            ("grant_type", "refresh_token"),
            ("client_id", &*client),
            ("refresh_token", token),
            ("scope", scope),
        ];
        lab.post(1, "/token", &pairs, &[]).await
    };
    let token = text(&tokens, "refresh_token");
    assert_eq!(refresh(token, "mcp:read mcp:write").await.error(), (400, "invalid_scope".into()));
    assert_eq!(text(&refresh(token, "mcp:read").await.json(), "scope"), "mcp:read");
}

#[tokio::test]
async fn a_grant_ends_with_its_lifetime_and_its_last_access_token_with_it() {
    let lab = Lab::with(|login| login.refresh_token_ttl = Duration::from_secs(3600));
    let client = lab.client(&[SITE]).await;
    let tokens = lab.tokens(&client).await;
    lab.clock.advance(Duration::from_secs(3590));
    let tokens = lab.refresh(0, &client, text(&tokens, "refresh_token")).await.json();
    assert_eq!(tokens["expires_in"], 10);
    lab.clock.advance(Duration::from_secs(10));
    assert_eq!(lab.refresh(0, &client, text(&tokens, "refresh_token")).await.error().1, "invalid_grant");
}

#[tokio::test]
async fn a_revoked_token_is_worth_nothing_and_only_its_client_revokes_it() {
    let lab = Lab::new();
    let client = lab.client(&[SITE]).await;
    let other = lab.client(&[SITE]).await;
    let tokens = lab.tokens(&client).await;
    let token = text(&tokens, "refresh_token");
    let revoke = async |client: &str, token: &str| {
        lab.post(0, "/revoke", &[("token", token), ("client_id", client)], &[]).await
    };
    assert_eq!(revoke(&other, token).await.error(), (401, "invalid_client".into()));
    for _ in 0..2 {
        assert_eq!(revoke(&client, token).await.status, StatusCode::OK);
    }
    assert_eq!(lab.refresh(1, &client, token).await.error().1, "invalid_grant");
    assert_eq!(revoke(&client, "unknown").await.status, StatusCode::OK, "RFC 7009, 2.2");
    let access = revoke(&client, text(&tokens, "access_token")).await;
    assert_eq!(access.error(), (400, "unsupported_token_type".into()));
}

/// A new key in front, later without the old one.
#[tokio::test]
async fn keys_change_while_clients_stay_signed_in() {
    let lab = Lab::new();
    let client = lab.client(&[SITE]).await;
    let tokens = lab.tokens(&client).await;
    let with_keys = |ids: &[&str]| {
        let mut login = settings();
        login.keys = ids
            .iter()
            .map(|id| {
                LoginKey::new(
                    *id,
                    id.chars()
                        .next()
                        .map_or('a', |c| if c == 'o' { 'a' } else { 'b' })
                        .to_string()
                        .repeat(64),
                )
            })
            .collect();
        Lab {
            servers: vec![
                server(login.clone(), &lab.stores, &lab.clock),
                server(login, &lab.stores, &lab.clock),
            ],
            clock: lab.clock.clone(),
            stores: lab.stores.clone(),
        }
    };
    let both = with_keys(&["two", "one"]);
    let refreshed = both.refresh(0, &client, text(&tokens, "refresh_token")).await.json();
    let next = with_keys(&["two"]);
    let again = next.refresh(0, &client, text(&refreshed, "refresh_token")).await;
    assert_eq!(again.status, StatusCode::OK, "{again:?}");
    assert_eq!(next.get(0, "/.well-known/jwks.json", &[]).await.json()["keys"][0]["kid"], "two");
    // The registration was sealed by the key that is gone: the client registers again.
    assert_eq!(next.authorize(&client, &[], "").await.status, StatusCode::UNAUTHORIZED);
}
