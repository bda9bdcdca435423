//! Servers that share nothing but a database of PostgreSQL, each with connections of its own.

use mcp_lambda_server::{
    Clock, Config, Event, McpLambdaServer, Server,
    postgres::{PostgresLimits, PostgresStore, migrate},
};
use serde_json::json;
use test_support::{
    Fixture, Stage, built, postgres,
    session::{Client, NEWEST},
};

async fn servers(number: usize) -> Vec<Server> {
    let url = postgres::schema().await.parse().expect("a URL");
    migrate(&url).await.expect("tables");
    let mut servers = Vec::new();
    for _ in 0..number {
        let clock = Clock::system();
        let store = PostgresStore::connect(&url, clock.clone(), PostgresLimits::default()).await;
        let stores = store.expect("a database").listening().stores();
        let (stage, _) = Stage::new();
        let builder = McpLambdaServer::builder(Fixture::new(stage)).config(Config::default());
        servers.push(built(builder.stores(stores).clock(clock)).expect("a usable configuration"));
    }
    servers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_event_of_each_server_reaches_the_stream_of_a_session_of_another_one_once_and_in_order() {
    let servers = servers(3).await;
    let client = Client::open(&servers[0], NEWEST).await;
    let subscribe = client.request(1, "resources/subscribe", json!({ "uri": "test://one" }));
    assert_eq!(subscribe.send(&servers[1]).await.status, 200);
    let mut stream = client.listening(&servers[2]).await;
    for at in 0..30 {
        let uri = format!("test://one/{at}");
        let event = Event::ResourceUpdated { uri: uri.clone() };
        servers[at % 3].events().publish(event).await.expect("published");
        if at % 10 == 9 {
            for at in at - 9..=at {
                assert_eq!(stream.message().await["params"]["uri"], format!("test://one/{at}"));
            }
        }
    }
    assert_eq!(client.end().send(&servers[1]).await.status, 204);
    assert_eq!(client.request(2, "tools/list", json!({})).send(&servers[0]).await.status, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_reaches_another_server_reaches_the_call_that_asked() {
    let servers = servers(2).await;
    let client = Client::open(&servers[1], NEWEST).await;
    for _ in 0..3 {
        let mut reply = client.call(1, "ask", json!({ "what": "roots" })).send(&servers[0]).await;
        let asked = reply.message().await;
        let answer = client.answer(&asked, json!({ "roots": [{ "uri": "file:///a" }] }));
        assert_eq!(answer.send(&servers[1]).await.status, 202);
        let response = reply.message().await;
        let text = response["result"]["content"][0]["text"].as_str().expect("a text").to_owned();
        assert!(text.contains("file:///a"), "{response}");
    }
}
