//! DynamoDB on this machine that counts its requests.

use lambda_emulator::Builder;
use mcp_lambda_server::dynamodb::create_tables;
use test_support::dynamodb::{
    Embedded, client,
    proxy::{DENIED, Fate, Proxy},
};

/// With the tables, until it is dropped.
pub(crate) struct Database {
    proxy: Proxy,
    _database: Embedded,
}

impl Database {
    pub(crate) async fn start() -> Self {
        let database = tokio::task::spawn_blocking(Embedded::start).await.unwrap();
        let proxy = Proxy::start(&database);
        create_tables(&client(&database.url), "state", "events").await.unwrap();
        Self { proxy, _database: database }
    }

    /// A function that keeps its state here.
    pub(crate) fn behind(&self, function: Builder) -> Builder {
        function
            .env("SESSION_TABLE_NAME", "state")
            .env("EVENT_TABLE_NAME", "events")
            .env("AWS_ENDPOINT_URL", &self.proxy.url)
            .env("AWS_ACCESS_KEY_ID", "local")
            .env("AWS_SECRET_ACCESS_KEY", "local")
    }

    /// The trace header of each request since the last call of this.
    pub(crate) fn take_trace_headers(&self) -> Vec<Option<String>> {
        self.proxy.take_trace_headers()
    }

    /// Lets every request with this action fail from now on, in a way that no client tries again.
    pub(crate) fn deny(&self, action: &'static str) {
        self.proxy.every(action, DENIED);
    }

    /// Answers every request from now on.
    pub(crate) fn allow(&self) {
        self.proxy.rule(|_, _| Fate::Answered);
    }

    /// How many requests there were with this action.
    pub(crate) fn asked(&self, action: &str) -> usize {
        self.proxy.seen().iter().filter(|seen| *seen == action).count()
    }
}
