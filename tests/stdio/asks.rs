//! Requests of a server for the client of a call, in every pair of eras.

use test_support::{refused, stateless_with};

use super::*;

fn form() -> Value {
    json!({
        "method": "elicitation/create",
        "params": { "message": "your name?", "requestedSchema": { "type": "object", "properties": { "name": { "type": "string" } } } },
    })
}

#[expect(clippy::needless_pass_by_value, reason = "each value is made for its call")]
fn asking(question: Value) -> McpRequest {
    let capabilities = json!({ "elicitation": {}, "sampling": {}, "roots": {} });
    stateless_with(json!(1), "tools/call", json!({ "name": "ask", "arguments": question }), capabilities)
}

#[tokio::test]
async fn a_client_of_2025_is_asked_on_the_stream_of_its_call_whichever_era_the_server_speaks() {
    for (speaks, server) in in_both_eras().await {
        let session = Client::open(&server, "2025-11-25").await;
        let mut reply = session.call(3, "ask", form()).send(&server).await;
        let asked = reply.message().await;
        assert_eq!(
            (&asked["method"], &asked["params"]["message"]),
            (&json!("elicitation/create"), &json!("your name?")),
            "{speaks}"
        );
        let answer = json!({ "action": "accept", "content": { "name": "ada" } });
        let accepted = session.answer(&asked, answer.clone()).send(&server).await;
        assert_eq!(accepted.status, 202);
        let structured = reply.message().await["result"]["structuredContent"].clone();
        match speaks {
            "2026-07-28" => {
                assert_eq!(structured, json!({ "answers": { "q": answer }, "state": "of the child" }));
            }
            _ => assert_eq!(structured["result"], answer),
        }
    }
}

#[tokio::test]
async fn a_client_of_2026_is_asked_by_a_result_whichever_era_the_server_speaks() {
    for (speaks, server) in in_both_eras().await {
        let asked = result(asking(form()).send(&server).await).await;
        assert_eq!(asked["resultType"], "input_required", "{speaks}: {asked}");
        let (key, request) =
            asked["inputRequests"].as_object().and_then(|asks| asks.iter().next()).expect("a request");
        assert_eq!(
            (&request["method"], &request["params"]["message"]),
            (&json!("elicitation/create"), &json!("your name?"))
        );
        let answer = json!({ "action": "accept", "content": { "name": "ada" } });
        let again = asking(form()).edit(|body| {
            body["params"]["requestState"] = asked["requestState"].clone();
            body["params"]["inputResponses"] = json!({ key: answer });
        });
        // On another environment, where no process knows of the first round.
        let elsewhere = serving(scripted(&["--speaks", speaks]).repeat_calls(true)).await;
        let done = result(again.send(&elsewhere).await).await;
        assert_eq!(done["resultType"], "complete", "{done}");
        match speaks {
            "2026-07-28" => {
                assert_eq!(
                    done["structuredContent"],
                    json!({ "answers": { "q": answer }, "state": "of the child" })
                );
            }
            _ => assert_eq!(done["structuredContent"]["result"], answer),
        }
    }
}

#[tokio::test]
async fn the_state_of_a_round_belongs_to_its_call() {
    let server = serving(scripted(&[])).await;
    let asked = result(asking(form()).send(&server).await).await;
    let other = asking(json!({ "method": "roots/list" })).edit(|body| {
        body["params"]["requestState"] = asked["requestState"].clone();
    });
    let (_, code, body) = refused(other.send(&server).await).await;
    assert_eq!(code, -32602, "{body}");
}

#[tokio::test]
async fn a_question_that_a_client_cannot_answer_is_refused_by_name() {
    let server = serving(scripted(&[])).await;
    let sampling =
        json!({ "method": "sampling/createMessage", "params": { "messages": [], "maxTokens": 1 } });
    let params = json!({ "name": "ask", "arguments": sampling });
    let request = stateless_with(json!(1), "tools/call", params, json!({ "elicitation": {} }));
    let error = result(request.send(&server).await).await["structuredContent"]["error"].clone();
    let text = error["message"].as_str().expect("a text");
    assert!(text.contains("sampling/createMessage") && text.contains("does not declare sampling"), "{text}");
    // Without a stream and a session there is no client to ask.
    let request = test_support::session::call(1, "ask", form());
    let error =
        result(McpRequest::json(&request).header("mcp-protocol-version", "2025-11-25").send(&server).await)
            .await;
    let text = error["structuredContent"]["error"]["message"].as_str().expect("a text").to_owned();
    assert!(text.contains("elicitation"), "{text}");
}

#[tokio::test]
async fn roots_are_passed_where_the_server_is_set_to() {
    for (passes, expected) in [(false, "does not pass roots on"), (true, "")] {
        let server = serving(scripted(&[]).pass_roots(passes)).await;
        let session = Client::open(&server, "2025-11-25").await;
        let client = result(session.call(1, "echo", json!({})).send(&server).await).await["client"].clone();
        assert_eq!(client["capabilities"].get("roots").is_some(), passes, "{client}");
        let mut reply = session.call(3, "ask", json!({ "method": "roots/list" })).send(&server).await;
        if passes {
            let message = reply.message().await;
            assert_eq!(message["method"], "roots/list");
            session.answer(&message, json!({ "roots": [{ "uri": "file:///a" }] })).send(&server).await;
            let answer = reply.message().await["result"]["structuredContent"]["result"].clone();
            assert_eq!(answer["roots"][0]["uri"], "file:///a");
        } else {
            let error = result(reply).await["structuredContent"]["error"].clone();
            let text = error["message"].as_str().expect("a text");
            assert!(text.contains(expected), "{text}");
        }
    }
}
