//! The keys of `requestState` in Secrets Manager: read when one is needed, and again after a rotation.

use std::time::Duration;

use mcp_lambda_server::{
    Clock, Config, McpLambdaServer, Server,
    config::TlsRoots,
    dynamodb::{SdkConfig, http_client, sdk::config::retry::RetryConfig},
    time::Timestamp,
};
use serde_json::{Value, json};
use test_support::{Fixture, McpRequest, Reply, Stage, call, refused, result, stateless_with, text};

/// An ARN that a secret could have.
const ARN: &str = "arn:aws:secretsmanager:us-east-1:000000000000:secret:mcp-keys-AbCdEf";

pub(super) fn sdk_config(endpoint: &str) -> SdkConfig {
    use mcp_lambda_server::dynamodb::sdk::config::{
        BehaviorVersion, Credentials, Region, SharedCredentialsProvider,
    };

    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(endpoint)
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
            "test", "test", None, None, "test",
        )))
        .http_client(http_client(TlsRoots::Amazon).expect("TLS"))
        .retry_config(RetryConfig::disabled())
        .build()
}

/// A server whose keys are in a secret.
async fn server(endpoint: &str, arn: &str) -> Server {
    server_at(endpoint, arn, &Clock::system()).await
}

async fn server_at(endpoint: &str, arn: &str, clock: &Clock) -> Server {
    let mut config = Config::default();
    config.state_keys_secret = Some(arn.to_owned());
    let builder = McpLambdaServer::builder(Fixture::new(Stage::new().0)).config(config).clock(clock.clone());
    builder.sdk_config(sdk_config(endpoint)).build().await.expect("a server that has read nothing yet")
}

fn shed() -> McpRequest {
    stateless_with(json!(1), "tools/call", json!({ "name": "sheds_load" }), json!({}))
}

/// Sends a call that is answered with a state, and returns that.
async fn state_of(server: &Server) -> String {
    let asked = result(shed().send(server).await).await;
    asked["requestState"].as_str().expect("a state").to_owned()
}

/// Brings a state back.
async fn bring(state: &str, server: &Server) -> Reply {
    shed().edit(|body| body["params"]["requestState"] = json!(state)).send(server).await
}

/// The name of the key that signed a state.
fn key_of(state: &str) -> &str {
    state.split('.').nth(1).expect("a name")
}

/// The secret cannot be read: what needs a key is refused, and the environment lives.
#[tokio::test]
async fn without_its_secret_a_round_is_refused_and_every_other_call_is_answered() {
    // No process listens on port 9.
    let server = server("http://127.0.0.1:9", ARN).await;
    for _ in 0..2 {
        let reply = shed().send(&server).await;
        assert_eq!(reply.header("retry-after"), Some("1"));
        let (status, code, body) = refused(reply).await;
        assert_eq!((status, code), (503, -32603), "{body}");
        assert_eq!(refused(bring("rs2.YQ.YQ.YQ", &server).await).await.0, 503);
        assert_eq!(text(call("echo", json!({ "message": "alive" })).send(&server).await).await, "alive");
    }
}

