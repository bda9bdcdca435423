//! Prompts, resources and questions to the client, in both eras.

use serde_json::{Value, json};
use test_support::{McpRequest, initialize, request::stateless_with, result, session::Client, stateless};

use crate::{
    cloud::Cloud,
    program::{CREDENTIALS, Program},
};

const VERSION: &str = "2025-11-25";
const KEYS: (&str, &str) = ("MCP_STATE_KEYS", "one:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");

async fn server() -> (Cloud, Program) {
    let cloud = Cloud::json(200, json!({})).await;
    let program = Program::with(&cloud.endpoint, &CREDENTIALS).await;
    (cloud, program)
}

/// Two processes with one file of state: what one of them has asked is answered to the other.
async fn two(name: &str) -> (Cloud, [Program; 2]) {
    let cloud = Cloud::json(200, json!({})).await;
    let file = std::env::temp_dir().join(format!("{}-{name}.db", std::process::id()));
    let store = format!("sqlite:{}", file.display());
    let variables: Vec<_> = CREDENTIALS.into_iter().chain([KEYS, ("MCP_STORE", store.as_str())]).collect();
    let both =
        [Program::with(&cloud.endpoint, &variables).await, Program::with(&cloud.endpoint, &variables).await];
    (cloud, both)
}

/// A session of a client with these capabilities.
async fn session(program: &Program, capabilities: Value) -> Client {
    let id = initialize(&program.server, VERSION, capabilities).await;
    Client { id, version: VERSION, principal: None }
}

/// The same request in both eras.
async fn both(program: &Program, method: &str, params: Value) -> [Value; 2] {
    let client = session(program, json!({})).await;
    let old = client.request(1, method, params.clone()).send(&program.server).await.result().await;
    [old, result(stateless(method, params).send(&program.server).await).await]
}

#[tokio::test]
async fn a_prompt_takes_an_argument_that_is_completed() {
    let (_cloud, program) = server().await;
    let complete = |value: &str| {
        let reference = json!({ "type": "ref/prompt", "name": "diagnose" });
        json!({ "ref": reference, "argument": { "name": "area", "value": value } })
    };
    for result in both(&program, "completion/complete", complete("s")).await {
        assert_eq!(result["completion"]["values"], json!(["sessions", "streams"]));
    }
    let get = json!({ "name": "diagnose", "arguments": { "area": "memory" } });
    for result in both(&program, "prompts/get", get).await {
        let text = result["messages"][0]["content"]["text"].as_str().expect("a text");
        assert!(text.contains("how the memory of this server looks"), "{text}");
    }
}

#[tokio::test]
async fn templates_are_listed_completed_and_read() {
    let (_cloud, program) = server().await;
    for result in both(&program, "resources/templates/list", json!({})).await {
        let templates = result["resourceTemplates"].as_array().expect("templates");
        let uris: Vec<_> = templates.iter().map(|template| template["uriTemplate"].clone()).collect();
        assert!(uris.contains(&json!("server://health/{check}")), "{uris:?}");
        assert!(uris.contains(&json!("counter://{name}")), "{uris:?}");
    }
    let reference = json!({ "type": "ref/resource", "uri": "server://health/{check}" });
    let complete = json!({ "ref": reference, "argument": { "name": "check", "value": "s" } });
    for result in both(&program, "completion/complete", complete).await {
        assert_eq!(result["completion"]["values"], json!(["sns", "state"]));
    }
    for result in both(&program, "resources/read", json!({ "uri": "server://health/state" })).await {
        assert_eq!(result["contents"][0]["text"], json!({ "check": "state", "status": "ok" }).to_string());
    }
}

#[tokio::test]
async fn a_counter_of_one_process_is_a_resource_of_the_other() {
    let (_cloud, [first, second]) = two("counter").await;
    first.call("counter", json!({ "name": "a b", "by": 7 })).await;
    for result in both(&second, "resources/read", json!({ "uri": "counter://a%20b" })).await {
        let value: Value =
            serde_json::from_str(result["contents"][0]["text"].as_str().expect("a text")).expect("JSON");
        assert_eq!(value, json!({ "name": "a b", "value": 7 }));
    }
    let missing = stateless("resources/read", json!({ "uri": "counter://none" }));
    let refused = missing.send(&second.server).await.json().await;
    assert!(refused["error"]["message"].as_str().expect("a text").contains("counter://none"), "{refused}");
}

fn reset() -> McpRequest {
    let params = json!({ "name": "reset_counter", "arguments": { "name": "orders" } });
    stateless_with(json!(1), "tools/call", params, json!({ "elicitation": {} }))
}

/// The same call again, with the response to its question.
fn again(call: McpRequest, asked: &Value, response: &Value) -> McpRequest {
    let state = asked["requestState"].clone();
    call.edit(|body| {
        body["params"]["requestState"] = state;
        body["params"]["inputResponses"] = json!({ "question": response });
    })
}

fn yes() -> Value {
    json!({ "action": "accept", "content": { "confirm": true } })
}

