//! Access tokens that a key of AWS KMS signs.

use std::time::Duration;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use mcp_lambda_server::{
    Clock, McpLambdaServer, MemoryStore, Server, Stores, config::LoginConfig, time::Timestamp,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use test_support::{
    actions::Actions,
    fixture::{Fixture, Stage},
};

use super::lab::{Lab, SITE, process, settings, text};
use crate::keys::sdk_config;

const NEW: &str = "arn:aws:kms:us-east-1:000000000000:key/new-key";
const OLD: &str = "arn:aws:kms:us-east-1:000000000000:key/old-key";
/// A public key as KMS has it, and its coordinates.
const PUBLIC: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYZL8xX7bibHc2VE6yn0kK69iEqGI4BB3B8PQwoTGv5t1kiynd9fe0pkgknVTit+CzF2o+R364kVRphw1djhDrA==";
const X: &str = "YZL8xX7bibHc2VE6yn0kK69iEqGI4BB3B8PQwoTGv5s";
const Y: &str = "dZIsp3fX3tKZIJJ1U4rfgsxdqPkd-uJFUaYcNXY4Q6w";
/// A signature as KMS has it, and as a token has it.
const SIGNATURE: &str =
    "MEUCIQC23KGrV0jNhA6FiZpIA3UQiicKLMCVJAyLuXm9Vf3JWgIgBaUSKYDYjx7fIc/sFkBmVQ5UehVnpabHorTk4+3pMWM=";
const OF_TOKEN: &str =
    "ttyhq1dIzYQOhYmaSAN1EIonCizAlSQMi7l5vVX9yVoFpRIpgNiPHt8hz-wWQGZVDlR6FWelpseitOTj7ekxYw";

fn kms(action: &str, input: &Value) -> Result<Value, &'static str> {
    match action {
        "TrentService.GetPublicKey" => {
            Ok(json!({ "KeyId": input["KeyId"], "KeySpec": "ECC_NIST_P256", "PublicKey": PUBLIC }))
        }
        "TrentService.Sign" => Ok(json!({ "KeyId": input["KeyId"], "Signature": SIGNATURE })),
        _ => Err("UnknownOperationException"),
    }
}

async fn server(config: LoginConfig, stores: &Stores, clock: &Clock, endpoint: &str) -> Server {
    let builder = McpLambdaServer::builder(Fixture::new(Stage::new().0)).config(process(config));
    let builder = builder.stores(stores.clone()).clock(clock.clone()).sdk_config(sdk_config(endpoint));
    builder.build().await.expect("a server that has sent nothing yet")
}

/// Two environments of a login whose tokens these keys sign.
async fn lab(endpoint: &str, keys: &[&str]) -> Lab {
    let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
    let stores = Stores::of(MemoryStore::new(clock.clone()));
    lab_over(endpoint, keys, stores, clock).await
}

async fn lab_over(endpoint: &str, keys: &[&str], stores: Stores, clock: Clock) -> Lab {
    let mut config = settings();
    config.signing_keys = keys.iter().map(|key| (*key).to_owned()).collect();
    let one = server(config.clone(), &stores, &clock, endpoint).await;
    let servers = vec![one, server(config, &stores, &clock, endpoint).await];
    Lab { servers, clock, stores }
}

fn names(sent: &[(String, Value)]) -> Vec<&str> {
    sent.iter().map(|(action, _)| action.as_str()).collect()
}

const JWKS: &str = "/.well-known/jwks.json";

