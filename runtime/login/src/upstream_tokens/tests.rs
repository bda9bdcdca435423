use std::{sync::Arc, time::Duration};

use mcp_lambda_core::{
    config::{Config, LoginConfig, LoginKey, LoginUpstream, UpstreamTokenConfig},
    session::StateStore,
    store::Stores,
    time::{Clock, Deadline, Timestamp},
};
use serde_json::Map;
use url::form_urlencoded;

use super::{
    keys::Purpose,
    record::{self, Kept, Record},
    refreshed::{self, Asked, REQUEST_TIME},
    *,
};
use crate::{
    server::{Login, Outside},
    upstream::UpstreamTokens,
};

const ISSUER: &str = "https://login.example";

fn config() -> UpstreamTokenConfig {
    UpstreamTokenConfig::new(ISSUER, LoginKey::new("sealing", "s".repeat(64)))
}

fn owner() -> Owner {
    let text = |text: &str| text.to_owned();
    Owner { grant: text("grant"), subject: text("ada"), resource: text("https://mcp.example/mcp") }
}

fn login(clock: &Clock) -> Login {
    let upstream = LoginUpstream::local(vec![("ada".to_owned(), "right".to_owned())]);
    let mut login = LoginConfig::new(ISSUER, "https://mcp.example/mcp", upstream);
    login.keys = vec![LoginKey::new("one", "a".repeat(64))];
    login.upstream_tokens = Some(Box::new(config()));
    let store: Arc<dyn StateStore> = Stores::in_memory(&Config::default(), clock.clone()).state;
    Login::new(&login, store, clock.clone(), Outside::default()).expect("a configuration")
}

fn tokens(expires_at: Timestamp) -> UpstreamTokens {
    let refresh_token = Some("planted-refresh".to_owned());
    let access_token = "planted-access".to_owned();
    UpstreamTokens { access_token, refresh_token, expires_at: Some(expires_at), scope: None }
}

#[tokio::test]
async fn what_is_sealed_opens_for_its_owner_and_its_purpose_alone() {
    let keys = UpstreamKeys::of(&config(), None);
    let data = owner().data(ISSUER);
    let sealed = keys.seal(Purpose::Tokens, &data, &7).await.expect("keys").expect("sealed");
    assert_eq!(keys.open::<u8>(Purpose::Tokens, &data, &sealed).await.expect("keys"), Some(7));
    assert_eq!(keys.open::<u8>(Purpose::Request, &data, &sealed).await.expect("keys"), None);
    let others = [
        Owner { grant: "other".to_owned(), ..owner() },
        Owner { subject: "bob".to_owned(), ..owner() },
        Owner { resource: "https://mcp.example/other".to_owned(), ..owner() },
    ];
    for data in
        others.map(|other| other.data(ISSUER)).into_iter().chain([owner().data("https://other.example")])
    {
        assert_eq!(keys.open::<u8>(Purpose::Tokens, &data, &sealed).await.expect("keys"), None);
    }
    let other_key = UpstreamTokenConfig::new(ISSUER, LoginKey::new("sealing", "t".repeat(64)));
    let other = UpstreamKeys::of(&other_key, None);
    assert_eq!(other.open::<u8>(Purpose::Tokens, &data, &sealed).await.expect("keys"), None);
    for text in ["", "sealing", "sealing.", "gone.AAAA"] {
        assert_eq!(keys.open::<u8>(Purpose::Tokens, &data, text).await.expect("keys"), None, "{text}");
    }
}

#[test]
fn the_owner_is_what_the_claims_of_this_issuer_name() {
    let claims = |text: &str| serde_json::from_str::<Map<_, _>>(text).expect("an object");
    let whole = r#"{"iss":"https://login.example","sub":"ada","aud":["https://mcp.example/mcp","server"],"grant_id":"grant"}"#;
    assert_eq!(Owner::of_claims(&claims(whole), ISSUER), Some(owner()));
    assert_eq!(Owner::of_claims(&claims(whole), "https://other.example"), None);
    for missing in ["iss", "sub", "aud", "grant_id"] {
        let mut claims = claims(whole);
        claims.remove(missing);
        assert_eq!(Owner::of_claims(&claims, ISSUER), None, "{missing}");
    }
}