#[tokio::test]
async fn in_2026_a_counter_is_reset_after_its_user_has_agreed() {
    let (_cloud, [first, second]) = two("reset-2026").await;
    let value =
        async |by: i64| first.call("counter", json!({ "name": "orders", "by": by })).await["value"].clone();
    value(5).await;
    let asked = result(reset().send(&first.server).await).await;
    let text = asked["inputRequests"]["question"]["params"]["message"].clone();
    assert_eq!(text, "Set the counter \"orders\" from 5 to 0? Its value is lost.");
    let declined = again(reset(), &asked, &json!({ "action": "decline" })).send(&second.server).await;
    let declined = result(declined).await;
    assert_eq!((&declined["isError"], value(0).await), (&json!(true), json!(5)));
    // The value that the user has agreed to lose is another one by now.
    value(1).await;
    let changed = result(again(reset(), &asked, &yes()).send(&second.server).await).await;
    assert_eq!((&changed["resultType"], value(0).await), (&json!("input_required"), json!(6)));
    let done = result(again(reset(), &changed, &yes()).send(&second.server).await).await;
    assert_eq!(done["structuredContent"], json!({ "name": "orders", "before": 6, "value": 0 }));
    assert_eq!(value(0).await, 0);
}

#[tokio::test]
async fn in_2025_the_call_waits_and_its_user_agrees_at_the_other_process() {
    let (_cloud, [first, second]) = two("reset-2025").await;
    let client = session(&first, json!({ "elicitation": {} })).await;
    first.call("counter", json!({ "name": "orders", "by": 5 })).await;
    let mut reply = client.call(1, "reset_counter", json!({ "name": "orders" })).send(&first.server).await;
    let asked = reply.message().await;
    assert_eq!(asked["method"], "elicitation/create");
    assert_eq!(client.answer(&asked, yes()).send(&second.server).await.status, 202);
    let done = reply.message().await["result"]["structuredContent"].clone();
    assert_eq!(done, json!({ "name": "orders", "before": 5, "value": 0 }));
}

#[tokio::test]
async fn in_2025_a_counter_that_changes_while_its_user_thinks_is_not_reset() {
    let (_cloud, [first, second]) = two("reset-late").await;
    let client = session(&first, json!({ "elicitation": {} })).await;
    let value =
        async |by: i64| second.call("counter", json!({ "name": "orders", "by": by })).await["value"].clone();
    value(5).await;
    let mut reply = client.call(1, "reset_counter", json!({ "name": "orders" })).send(&first.server).await;
    let asked = reply.message().await;
    value(1).await;
    assert_eq!(client.answer(&asked, yes()).send(&second.server).await.status, 202);
    let refused = reply.message().await["result"].clone();
    let text = "the counter was 5 and is 6 by now: it was not changed; call again";
    assert_eq!((&refused["isError"], &refused["content"][0]["text"]), (&json!(true), &json!(text)));
    assert_eq!(value(0).await, 6);
}

#[tokio::test]
async fn a_client_that_cannot_ask_its_user_is_not_asked() {
    let (_cloud, program) = server().await;
    program.call("counter", json!({ "name": "orders", "by": 5 })).await;
    let done = program.call("reset_counter", json!({ "name": "orders" })).await;
    assert_eq!(done["value"], 0);
    let text = program.refused("summarize_diagnostics", json!({})).await;
    assert_eq!(text, "this client has no sampling: call lambda_diagnostics, and summarize its result");
}

fn spoken() -> Value {
    json!({ "role": "assistant", "model": "m", "content": { "type": "text", "text": "All is well." } })
}

#[tokio::test]
async fn the_model_of_the_client_summarizes_the_diagnostics_in_both_eras() {
    let (_cloud, [first, second]) = two("summary").await;
    let expected = json!({ "summary": "All is well.", "model": "m" });
    let client = session(&first, json!({ "sampling": {} })).await;
    let mut reply = client.call(1, "summarize_diagnostics", json!({})).send(&first.server).await;
    let asked = reply.message().await;
    let question = asked["params"]["messages"][0]["content"]["text"].as_str().expect("a question");
    assert!(question.contains("at most 3 sentences") && question.contains("health_check"), "{question}");
    assert_eq!(client.answer(&asked, spoken()).send(&second.server).await.status, 202);
    assert_eq!(reply.message().await["result"]["structuredContent"], expected);

    let params = json!({ "name": "summarize_diagnostics", "arguments": { "sentences": 2 } });
    let call = stateless_with(json!(1), "tools/call", params, json!({ "sampling": {} }));
    let asked = result(call.clone().send(&first.server).await).await;
    assert_eq!(asked["inputRequests"]["question"]["method"], "sampling/createMessage");
    let done = result(again(call.clone(), &asked, &spoken()).send(&second.server).await).await;
    assert_eq!(done["structuredContent"], expected);
    let malformed = result(again(call, &asked, &json!({ "text": 7 })).send(&second.server).await).await;
    assert_eq!(malformed["isError"], true);
}