#[tokio::test]
async fn a_token_is_signed_with_one_request_and_the_public_keys_are_read_once_in_each_environment() {
    let kms = Actions::open(kms).await;
    let lab = lab(&kms.url, &[NEW, OLD]).await;
    let client = lab.client(&[SITE]).await;
    let code = lab.code(&client, &[]).await;
    assert_eq!(names(&kms.take()), Vec::<&str>::new(), "signing in asks for nothing");
    let tokens = lab.redeem(&client, &code, &[]).await.json();
    let sent = kms.take();
    assert_eq!(names(&sent), ["TrentService.Sign"]);
    let access = text(&tokens, "access_token");
    let (message, signature) = access.rsplit_once('.').expect("a signature");
    assert_eq!(signature, OF_TOKEN);
    let digest = STANDARD.encode(Sha256::digest(message.as_bytes()));
    let expected = json!({ "KeyId": NEW, "Message": digest, "MessageType": "DIGEST", "SigningAlgorithm": "ECDSA_SHA_256" });
    assert_eq!(sent[0].1, expected);
    let (header, _) = message.split_once('.').expect("a header");
    let header: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).expect("base64url")).expect("JSON");
    assert_eq!(header, json!({ "alg": "ES256", "typ": "at+jwt", "kid": "new-key" }));

    lab.refresh(0, &client, text(&tokens, "refresh_token")).await.json();
    assert_eq!(names(&kms.take()), ["TrentService.Sign"]);

    for at in [0, 0, 1, 1] {
        let set = lab.get(at, JWKS, &[]).await.json();
        let key = |kid: &str| json!({ "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": kid, "x": X, "y": Y });
        assert_eq!(set, json!({ "keys": [key("new-key"), key("old-key")] }));
    }
    assert_eq!(names(&kms.take()), ["TrentService.GetPublicKey"; 4]);
    let metadata = lab.get(0, "/.well-known/openid-configuration", &[]).await.json();
    assert_eq!(metadata["id_token_signing_alg_values_supported"], json!(["ES256"]));
}

#[tokio::test]
async fn a_code_and_a_refresh_token_are_still_good_when_the_key_did_not_sign() {
    let kms_endpoint = Actions::open(kms).await;
    let lab = lab(&kms_endpoint.url, &[NEW]).await;
    let client = lab.client(&[SITE]).await;
    let code = lab.code(&client, &[]).await;
    let fail = || kms_endpoint.answer(|_, _| Err("DisabledException"));
    fail();
    let unavailable = (503, "temporarily_unavailable".to_owned());
    assert_eq!(lab.redeem(&client, &code, &[]).await.error(), unavailable);
    kms_endpoint.answer(kms);
    let tokens = lab.redeem(&client, &code, &[]).await.json();
    let token = text(&tokens, "refresh_token");
    fail();
    assert_eq!(lab.refresh(0, &client, token).await.error(), unavailable);
    lab.clock.advance(Duration::from_secs(60));
    kms_endpoint.answer(kms);
    assert_eq!(lab.refresh(1, &client, token).await.status, 200);
}

/// The second key of a rotation may be deleted before the setting is.
#[tokio::test]
async fn a_key_that_is_gone_is_left_out_unless_it_is_the_one_that_signs() {
    let without = |gone: &'static str| {
        move |action: &str, input: &Value| {
            if input["KeyId"] == gone { Err("KMSInvalidStateException") } else { kms(action, input) }
        }
    };
    let endpoint = Actions::open(without(OLD)).await;
    let old_gone = lab(&endpoint.url, &[NEW, OLD]).await;
    let ids = async |lab: &Lab| {
        let set = lab.get(0, JWKS, &[]).await.json();
        let keys = set["keys"].as_array().map(Vec::as_slice).unwrap_or_default();
        keys.iter().map(|key| text(key, "kid").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&old_gone).await, ["new-key"]);
    assert_eq!(ids(&old_gone).await, ["new-key"]);
    assert_eq!(endpoint.take().len(), 2, "a key that failed is not asked for again at once");
    endpoint.answer(kms);
    old_gone.clock.advance(Duration::from_secs(2));
    assert_eq!(ids(&old_gone).await, ["new-key", "old-key"]);

    endpoint.answer(without(NEW));
    let new_gone = lab(&endpoint.url, &[NEW, OLD]).await;
    assert_eq!(new_gone.get(0, JWKS, &[]).await.error(), (503, "temporarily_unavailable".into()));
}

/// A key on another curve signs with the same algorithm of KMS.
#[tokio::test]
async fn a_key_of_another_spec_is_not_published() {
    let endpoint = Actions::open(|_, input| {
        Ok(json!({ "KeyId": input["KeyId"], "KeySpec": "ECC_SECG_P256K1", "PublicKey": PUBLIC }))
    });
    let endpoint = endpoint.await;
    let lab = lab(&endpoint.url, &[NEW]).await;
    assert_eq!(lab.get(0, JWKS, &[]).await.error().0, 503);
}

