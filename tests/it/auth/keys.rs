//! The keys of an issuer: which are trusted, where they are found, and for how long they are kept.
//! <https://openid.net/specs/openid-connect-discovery-1_0.html>, <https://www.rfc-editor.org/rfc/rfc8414> (read 2026-11-20)

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use local_issuer::{Issuer, Key, Outage};
use mcp_lambda_server::auth::{AuthConfig, TokenAlgorithm};
use serde_json::{Value, json};
use test_support::{
    call, environments_with, refused,
    tokens::{guarded, rules, status, taking, token, with},
};

/// EC keys, and algorithms that were chosen.
#[tokio::test]
async fn every_algorithm_that_is_taken_works_with_a_key_of_its_kind() {
    let issuer = Issuer::start().await.expect("a port");
    let rules = rules(&issuer);
    let all = [
        (TokenAlgorithm::RS256, "RS256"),
        (TokenAlgorithm::RS384, "RS384"),
        (TokenAlgorithm::RS512, "RS512"),
        (TokenAlgorithm::PS256, "PS256"),
        (TokenAlgorithm::PS384, "PS384"),
        (TokenAlgorithm::PS512, "PS512"),
        (TokenAlgorithm::ES256, "ES256"),
        (TokenAlgorithm::ES384, "ES384"),
        (TokenAlgorithm::EdDSA, "EdDSA"),
    ];
    let keys = [Key::ec("p256"), Key::ec384("p384"), Key::ed25519("ed"), Key::rsa("rsa")];
    let mut published: Vec<Value> = keys.iter().map(Key::jwk).collect();
    // One key for the whole family, as some issuers publish it.
    published[3].as_object_mut().expect("a key").remove("alg");
    issuer.publish(&keys);
    issuer.publish_as_written(published);
    let world = environments_with(1, |config| {
        let mut rules = rules.clone();
        rules.algorithms = all.map(|(algorithm, _)| algorithm).to_vec();
        config.auth = AuthConfig::tokens(rules);
    });
    for (_, name) in all {
        let key = keys.iter().find(|key| key.algorithm() == name).unwrap_or(&keys[3]);
        let token = token(&world, &issuer, "ada").key(key).header("alg", name).sign();
        assert_eq!(status(&world, &token).await, 200, "{name}");
        let mut broken = token.into_bytes();
        let at = broken.len() - 20;
        broken[at] = if broken[at] == b'A' { b'B' } else { b'A' };
        assert_eq!(status(&world, &String::from_utf8(broken).expect("ASCII")).await, 401, "{name}");
    }
}

/// A key is used only for the purpose and algorithm it names; a key that cannot be read is skipped.
#[tokio::test]
async fn a_key_is_used_for_what_it_is_for() {
    let issuer = Issuer::start().await.expect("a port");
    let key = issuer.signing();
    let world_of = |keys: Vec<Value>| {
        issuer.publish_as_written(keys);
        guarded(1, &issuer)
    };
    let odd = |name: &str, value: Value| {
        let mut jwk = key.jwk();
        jwk[name] = value;
        jwk
    };
    for (jwk, expected) in [
        (odd("use", json!("sig")), 200),
        (odd("use", json!("enc")), 401),
        (odd("alg", json!("RS512")), 401),
        (odd("alg", json!("RSA-OAEP")), 401),
        (odd("key_ops", json!(["verify"])), 200),
        (odd("key_ops", json!(["encrypt"])), 401),
        (odd("kty", json!("EC")), 401),
        (odd("n", json!("AQAB")), 401),
        (odd("n", json!("not base64!")), 401),
        (odd("x5c", json!(["ignored"])), 200),
        (odd("n", json!(7)), 401),
    ] {
        let world = world_of(vec![json!("no key"), json!({ "kty": "oct", "k": "c2VjcmV0" }), jwk.clone()]);
        let token = token(&world, &issuer, "ada").sign();
        assert_eq!(status(&world, &token).await, expected, "{jwk}");
    }
}

