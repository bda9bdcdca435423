//! What a connection holds at most.

use std::sync::Mutex;

use serde_json::json;

use crate::{
    connect_with,
    messages::result,
    next,
    scripted::{Reply, Scripted},
};

#[tokio::test]
async fn a_message_beyond_the_limit_is_an_error_of_its_request_alone() {
    let server = Scripted::start(|one| {
        let size = usize::try_from(one.json()["params"]["size"].as_u64().unwrap()).unwrap();
        let text = result(one, &json!({ "text": "x".repeat(size) }));
        Some(if one.json()["id"] == 1 {
            Reply::json(text)
        } else {
            Reply::events(format!("data: {text}\n\n"))
        })
    })
    .await;
    let mut connection = connect_with(&server.url, |limits| limits.message_bytes = 10_000);
    for (id, size, fits) in [(1, 20_000, false), (2, 20_000, false), (3, 9_000, true)] {
        let request =
            json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": { "size": size } });
        connection.send(request.to_string()).await.unwrap();
        let response = next(&mut connection).await;
        assert_eq!(response["result"].is_object(), fits, "{}", response["error"]);
        if !fits {
            assert_eq!(response["error"]["data"]["reason"], "too-large");
        }
    }
}

#[tokio::test]
async fn one_request_too_many_is_refused_and_those_that_run_go_on() {
    let (stream, reply) = Reply::stream();
    let reply = Mutex::new(Some(reply));
    let server = Scripted::start(move |_| reply.lock().unwrap().take()).await;
    let mut connection = connect_with(&server.url, |limits| limits.requests = 1);
    let request =
        |id| json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {} }).to_string();
    connection.send(request(1)).await.unwrap();
    connection.send(request(2)).await.unwrap();
    let refused = next(&mut connection).await;
    assert_eq!((&refused["id"], &refused["error"]["data"]["reason"]), (&json!(2), &json!("too-many")));
    stream.send(Ok("data: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n\n".into())).unwrap();
    assert_eq!(next(&mut connection).await["id"], 1);
}
