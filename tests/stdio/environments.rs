//! Clients of 2025-11-25: each request lands on another environment of Lambda, and another process serves it.

use std::collections::BTreeMap;

use lambda_emulator::Emulator;
use local_issuer::Issuer;
use mcp_lambda_server::dynamodb::create_tables;
use test_support::{
    dynamodb::{Embedded, client},
    refused,
    request::initialize_request,
};

use super::{
    lambda::{function, http},
    *,
};

const VERSION: &str = "2025-11-25";

/// Four environments with a database, and each request on the next one.
struct Deployment {
    emulator: Emulator,
    issuer: Issuer,
    _database: Embedded,
}

impl Deployment {
    async fn with(child_per: &str) -> Self {
        let database = tokio::task::spawn_blocking(Embedded::start).await.expect("a database");
        create_tables(&client(&database.url), "state", "events").await.expect("tables");
        let issuer = Issuer::start().await.expect("an issuer");
        let function = function(4, &["--per", child_per], &[])
            .env("SESSION_TABLE_NAME", "state")
            .env("EVENT_TABLE_NAME", "events")
            .env("AWS_ENDPOINT_URL", &database.url)
            .env("AWS_ACCESS_KEY_ID", "local")
            .env("AWS_SECRET_ACCESS_KEY", "local")
            .env("MCP_JWT_ISSUER", issuer.url())
            .env("MCP_JWT_AUDIENCE", "mcp");
        let emulator = function.start().await.expect("an emulator");
        Self { emulator, issuer, _database: database }
    }

    fn as_user(&self, user: &str, request: McpRequest) -> McpRequest {
        request.header("authorization", &format!("Bearer {}", self.issuer.token(user).sign()))
    }

    async fn open(&self, user: &str) -> String {
        let initialize = self.as_user(user, initialize_request(VERSION, json!({})));
        let reply = initialize.send(&http(&self.emulator)).await;
        assert_eq!(reply.status, 200);
        let session = reply.header("mcp-session-id").expect("a session").to_owned();
        let initialized = test_support::session::notification("notifications/initialized", json!({}));
        let accepted = self.as_user(user, McpRequest::session(&session, VERSION, &initialized));
        assert_eq!(accepted.send(&http(&self.emulator)).await.status, 202);
        session
    }

    /// Counts in the process of a session, this often. Returns what each process has counted, in order.
    async fn counts(&self, user: &str, session: &str, times: usize) -> BTreeMap<String, Vec<u64>> {
        let mut counts = BTreeMap::<String, Vec<u64>>::new();
        for _ in 0..times {
            let message = test_support::session::call(1, "count", json!({}));
            let request = self.as_user(user, McpRequest::session(session, VERSION, &message));
            let counted =
                result(request.send(&http(&self.emulator)).await).await["structuredContent"].clone();
            counts.entry(counted["pid"].to_string()).or_default().extend(counted["count"].as_u64());
        }
        counts
    }
}

/// No request fails, wherever it lands. What a process keeps in its memory is that of its environment.
#[tokio::test]
async fn a_session_has_a_process_of_its_own_in_each_environment_that_serves_it() {
    let deployment = Deployment::with("session").await;
    let (one, other) = (deployment.open("ada").await, deployment.open("ada").await);
    let (first, second) =
        (deployment.counts("ada", &one, 8).await, deployment.counts("ada", &other, 8).await);
    for counts in [&first, &second] {
        assert_eq!(counts.len(), 4, "{counts:?}");
        assert!(
            counts.values().all(|counts| counts.iter().copied().eq((1..).take(counts.len()))),
            "{counts:?}"
        );
    }
    assert!(first.keys().all(|pid| !second.contains_key(pid)), "sessions share no process");
    // The end of the session is known to all environments.
    let end = McpRequest::of(::http::Method::DELETE).header("mcp-session-id", &one);
    let end = deployment.as_user("ada", end.header("mcp-protocol-version", VERSION));
    assert!(end.send(&http(&deployment.emulator)).await.status.is_success());
    for _ in 0..4 {
        let message = test_support::session::call(1, "count", json!({}));
        let request = deployment.as_user("ada", McpRequest::session(&one, VERSION, &message));
        assert_eq!(refused(request.send(&http(&deployment.emulator)).await).await.0, 404);
    }
    deployment.emulator.shutdown().await;
}

#[tokio::test]
async fn a_principal_has_a_process_of_its_own_in_each_environment_and_keeps_it_across_sessions() {
    let deployment = Deployment::with("principal").await;
    let (one, other) = (deployment.open("ada").await, deployment.open("ada").await);
    let first = deployment.counts("ada", &one, 8).await;
    let second = deployment.counts("ada", &other, 8).await;
    assert_eq!(first.keys().collect::<Vec<_>>(), second.keys().collect::<Vec<_>>());
    for (pid, counts) in &first {
        let all = [&counts[..], &second[pid]].concat();
        assert!(all.iter().copied().eq((1..).take(all.len())), "{first:?} {second:?}");
    }
    let of_bob = deployment.open("bob").await;
    let of_bob = deployment.counts("bob", &of_bob, 8).await;
    assert_eq!(of_bob.len(), 4, "{of_bob:?}");
    assert!(first.keys().all(|pid| !of_bob.contains_key(pid)), "{of_bob:?}");
    deployment.emulator.shutdown().await;
}