/// Run on an emulator of AWS, whose keys sign.
mod on_ministack {
    use http::StatusCode;
    use mcp_lambda_server::{
        Config,
        auth::{AuthConfig, JwtConfig, TokenAlgorithm},
        config::AllowList,
    };
    use test_support::{built, call};
    use tokio::task::JoinSet;

    use super::*;
    use crate::{
        keys::on_ministack::{endpoint, json_action},
        login::upstream_lab::front,
    };

    async fn key(spec: &str) -> String {
        let input = json!({ "KeySpec": spec, "KeyUsage": "SIGN_VERIFY" });
        let made = json_action("kms", "TrentService.CreateKey", input).await;
        text(&made["KeyMetadata"], "Arn").to_owned()
    }

    /// An MCP server that checks tokens with the keys at this URL, in a new environment.
    fn checking(url: &str, clock: &Clock) -> Server {
        let mut config = Config::default();
        config.hosts = AllowList::Any;
        let mut rules = JwtConfig::new(super::super::lab::ISSUER, super::super::lab::RESOURCE);
        rules.jwks_url = Some(format!("{url}{JWKS}"));
        rules.algorithms = vec![TokenAlgorithm::ES256];
        config.auth = AuthConfig::tokens(rules);
        let builder = McpLambdaServer::builder(Fixture::new(Stage::new().0)).config(config);
        built(builder.clock(clock.clone())).expect("a usable configuration")
    }

    /// Calls a tool with an access token, of a server that reads the keys of this login.
    async fn called(login: &Lab, token: &str) -> StatusCode {
        let (front, environments) = front();
        let bound = front.bind(([127, 0, 0, 1], 0).into()).await.expect("a port");
        let url = format!("http://{}", bound.address());
        assert!(environments.set(login.servers.clone()).is_ok());
        let mut serving = JoinSet::new();
        serving.spawn(bound.serve());
        let server = checking(&url, &login.clock);
        let echo = call("echo", json!({ "message": "hi" }));
        echo.header("authorization", &format!("Bearer {token}")).send(&server).await.status
    }

    #[tokio::test]
    #[ignore = "needs KMS: scripts/with-dynamodb ministack"]
    async fn a_server_accepts_what_a_key_has_signed_until_the_key_is_no_longer_listed() {
        let (old, new) = (key("ECC_NIST_P256").await, key("ECC_NIST_P256").await);
        let before = lab(&endpoint(), &[&old]).await;
        let client = before.client(&[SITE]).await;
        let tokens = before.tokens(&client).await;
        let first = text(&tokens, "access_token");
        assert_eq!(called(&before, first).await, StatusCode::OK);
        // The signature of another message.
        let (message, _) = first.rsplit_once('.').expect("a signature");
        assert_eq!(called(&before, &format!("{message}.{OF_TOKEN}")).await, StatusCode::UNAUTHORIZED);

        let next = async |keys: &[&str]| {
            lab_over(&endpoint(), keys, before.stores.clone(), before.clock.clone()).await
        };
        let both = next(&[&new, &old]).await;
        let refreshed = both.refresh(0, &client, text(&tokens, "refresh_token")).await.json();
        let second = text(&refreshed, "access_token");
        for token in [first, second] {
            assert_eq!(called(&both, token).await, StatusCode::OK);
        }
        let alone = next(&[&new]).await;
        assert_eq!(called(&alone, first).await, StatusCode::UNAUTHORIZED);
        assert_eq!(called(&alone, second).await, StatusCode::OK);
    }

    #[tokio::test]
    #[ignore = "needs KMS: scripts/with-dynamodb ministack"]
    async fn a_key_that_is_missing_disabled_or_of_another_spec_signs_nothing() {
        let (other, disabled) = (key("ECC_NIST_P384").await, key("ECC_NIST_P256").await);
        json_action("kms", "TrentService.DisableKey", json!({ "KeyId": disabled })).await;
        let missing = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000000";
        for arn in [&other, &disabled, missing] {
            let lab = lab(&endpoint(), &[arn]).await;
            let client = lab.client(&[SITE]).await;
            let code = lab.code(&client, &[]).await;
            assert_eq!(lab.redeem(&client, &code, &[]).await.error().0, 503, "{arn}");
        }
    }
}
