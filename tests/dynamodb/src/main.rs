//! `local-dynamodb PORT`: an embedded DynamoDB on loopback with the tables `state` and `events`, in memory. It prints the
//! URL when the tables exist.

use std::error::Error;

use mcp_lambda_server::{
    config::TlsRoots,
    dynamodb::{create_tables, http_client, sdk},
};
use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let port = std::env::args().nth(1).unwrap_or_else(|| "0".to_owned());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let database = dynoxide::Database::memory().map_err(|error| error.to_string())?;
    let serving = dynoxide::server::serve_on(listener, database);
    let ready = async {
        create_tables(&client(&url)?, "state", "events").await?;
        println!("{url}");
        Ok::<_, Box<dyn Error + Send + Sync>>(())
    };
    let ((), ready) = tokio::join!(serving, ready);
    ready
}

/// Creates a client. The embedded DynamoDB accepts any credentials.
fn client(url: &str) -> Result<sdk::Client, Box<dyn Error + Send + Sync>> {
    let config = sdk::Config::builder()
        .behavior_version(sdk::config::BehaviorVersion::latest())
        .endpoint_url(url)
        .region(sdk::config::Region::new("us-east-1"))
        .credentials_provider(sdk::config::Credentials::new("local", "local", None, None, "local"))
        .http_client(http_client(TlsRoots::Amazon)?)
        .build();
    Ok(sdk::Client::from_conf(config))
}
