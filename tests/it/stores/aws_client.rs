//! The AWS SDK client: its root certificates, its endpoint, and when it is created.

use std::{
    io::{Read, Write},
    net::TcpListener,
    process::Command,
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use mcp_lambda_server::{
    Config, McpLambdaServer,
    config::{Tables, TlsRoots},
    dynamodb::{SdkConfig, client, http_client, sdk, sdk_config},
};
use sha2::{Digest, Sha256};
use test_support::dynamodb::{Embedded, configured, tables};

/// SHA-256 of the certificates with the keys that <https://www.amazontrust.com/repository/> lists (read 2026-11-20).
const FINGERPRINTS: [&str; 5] = [
    "8ecde6884f3d87b1125ba31ac3fcb13d7016de7f57cc904fe1cb97c6ae98196e",
    "1ba5b2aa8c65401a82960118f80bec4f62304d83cec4713a19c39c011ea46db4",
    "18ce6cfe7bf14e60b2e347b8dfe868cb31d02ebb3ada271569f50343b46db3a4",
    "e35d28419ed02025cfa69038cd623962458da5c695fbdea3c22b0bfb25897092",
    "568d6905a2c88708a4b3025190edcfedb1974a606a13c6e5290fcb2ae63edab5",
];

#[test]
fn the_bundled_root_certificates_are_those_of_amazon() {
    let pem = include_str!("../../../runtime/aws/src/amazon-roots.pem");
    let certificates = pem.split("-----BEGIN CERTIFICATE-----").skip(1);
    let certificates = certificates.map(|rest| rest.split("-----END").next().expect("an end"));
    let fingerprints: Vec<_> = certificates
        .map(|base64| {
            let der = STANDARD.decode(base64.replace('\n', "")).expect("base64");
            Sha256::digest(der).iter().map(|byte| format!("{byte:02x}")).collect::<String>()
        })
        .collect();
    assert_eq!(fingerprints, FINGERPRINTS);
    for roots in [TlsRoots::Amazon, TlsRoots::Native] {
        http_client(roots).expect("TLS");
    }
}

/// Run by the next test in a process with another environment.
#[tokio::test]
#[ignore = "only with the environment of the next test"]
async fn send_a_request_to_the_endpoint_of_the_environment() {
    let client = client(&sdk_config(TlsRoots::Amazon).await.expect("a configuration"));
    let _ = client.list_tables().send().await;
}

#[test]
fn the_endpoint_is_that_of_the_environment_and_that_of_the_service_comes_first() {
    let mut heads = Vec::new();
    for variables in [&["AWS_ENDPOINT_URL"][..], &["AWS_ENDPOINT_URL_DYNAMODB"]] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let mut command = Command::new(std::env::current_exe().expect("this test"));
        command
            .args([
                "--ignored",
                "--exact",
                "stores::aws_client::send_a_request_to_the_endpoint_of_the_environment",
            ])
            .env_clear();
        command.envs([
            ("AWS_REGION", "eu-north-1"),
            ("AWS_ACCESS_KEY_ID", "a"),
            ("AWS_SECRET_ACCESS_KEY", "b"),
        ]);
        // No process listens on port 9.
        command.env("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
        command.envs(variables.iter().map(|name| (*name, &url)));
        let mut child = command.spawn().expect("this test again");
        let (accepted, request) = std::sync::mpsc::channel();
        std::thread::spawn(move || accepted.send(listener.accept()));
        let (mut socket, _) =
            request.recv_timeout(Duration::from_secs(60)).expect("a request in time").expect("a request");
        let mut head = vec![0; 4096];
        let read = socket.read(&mut head).expect("its head");
        heads.push(String::from_utf8_lossy(&head[..read]).to_lowercase());
        let _ =
            socket.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}");
        assert!(child.wait().expect("an end").success());
    }
    for head in heads {
        assert!(head.contains("x-amz-target: dynamodb_20120810.listtables"), "{head}");
        assert!(head.contains("/eu-north-1/dynamodb/aws4_request"), "{head}");
    }
}

/// Run by the next test: builds a server from the environment and sends it no request.
#[tokio::test]
#[ignore = "only with the environment of the next test"]
async fn build_a_server() {
    let (stage, _) = test_support::Stage::new();
    let server = McpLambdaServer::builder(test_support::Fixture::new(stage)).build().await;
    assert!(server.is_ok(), "{:?}", server.err());
}

/// Without a region the SDK asks the instance metadata for one when it loads its configuration, which shows the load.
#[test]
fn the_sdk_configuration_is_loaded_at_start_only_in_environments_that_start_ahead_of_requests() {
    for (kind, is_ahead) in
        [("on-demand", false), ("provisioned-concurrency", true), ("lambda-managed-instances", true)]
    {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let mut command = Command::new(std::env::current_exe().expect("this test"));
        command.args(["--ignored", "--exact", "stores::aws_client::build_a_server"]).env_clear().envs([
            ("AWS_LAMBDA_INITIALIZATION_TYPE", kind),
            ("AWS_EC2_METADATA_SERVICE_ENDPOINT", &url),
            ("SESSION_TABLE_NAME", "state"),
            ("EVENT_TABLE_NAME", "events"),
        ]);
        let mut child = command.spawn().expect("this test again");
        // No connection gets a response, so the child does not wait. That of this test, after the child's end, is the last.
        let address = listener.local_addr().expect("an address");
        let connections = std::thread::spawn(move || {
            let is_the_childs = |socket: std::io::Result<std::net::TcpStream>| {
                let (mut socket, mut first) = (socket.expect("a connection"), [0]);
                socket.set_read_timeout(Some(Duration::from_secs(60))).expect("a time limit");
                !(socket.read_exact(&mut first).is_ok() && first == *b".")
            };
            listener.incoming().map(is_the_childs).take_while(|childs| *childs).count()
        });
        let ended = child.wait().expect("an end");
        std::net::TcpStream::connect(address).expect("connected").write_all(b".").expect("sent");
        assert!(ended.success(), "{kind}");
        assert_eq!(connections.join().expect("no panic") > 0, is_ahead, "{kind}");
    }
}

/// A given SDK configuration is used as it is: no value comes from the environment.
#[test]
fn a_server_uses_the_given_sdk_configuration() {
    let database = Embedded::start();
    let (state, events) = database.block_on(tables(&database.url));
    let sdk = SdkConfig::builder()
        .behavior_version(sdk::config::BehaviorVersion::latest())
        .endpoint_url(&database.url)
        .region(sdk::config::Region::new("us-east-1"))
        .credentials_provider(sdk::config::SharedCredentialsProvider::new(sdk::config::Credentials::new(
            "test", "test", None, None, "test",
        )))
        .http_client(http_client(TlsRoots::Amazon).expect("TLS"))
        .build();
    let mut config = Config::default();
    config.tables = Some(Tables::new(state.clone(), events));
    let (stage, _) = test_support::Stage::new();
    let server = McpLambdaServer::builder(test_support::Fixture::new(stage)).config(config).sdk_config(sdk);
    let found = database.block_on(async {
        let server = server.build().await.expect("a server");
        test_support::request::initialize(&server, "2025-11-25", serde_json::json!({})).await;
        let client = sdk::Client::from_conf(
            configured(&database.url, http_client(TlsRoots::Amazon).expect("TLS")).build(),
        );
        client.scan().table_name(&state).send().await.expect("items").items.unwrap_or_default().len()
    });
    assert_eq!(found, 2, "a session and its entry in the list of its owner");
}