/// Without a name a key must be the only one that could be meant.
#[tokio::test]
async fn a_token_without_a_key_name_is_taken_only_when_one_key_can_be_meant() {
    let issuer = Issuer::start().await.expect("a port");
    let world = guarded(1, &issuer);
    issuer.publish(&[Key::ec("ec"), Key::rsa("one")]);
    let unnamed = || token(&world, &issuer, "ada").header("kid", json!(null)).sign();
    assert_eq!(status(&world, &unnamed()).await, 200);
    let world = guarded(1, &issuer);
    issuer.publish(&[Key::other_rsa("two"), Key::rsa("one")]);
    assert_eq!(status(&world, &unnamed()).await, 401);
}

#[tokio::test]
async fn a_new_key_is_taken_at_once_and_a_withdrawn_one_soon_no_more() {
    let issuer = Issuer::start().await.expect("a port");
    let world = guarded(1, &issuer);
    let old = token(&world, &issuer, "ada").sign();
    assert_eq!(status(&world, &old).await, 200);
    world.clock.advance(Duration::from_secs(31));
    issuer.publish(&[Key::rsa("rsa-1"), Key::ec("ec-1")]);
    let new = token(&world, &issuer, "ada").sign();
    assert_eq!(status(&world, &new).await, 200, "the key is new, and asked for");
    assert_eq!(status(&world, &old).await, 200, "the old one is there still");
    issuer.publish(&[Key::ec("ec-2")]);
    assert_eq!(status(&world, &old).await, 200, "believed for a while");
    world.clock.advance(Duration::from_secs(601));
    assert_eq!(status(&world, &old).await, 401, "and then no more");
}

/// Names of keys can be made up, a thousand a second: few of them reach the issuer.
#[tokio::test]
async fn unknown_keys_do_not_make_us_ask_again_and_again() {
    let issuer = Issuer::start().await.expect("a port");
    let world = guarded(1, &issuer);
    for n in 0..50 {
        let token = token(&world, &issuer, "ada").header("kid", format!("made-up-{n}")).sign();
        assert_eq!(status(&world, &token).await, 401);
    }
    assert_eq!(issuer.asked_for_keys(), 1);
    world.clock.advance(Duration::from_secs(31));
    let token = token(&world, &issuer, "ada").header("kid", "made-up").sign();
    assert_eq!(status(&world, &token).await, 401);
    assert_eq!(issuer.asked_for_keys(), 2);
}

#[tokio::test]
async fn many_at_once_ask_the_issuer_once() {
    let issuer = Issuer::start().await.expect("a port");
    let world = guarded(1, &issuer);
    let token = token(&world, &issuer, "ada").sign();
    let all = join_all((0..50).map(|_| status(&world, &token))).await;
    assert!(all.iter().all(|status| *status == 200), "{all:?}");
    assert_eq!((issuer.asked("/.well-known/openid-configuration"), issuer.asked_for_keys()), (1, 1));
}

/// The one that asks may leave; those who wait behind it are served all the same.
#[tokio::test]
async fn a_client_that_leaves_while_keys_are_fetched_delays_no_other_request() {
    let issuer = Issuer::start().await.expect("a port");
    let world = Arc::new(guarded(1, &issuer));
    issuer.suffer(Outage::Silent);
    let token = token(&world, &issuer, "ada").sign();
    {
        let mut leaving = Box::pin(status(&world, &token));
        assert!(futures::poll!(&mut leaving).is_pending());
        let mut waiting = Box::pin(status(&world, &token));
        assert!(futures::poll!(&mut waiting).is_pending());
    }
    issuer.suffer(Outage::None);
    assert_eq!(status(&world, &token).await, 200);
}

