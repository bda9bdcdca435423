//! A DynamoDB on this machine that counts what it is asked.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use lambda_emulator::Builder;
use mcp_lambda_server::{
    config::TlsRoots,
    store::dynamodb::{create_tables, http_client, sdk},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// What stands before the name of an action in the header that names it.
const TARGET: &[u8] = b"DynamoDB_20120810.";

type Counts = Arc<Mutex<HashMap<String, usize>>>;

/// With the tables, until it is dropped.
pub(crate) struct Database {
    url: String,
    counts: Counts,
    _serving: JoinSet<io::Result<()>>,
}

impl Database {
    pub(crate) async fn start() -> Self {
        let behind = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = behind.local_addr().unwrap();
        let front = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", front.local_addr().unwrap());
        let database = dynoxide::Database::memory().unwrap();
        let counts = Counts::default();
        let mut serving = JoinSet::new();
        serving.spawn(async {
            dynoxide::server::serve_on(behind, database).await;
            Ok(())
        });
        serving.spawn(pass_on(front, address, Arc::clone(&counts)));
        let config = sdk::Config::builder()
            .behavior_version(sdk::config::BehaviorVersion::latest())
            .endpoint_url(&url)
            .region(sdk::config::Region::new("us-east-1"))
            .credentials_provider(sdk::config::Credentials::new("local", "local", None, None, "local"))
            .http_client(http_client(TlsRoots::Amazon).expect("an HTTP client"))
            .build();
        create_tables(&sdk::Client::from_conf(config), "state", "events").await.unwrap();
        Self { url, counts, _serving: serving }
    }

    /// A function that keeps its state here.
    pub(crate) fn behind(&self, function: Builder) -> Builder {
        function
            .env("SESSION_TABLE_NAME", "state")
            .env("EVENT_TABLE_NAME", "events")
            .env("AWS_ENDPOINT_URL", &self.url)
            .env("AWS_ACCESS_KEY_ID", "local")
            .env("AWS_SECRET_ACCESS_KEY", "local")
    }

    /// How often it has been asked for an action.
    pub(crate) fn asked(&self, action: &str) -> usize {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).get(action).copied().unwrap_or(0)
    }
}

/// Passes bytes on in both directions, and counts the actions they name.
async fn pass_on(front: TcpListener, behind: SocketAddr, counts: Counts) -> io::Result<()> {
    let mut connections = JoinSet::new();
    loop {
        let (client, _) = front.accept().await?;
        let counts = Arc::clone(&counts);
        connections.spawn(async move {
            let (mut from_client, mut to_client) = client.into_split();
            let (mut from_database, mut to_database) = TcpStream::connect(behind).await?.into_split();
            tokio::try_join!(
                async {
                    let (mut bytes, mut unread) = (vec![0; 65_536], Vec::new());
                    loop {
                        let length = from_client.read(&mut bytes).await?;
                        if length == 0 {
                            return to_database.shutdown().await;
                        }
                        unread.extend_from_slice(&bytes[..length]);
                        count(&mut unread, &counts);
                        to_database.write_all(&bytes[..length]).await?;
                    }
                },
                tokio::io::copy(&mut from_database, &mut to_client),
            )
        });
    }
}

/// Counts the actions named in what was not read yet, and leaves what may be the start of another name.
fn count(unread: &mut Vec<u8>, counts: &Counts) {
    while let Some(at) = unread.windows(TARGET.len()).position(|window| window == TARGET) {
        let name = at + TARGET.len();
        let Some(end) = unread[name..].iter().position(|byte| !byte.is_ascii_alphanumeric()) else { return };
        let action = String::from_utf8_lossy(&unread[name..name + end]).into_owned();
        *counts.lock().unwrap_or_else(PoisonError::into_inner).entry(action).or_default() += 1;
        unread.drain(..name + end);
    }
    unread.drain(..unread.len().saturating_sub(TARGET.len()));
}
