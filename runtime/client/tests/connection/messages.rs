//! Messages pass as they are.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::{
    connect, connect_with, next, next_raw,
    scripted::{Arrived, Reply, Scripted},
};

/// A result for the request that arrived.
pub(crate) fn result(one: &Arrived, result: &Value) -> String {
    json!({ "jsonrpc": "2.0", "id": one.json()["id"], "result": result }).to_string()
}

#[tokio::test]
async fn fields_that_nobody_knows_survive_in_both_directions() {
    const RESPONSE: &str = r#"{"jsonrpc":"2.0","future":[1.50,{"b":1,"a":2}],"id":"x","result":{"order":{"z":1,"a":2},"big":12345678901234567890123}}"#;
    let server = Scripted::start(|_| Some(Reply::json(RESPONSE))).await;
    let mut connection = connect(&server.url);
    let request = r#"{"future":true,"id":"x","jsonrpc":"2.0","method":"vendor/thing","params":{"n":1.0,"m":12345678901234567890123}}"#;
    connection.send(request).await.unwrap();
    assert_eq!(next_raw(&mut connection).await, RESPONSE.as_bytes());
    assert_eq!(server.arrived()[0].body, request.as_bytes());
}

#[tokio::test]
async fn messages_of_a_stream_arrive_one_by_one_and_the_response_ends_it() {
    let (stream, reply) = Reply::stream();
    let reply = std::sync::Mutex::new(Some(reply));
    let server = Scripted::start(move |_| reply.lock().unwrap().take()).await;
    let mut connection = connect(&server.url);
    connection.send(r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"a"}}"#).await.unwrap();
    let event = |data: &str| Ok(Bytes::from(format!(": comment\nevent: message\ndata: {data}\n\n")));
    for message in [
        r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1}}"#,
        r#"{"jsonrpc":"2.0","id":7,"method":"elicitation/create","params":{}}"#,
        r#"{"jsonrpc":"2.0","id":7,"result":{}}"#,
    ] {
        stream.send(event(message)).unwrap();
        assert_eq!(next_raw(&mut connection).await, message.as_bytes());
    }
}

#[tokio::test]
async fn a_thousand_calls_at_a_time_get_their_own_responses() {
    let server = Scripted::start(|one| {
        let number = one.json()["params"]["arguments"]["number"].clone();
        Some(Reply::json(result(one, &json!({ "number": number }))))
    })
    .await;
    let mut connection = connect(&server.url);
    for id in 0..1000 {
        let params = json!({ "name": "a", "arguments": { "number": id } });
        let call = json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params });
        connection.send(call.to_string()).await.unwrap();
    }
    let mut seen = vec![false; 1000];
    for _ in 0..1000 {
        let response = next(&mut connection).await;
        let id = usize::try_from(response["id"].as_u64().unwrap()).unwrap();
        assert_eq!(response["result"]["number"], id, "{response}");
        assert!(!std::mem::replace(&mut seen[id], true), "{id} twice");
    }
}

#[tokio::test]
async fn two_large_responses_pass_at_the_same_time() {
    const SIZE: usize = 12 * 1024 * 1024;
    let server = Scripted::start(|one| {
        let text = result(one, &json!({ "text": "x".repeat(SIZE) }));
        Some(if one.json()["id"] == 1 {
            Reply::json(text)
        } else {
            Reply::events(format!("data: {text}\n\n"))
        })
    })
    .await;
    let mut connection = connect(&server.url);
    for id in [1, 2] {
        connection
            .send(json!({ "jsonrpc": "2.0", "id": id, "method": "tools/list" }).to_string())
            .await
            .unwrap();
    }
    for _ in 0..2 {
        let response = next(&mut connection).await;
        assert_eq!(response["result"]["text"].as_str().map(str::len), Some(SIZE), "{}", response["error"]);
    }
}

#[tokio::test]
async fn what_is_no_message_is_answered_as_json_rpc_says() {
    let server = Scripted::start(|_| Some(Reply::status(500))).await;
    let mut connection = connect(&server.url);
    for (line, code) in [("{", -32700), ("[]", -32600), ("{\"id\":{}}", -32600)] {
        connection.send(line).await.unwrap();
        let response = next(&mut connection).await;
        assert_eq!(response["error"]["code"], code, "{line}: {response}");
        assert!(response.get("id").is_none());
    }
    connection.send("  \r").await.unwrap();
    assert!(server.arrived().is_empty());
}

/// A server that could not read the request cannot name it; its client waits for the name.
#[tokio::test]
async fn an_error_without_an_id_is_the_response_to_its_request() {
    let error = r#"{"jsonrpc":"2.0","error":{"code":-32700,"message":"what?"}}"#;
    let server = Scripted::start(move |_| Some(Reply::json(error).with_status(400))).await;
    let mut connection = connect_with(&server.url, |_| {});
    connection.send(r#"{"jsonrpc":"2.0","id":"a","method":"ping"}"#).await.unwrap();
    let response = next(&mut connection).await;
    assert_eq!((&response["id"], &response["error"]["message"]), (&json!("a"), &json!("what?")));
}
