//! A user signs in at a provider, and a tool acts as the user there: each step valid, invalid, late and repeated. No line of any log holds
//! a code, a token, a verifier, a password, a cookie or a key.

use std::time::Duration;

use local_issuer::Outage;
use test_support::logs::everything;

use super::{
    lab::{SITE, STATE, VERIFIER, parameter, text},
    upstream_lab::{PASSWORD, UpstreamLab, sign_in},
};

#[tokio::test]
async fn no_line_of_a_login_holds_a_secret() {
    everything::watch();
    let lab = UpstreamLab::new().await;
    let mut secrets: Vec<String> = [VERIFIER, STATE, PASSWORD, "planted-secret"].map(str::to_owned).to_vec();
    secrets.extend(["a", "s"].map(|of_key| of_key.repeat(64)));
    let client = lab.login.client(&[SITE]).await;

    // The requests of the browser, and the same callback in another browser and repeated.
    let begun = lab.login.authorize(&client, &[], "").await;
    let cookie = begun.cookie();
    let callback = sign_in(&begun.location(), "ada").await;
    lab.login.visit(&callback, "").await;
    let page = lab.login.visit(&callback, &cookie).await;
    lab.login.visit(&callback, &cookie).await;
    secrets.push(cookie.split_once('=').expect("a pair").1.to_owned());
    for name in ["code", "state"] {
        secrets.push(parameter(&callback, name).expect(name));
    }
    let asked = page.field("asked");
    secrets.push(asked.clone());
    let mut codes = Vec::new();
    for origin in ["https://evil.example", &lab.issuer, &lab.issuer] {
        let headers = [("cookie", &*cookie), ("origin", origin)];
        let form = [("asked", &*asked), ("decision", "allow")];
        let decided = lab.login.post(1, "/consent", &form, &headers).await;
        codes.extend(
            decided
                .header("location")
                .map(|url| parameter(&url.parse().expect("a URL"), "code").expect("a code")),
        );
    }
    let [code] = &codes[..] else { panic!("one form, one code: {codes:?}") };

    // The requests of the client: with errors, valid, and repeated.
    lab.login.redeem(&client, code, &[("code_verifier", &"v".repeat(43))]).await;
    let tokens = lab.login.redeem(&client, code, &[]).await.json();
    let token = lab.token(0, &tokens).await;
    lab.login.clock.advance(Duration::from_secs(3580));
    let next = lab.login.refresh(0, &client, text(&tokens, "refresh_token")).await.json();
    for outage in [Outage::Failing, Outage::Garbage, Outage::Closed, Outage::None] {
        lab.provider.suffer(outage);
        lab.call(0, &next).await.bytes().await;
    }
    // An environment pauses after it could not fetch the metadata of the provider.
    lab.login.clock.advance(Duration::from_secs(3));
    let refreshed = lab.token(1, &next).await;
    assert_ne!(token, refreshed);
    lab.login.clock.advance(Duration::from_secs(3580));
    let last = lab.login.refresh(0, &client, text(&next, "refresh_token")).await.json();
    lab.provider.end_grants();
    lab.call(1, &last).await.bytes().await;
    lab.login.post(0, "/upstream", &[("request", text(&last, "refresh_token"))], &[]).await;
    lab.login.refresh(0, &client, text(&tokens, "refresh_token")).await;
    lab.login.redeem(&client, code, &[]).await;
    lab.call(0, &last).await.bytes().await;

    secrets.extend([code.clone(), token, refreshed]);
    for tokens in [&tokens, &next, &last] {
        secrets.push(text(tokens, "refresh_token").to_owned());
        let signature = text(tokens, "access_token").rsplit('.').next().expect("a signature");
        secrets.push(signature.to_owned());
    }
    let never: Vec<&str> = secrets.iter().map(String::as_str).collect();
    let (lines, leaks) = everything::found(&never);
    assert!(lines > 20, "{lines} lines: nothing was listened to");
    assert!(leaks.is_empty(), "{leaks:#?}");
}