/// A request that was seen by others is worth nothing a minute later, and its answer is sealed at any time.
#[tokio::test]
async fn a_request_for_a_refresh_is_accepted_for_a_minute() {
    let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
    let login = login(&clock);
    let keys = login.upstream_keys.clone().expect("keys");
    let ends_at = clock.now().plus(Duration::from_secs(7200));
    let kept = Kept { tokens: Some(tokens(ends_at)), refused: None, ends_at };
    let sealed =
        keys.seal(Purpose::Tokens, &owner().data(ISSUER), &kept).await.expect("keys").expect("sealed");
    let record = Record { sealed: sealed.clone(), lease: None };
    record::write(&*login.store, &owner(), &record, 0, ends_at).await.expect("a write");
    let asked = Asked { owner: owner(), expires_at: clock.now().plus(REQUEST_TIME) };
    let request = keys.seal(Purpose::Request, "", &asked).await.expect("keys").expect("sealed");
    let form = form_urlencoded::Serializer::new(String::new()).append_pair("request", &request).finish();
    let deadline = Deadline::after(Duration::from_secs(30));
    let answer = refreshed::refreshed(&login, &keys, form.as_bytes(), deadline).await.expect("an answer");
    assert_eq!(answer["sealed"], sealed, "nothing is due");
    assert!(!answer.to_string().contains("planted-"));
    clock.advance(REQUEST_TIME);
    let error = refreshed::refreshed(&login, &keys, form.as_bytes(), deadline).await.expect_err("too old");
    assert_eq!((error.code, error.status.as_u16()), ("invalid_client", 401));
}

/// The process that had the lease has crashed: the next one takes it over. Users of the configuration have nothing to refresh,
/// which ends the attempt.
#[tokio::test]
async fn a_lease_that_is_over_is_taken_and_one_that_is_not_is_waited_for() {
    let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
    let login = login(&clock);
    let keys = login.upstream_keys.clone().expect("keys");
    let ends_at = clock.now().plus(Duration::from_secs(7200));
    let kept = Kept { tokens: Some(tokens(clock.now())), refused: None, ends_at };
    let data = owner().data(ISSUER);
    let sealed = keys.seal(Purpose::Tokens, &data, &kept).await.expect("keys").expect("sealed");
    let held = Record { sealed, lease: Some(clock.now().plus(Duration::from_secs(15))) };
    record::write(&*login.store, &owner(), &held, 0, ends_at).await.expect("a write");
    let asked = Asked { owner: owner(), expires_at: ends_at };
    let request = keys.seal(Purpose::Request, "", &asked).await.expect("keys").expect("sealed");
    let form = form_urlencoded::Serializer::new(String::new()).append_pair("request", &request).finish();
    let short = Deadline::after(Duration::from_millis(250));
    let error = refreshed::refreshed(&login, &keys, form.as_bytes(), short).await.expect_err("it waits");
    assert_eq!(error.code, "temporarily_unavailable");
    let (record, rev) = record::read(&*login.store, &owner()).await.expect("a store").expect("a record");
    assert!(record.lease.is_some() && rev == 1, "nothing was written");
    clock.advance(Duration::from_secs(15));
    let long = Deadline::after(Duration::from_secs(30));
    let error = refreshed::refreshed(&login, &keys, form.as_bytes(), long).await.expect_err("none to ask");
    assert_eq!(error.code, "temporarily_unavailable");
    let (record, rev) = record::read(&*login.store, &owner()).await.expect("a store").expect("a record");
    assert!(record.lease.is_none() && rev == 3, "taken, and given back");
}
