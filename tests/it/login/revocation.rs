//! A revocation that arrives while the grant is in use: whichever of the two the store has done first, no token of the grant
//! outlives it.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use http::StatusCode;
use mcp_lambda_server::{
    Clock, MemoryStore, StoreError, Stores,
    session::{Rev, StateScope, StateStore, Versioned},
    time::Timestamp,
};
use serde_json::Value;
use tokio::sync::Notify;

use super::{
    lab::{Answer, Lab, SITE, text},
    upstream_lab::{UpstreamLab, grant_id},
};

/// On which side of a write its caller is held.
#[derive(Clone, Copy, PartialEq)]
enum Side {
    Before,
    After,
}

/// The next write of a value of this kind is held.
struct Hold {
    kind: &'static str,
    side: Side,
    reached: Arc<Notify>,
    go: Arc<Notify>,
}

/// A store of which one write can be held.
#[derive(Clone)]
struct Holding {
    inner: Arc<dyn StateStore>,
    hold: Arc<Mutex<Option<Hold>>>,
}

impl Holding {
    fn over(clock: &Clock) -> (Self, Stores) {
        let mut stores = Stores::of(MemoryStore::new(clock.clone()));
        let holding = Self { inner: Arc::clone(&stores.state), hold: Arc::default() };
        stores.state = Arc::new(holding.clone());
        (holding, stores)
    }

    /// Does one thing, and another while a write of the first is held.
    async fn meanwhile<A, B>(
        &self,
        kind: &'static str,
        side: Side,
        first: impl Future<Output = A>,
        other: impl AsyncFnOnce() -> B,
    ) -> (A, B) {
        let (reached, go) = (Arc::<Notify>::default(), Arc::<Notify>::default());
        let hold = Hold { kind, side, reached: Arc::clone(&reached), go: Arc::clone(&go) };
        *self.hold.lock().expect("no panic") = Some(hold);
        let interrupts = async {
            reached.notified().await;
            let done = other().await;
            go.notify_one();
            done
        };
        tokio::join!(first, interrupts)
    }

    fn take(&self, scope: &StateScope) -> Option<Hold> {
        let StateScope::Login(key) = scope else { return None };
        self.hold.lock().expect("no panic").take_if(|hold| key.starts_with(hold.kind))
    }
}

#[async_trait]
impl StateStore for Holding {
    async fn state(&self, scope: &StateScope, key: &str) -> Result<Option<Versioned<Value>>, StoreError> {
        self.inner.state(scope, key).await
    }

    async fn put_state(
        &self,
        scope: &StateScope,
        key: &str,
        value: &Value,
        expected: Rev,
        expires_at: Timestamp,
    ) -> Result<Rev, StoreError> {
        let hold = self.take(scope);
        let held = async |side: Side| {
            let Some(hold) = hold.as_ref().filter(|hold| hold.side == side) else { return };
            hold.reached.notify_one();
            hold.go.notified().await;
        };
        held(Side::Before).await;
        let written = self.inner.put_state(scope, key, value, expected, expires_at).await;
        held(Side::After).await;
        written
    }

    async fn remove_state(&self, scope: &StateScope, key: &str) -> Result<(), StoreError> {
        self.inner.remove_state(scope, key).await
    }
}

const GRANT: &str = "GRANT#";
const UPSTREAM: &str = "UPSTREAM#";

async fn revoke(lab: &Lab, client: &str, token: &str) {
    let answer = lab.post(1, "/revoke", &[("token", token), ("client_id", client)], &[]).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
}

fn invalid(answer: &Answer) {
    assert_eq!(answer.error(), (400, "invalid_grant".into()), "{answer:?}");
}

fn lab() -> (Holding, Lab) {
    let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
    let (holding, stores) = Holding::over(&clock);
    (holding, Lab::over(stores, clock, |_| ()))
}

#[tokio::test]
async fn a_refresh_that_a_revocation_overtakes_gives_no_token() {
    let (store, lab) = lab();
    let client = lab.client(&[SITE]).await;
    let tokens = lab.tokens(&client).await;
    let token = text(&tokens, "refresh_token");
    let revoked = async || revoke(&lab, &client, token).await;
    let refreshing = lab.refresh(0, &client, token);
    let (refreshed, ()) = store.meanwhile(GRANT, Side::Before, refreshing, revoked).await;
    invalid(&refreshed);
    invalid(&lab.refresh(0, &client, token).await);
}

#[tokio::test]
async fn a_refresh_token_that_was_given_during_a_revocation_is_worth_nothing() {
    let (store, lab) = lab();
    let client = lab.client(&[SITE]).await;
    let tokens = lab.tokens(&client).await;
    let token = text(&tokens, "refresh_token");
    let revoked = async || revoke(&lab, &client, token).await;
    let refreshing = lab.refresh(0, &client, token);
    let (refreshed, ()) = store.meanwhile(GRANT, Side::After, refreshing, revoked).await;
    assert_eq!(refreshed.status, StatusCode::OK, "{refreshed:?}");
    for token in [text(&refreshed.json(), "refresh_token"), token] {
        invalid(&lab.refresh(1, &client, token).await);
    }
}

/// The access token has ended with its grant for the provider's API too, although the MCP server still accepts it.
#[tokio::test]
async fn no_token_of_the_provider_is_kept_after_a_revocation_during_a_refresh() {
    for side in [Side::Before, Side::After] {
        let clock = Clock::manual(Clock::system().now());
        let (store, stores) = Holding::over(&clock);
        let lab = UpstreamLab::over(stores, clock, |login| {
            login.access_token_ttl = Duration::from_secs(2 * 3600);
        })
        .await;
        let (client, tokens) = lab.signed_in("ada").await;
        let token = text(&tokens, "refresh_token");
        lab.token(0, &tokens).await;
        lab.login.clock.advance(Duration::from_secs(3600 - 30));
        // The first write takes the lease, and the second has the tokens that the provider gave.
        let revoked = async || revoke(&lab.login, &client, token).await;
        let (told, ()) = store.meanwhile(UPSTREAM, side, lab.error(0, &tokens), revoked).await;
        assert!(told.contains("sign in again"), "{told}");
        let scope = StateScope::Login(format!("UPSTREAM#{}", grant_id(&tokens)));
        assert!(lab.login.stores.state.state(&scope, "tokens").await.expect("a store").is_none());
        assert!(lab.error(1, &tokens).await.contains("sign in again"));
    }
}