/// Run on an emulator of AWS, whose address is in `LAWS_DYNAMODB_ENDPOINT`.
pub(super) mod on_ministack {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
    };

    use super::*;

    pub(crate) fn endpoint() -> String {
        #[expect(clippy::disallowed_methods, reason = "the test script sets the endpoint")]
        std::env::var("LAWS_DYNAMODB_ENDPOINT").expect("the address of an emulator of AWS")
    }

    /// An action of Secrets Manager.
    async fn action(name: &str, input: Value) -> Value {
        json_action("secretsmanager", &format!("secretsmanager.{name}"), input).await
    }

    /// An action of a service.
    pub(crate) async fn json_action(service: &str, target: &str, input: Value) -> Value {
        let host = endpoint().replace("http://", "");
        let body = input.to_string();
        let request = format!(
            "POST / HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-type: application/x-amz-json-1.1\r\n\
             x-amz-target: {target}\r\ncontent-length: {}\r\n\
             authorization: AWS4-HMAC-SHA256 Credential=test/20261128/us-east-1/{service}/aws4_request, \
             SignedHeaders=host, Signature=0\r\n\r\n{body}",
            body.len()
        );
        let mut socket = TcpStream::connect(&host).await.expect("connected");
        socket.write_all(request.as_bytes()).await.expect("sent");
        let mut response = String::new();
        socket.read_to_string(&mut response).await.expect("a response");
        assert!(response.starts_with("HTTP/1.1 200"), "{response}");
        let (_, body) = response.split_once("\r\n\r\n").expect("a body");
        serde_json::from_str(body).expect("JSON")
    }

    /// A secret that is one key, as the construct lets Secrets Manager make it.
    async fn generated() -> String {
        let name = format!("keys-{}", mcp_lambda_server::tasks::TaskId::random());
        let created = action("CreateSecret", json!({ "Name": name, "SecretString": key() })).await;
        created["ARN"].as_str().expect("an ARN").to_owned()
    }

    fn key() -> String {
        format!(
            "{}{}",
            mcp_lambda_server::tasks::TaskId::random(),
            mcp_lambda_server::tasks::TaskId::random()
        )
    }

    /// What Secrets Manager does at the end of a rotation: the new version is current, and the one before is previous.
    async fn rotate(arn: &str) {
        action("PutSecretValue", json!({ "SecretId": arn, "SecretString": key() })).await;
    }

    const BACK: &str = "came back with later";

    #[tokio::test]
    #[ignore = "needs Secrets Manager: scripts/with-dynamodb ministack"]
    async fn a_secret_is_rotated_between_the_rounds_of_a_call_and_every_environment_takes_both_keys() {
        let arn = generated().await;
        let (old, before) = (server(&endpoint(), &arn).await, server(&endpoint(), &arn).await);
        let first = state_of(&old).await;
        assert_eq!(text(bring(&first, &before).await).await, BACK);
        rotate(&arn).await;
        // An environment that starts afterwards has the new key, and takes what the old one has signed.
        let new = server(&endpoint(), &arn).await;
        assert_eq!(text(bring(&first, &new).await).await, BACK);
        let second = state_of(&new).await;
        assert_ne!(key_of(&first), key_of(&second));
        // An environment with the old key hears of the new one by its name, and goes on with it.
        assert_eq!(text(bring(&second, &old).await).await, BACK);
        assert_eq!(key_of(&state_of(&old).await), key_of(&second));
        assert_eq!(text(bring(&first, &old).await).await, BACK);
        // After one more rotation the first key is gone.
        rotate(&arn).await;
        let newest = server(&endpoint(), &arn).await;
        assert_eq!(text(bring(&second, &newest).await).await, BACK);
        assert_eq!(refused(bring(&first, &newest).await).await.1, -32602);
    }

    #[tokio::test]
    #[ignore = "needs Secrets Manager: scripts/with-dynamodb ministack"]
    async fn a_list_of_keys_in_a_secret_signs_with_the_first_one() {
        let [one, two] =
            ["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="];
        let arn = generated().await;
        action("PutSecretValue", json!({ "SecretId": arn, "SecretString": format!("k1:{one}") })).await;
        let state = state_of(&server(&endpoint(), &arn).await).await;
        action("PutSecretValue", json!({ "SecretId": arn, "SecretString": format!("k2:{two},k1:{one}") }))
            .await;
        let server = server(&endpoint(), &arn).await;
        assert_eq!(text(bring(&state, &server).await).await, BACK);
        assert_ne!(key_of(&state_of(&server).await), key_of(&state));
    }

    /// A secret that is made after the server: the server needs no restart.
    #[tokio::test]
    #[ignore = "needs Secrets Manager: scripts/with-dynamodb ministack"]
    async fn a_secret_that_is_missing_or_malformed_refuses_rounds_until_it_is_mended() {
        let name = format!("late-{}", mcp_lambda_server::tasks::TaskId::random());
        let arn = format!("arn:aws:secretsmanager:us-east-1:000000000000:secret:{name}-AbCdEf");
        let missing = server(&endpoint(), &arn).await;
        assert_eq!(refused(shed().send(&missing).await).await.0, 503);
        let arn = generated().await;
        action("PutSecretValue", json!({ "SecretId": arn, "SecretString": "too short" })).await;
        let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
        let server = server_at(&endpoint(), &arn, &clock).await;
        assert_eq!(refused(shed().send(&server).await).await.0, 503);
        rotate(&arn).await;
        assert_eq!(refused(shed().send(&server).await).await.0, 503, "a failed read is not repeated at once");
        clock.advance(Duration::from_secs(1));
        state_of(&server).await;
    }
}