/// During an outage no caller is authenticated, and the error names the cause.
#[tokio::test]
async fn without_keys_every_request_is_503() {
    let issuer = Issuer::start().await.expect("a port");
    for outage in [Outage::Closed, Outage::Failing, Outage::Garbage, Outage::Endless, Outage::Elsewhere] {
        let world = guarded(1, &issuer);
        issuer.suffer(outage);
        let token = token(&world, &issuer, "ada").sign();
        let reply = with(call("echo", json!({})), &token).send(world.at(0)).await;
        assert_eq!(
            (reply.header("retry-after"), reply.header("www-authenticate")),
            (Some("1"), None),
            "{outage:?}"
        );
        let (status_code, code, body) = refused(reply).await;
        assert_eq!((status_code, code, body.get("id")), (503, -32603, None), "{outage:?}");
        assert!(!body.to_string().contains(issuer.url()), "{body}");
        let forged = token.replace('.', ".x");
        assert_ne!(status(&world, &forged).await, 200, "{outage:?}");
        issuer.suffer(Outage::None);
        world.clock.advance(Duration::from_secs(2));
        assert_eq!(status(&world, &token).await, 200, "after {outage:?}");
    }
}

#[tokio::test]
async fn an_issuer_that_does_not_answer_times_out() {
    let issuer = Issuer::start().await.expect("a port");
    let world = guarded(1, &issuer);
    issuer.suffer(Outage::Silent);
    let token = token(&world, &issuer, "ada").sign();
    tokio::time::pause();
    assert_eq!(status(&world, &token).await, 503);
}

/// Keys are believed for a while without their issuer, and not for ever.
#[tokio::test]
async fn known_keys_outlive_an_outage_for_an_hour() {
    let issuer = Issuer::start().await.expect("a port");
    let world = guarded(1, &issuer);
    let fresh = || token(&world, &issuer, "ada").sign();
    assert_eq!(status(&world, &fresh()).await, 200);
    issuer.suffer(Outage::Failing);
    world.clock.advance(Duration::from_secs(601));
    assert_eq!(status(&world, &fresh()).await, 200, "stale, and known");
    let asked = issuer.asked_for_keys();
    assert_eq!(status(&world, &fresh()).await, 200);
    assert_eq!(issuer.asked_for_keys(), asked, "an issuer that fails is left alone for a moment");
    let unknown = token(&world, &issuer, "ada").key(&Key::ec("new")).sign();
    assert_eq!(status(&world, &unknown).await, 503, "whether the key exists cannot be known");
    world.clock.advance(Duration::from_secs(3000));
    assert_eq!(status(&world, &fresh()).await, 503, "not for ever");
    issuer.suffer(Outage::None);
    world.clock.advance(Duration::from_secs(3));
    assert_eq!(status(&world, &fresh()).await, 200);
}

#[tokio::test]
async fn metadata_of_an_issuer_is_found_wherever_the_specifications_put_it() {
    for (path, place) in [
        ("", "/.well-known/openid-configuration"),
        ("", "/.well-known/oauth-authorization-server"),
        ("/pool", "/pool/.well-known/openid-configuration"),
        ("/pool", "/.well-known/oauth-authorization-server/pool"),
        ("/pool", "/.well-known/openid-configuration/pool"),
        ("/", "/.well-known/openid-configuration"),
    ] {
        let issuer = Issuer::at(path).await.expect("a port");
        issuer.answer_at(&[place]);
        let world = guarded(1, &issuer);
        assert_eq!(status(&world, &token(&world, &issuer, "ada").sign()).await, 200, "{path} {place}");
    }
}

#[tokio::test]
async fn an_issuer_under_another_name_is_not_believed() {
    let issuer = Issuer::start().await.expect("a port");
    let world = guarded(1, &issuer);
    issuer.call_itself("https://evil.example");
    assert_eq!(status(&world, &token(&world, &issuer, "ada").sign()).await, 503);
    assert_eq!(issuer.asked_for_keys(), 0);
}

#[tokio::test]
async fn keys_that_are_configured_need_no_metadata() {
    let issuer = Issuer::start().await.expect("a port");
    issuer.answer_at(&[]);
    let url = format!("{}/keys", issuer.url());
    let change = taking(&issuer);
    let world = environments_with(1, |config| {
        change(config);
        if let Some(jwt) = &mut config.auth.jwt {
            jwt.jwks_url = Some(url.clone());
        }
    });
    assert_eq!(status(&world, &token(&world, &issuer, "ada").sign()).await, 200);
    assert_eq!(issuer.asked("/.well-known/openid-configuration"), 0);
}
