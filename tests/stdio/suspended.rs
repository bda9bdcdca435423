//! Calls that wait, between two requests of a client of 2026-07-28, for the answer to a question of a process of 2025.

use std::time::Duration;

use mcp_lambda_server::{Principal, stdio::ChildPer};
use test_support::{refused, stateless_with};

use super::*;

pub(crate) fn form() -> Value {
    let schema = json!({ "type": "object", "properties": { "name": { "type": "string" } } });
    json!({ "method": "elicitation/create", "params": { "message": "your name?", "requestedSchema": schema } })
}

fn accepted() -> Value {
    json!({ "action": "accept", "content": { "name": "ada" } })
}

pub(crate) fn asking(tool: &str) -> McpRequest {
    let params = json!({ "name": tool, "arguments": form() });
    stateless_with(json!(1), "tools/call", params, json!({ "elicitation": {} }))
}

/// The same request with answers to all that was asked.
pub(crate) fn answering(tool: &str, asked: &Value) -> McpRequest {
    let open = asked["inputRequests"].as_object().expect("questions").keys();
    let answers: serde_json::Map<_, _> = open.map(|key| (key.clone(), accepted())).collect();
    asking(tool).edit(|body| {
        body["params"]["requestState"] = asked["requestState"].clone();
        body["params"]["inputResponses"] = answers.into();
    })
}

async fn asked(server: &Server, request: McpRequest) -> Value {
    let asked = result(request.send(server).await).await;
    assert_eq!(asked["resultType"], "input_required", "{asked}");
    asked
}

/// The end of a call, and how often a tool has begun to run.
async fn done(server: &Server, request: McpRequest) -> Value {
    let done = result(request.send(server).await).await;
    assert_eq!(done["resultType"], "complete", "{done}");
    assert_eq!(done["structuredContent"]["result"], accepted(), "{done}");
    done["structuredContent"].clone()
}

async fn refusal(server: &Server, request: McpRequest) -> String {
    let (_, code, body) = refused(request.send(server).await).await;
    assert_eq!(code, -32602, "{body}");
    body["error"]["message"].as_str().expect("a text").to_owned()
}

fn principal(name: &str) -> Principal {
    Principal::new("https://issuer.example", name)
}

#[tokio::test]
async fn a_call_that_has_asked_goes_on_where_it_is_when_the_answer_comes() {
    let server = serving(scripted(&[])).await;
    let question = asked(&server, asking("ask")).await;
    assert_eq!(done(&server, answering("ask", &question)).await["calls"], 1);
    // Each question of the call, whether they come together or one after the other.
    let mut question = asked(&server, asking("ask-two")).await;
    let mut answers = 0;
    let last = loop {
        answers += question["inputRequests"].as_object().expect("questions").len();
        let next = result(answering("ask-two", &question).send(&server).await).await;
        if next["resultType"] == "complete" {
            break next;
        }
        question = next;
    };
    assert_eq!((answers, &last["structuredContent"]["calls"]), (2, &json!(2)), "{last}");
}

#[tokio::test]
async fn an_answer_counts_once() {
    let server = serving(scripted(&[])).await;
    let question = asked(&server, asking("ask")).await;
    done(&server, answering("ask", &question)).await;
    let text = refusal(&server, answering("ask", &question)).await;
    assert!(text.contains("does not wait for the answer here"), "{text}");
    assert_eq!(structured(&server, "count", json!({})).await["count"], 2, "one call has asked, and this one");
}

#[tokio::test]
async fn where_no_process_waits_a_call_is_made_again_only_if_its_tool_or_the_server_allows_it() {
    let server = serving(scripted(&[])).await;
    let (ask, look) = (asked(&server, asking("ask")).await, asked(&server, asking("look")).await);
    let elsewhere = serving(scripted(&[])).await;
    let text = refusal(&elsewhere, answering("ask", &ask)).await;
    assert!(text.contains("\"ask\" declares neither readOnlyHint nor idempotentHint"), "{text}");
    assert_eq!(structured(&elsewhere, "count", json!({})).await["count"], 1, "it was not called");
    assert_eq!(done(&elsewhere, answering("look", &look)).await["calls"], 2);
    let repeats = serving(scripted(&[]).repeat_calls(true)).await;
    assert_eq!(done(&repeats, answering("ask", &ask)).await["calls"], 1);
}

#[tokio::test]
async fn a_call_that_waits_too_long_is_cancelled_and_its_question_refused() {
    let server = serving(scripted(&[]).suspend_timeout(Duration::ZERO)).await;
    let ada = principal("ada");
    let question = asked(&server, asking("ask").from(&ada)).await;
    // A call of the same caller does not end it.
    let cancelled = result(call("await-cancel", json!({})).from(&ada).send(&server).await).await;
    let cancelled = &cancelled["structuredContent"]["cancelled"];
    assert_eq!(cancelled.as_array().map(Vec::len), Some(1), "{cancelled}");
    refusal(&server, answering("ask", &question).from(&ada)).await;
}

#[tokio::test]
async fn no_more_calls_wait_than_the_limit_and_the_oldest_one_gives_way() {
    let server = serving(scripted(&[]).max_suspended(2)).await;
    let ada = || asking("ask").from(&principal("ada"));
    let (first, second, third) =
        (asked(&server, ada()).await, asked(&server, ada()).await, asked(&server, ada()).await);
    let answer = |question| answering("ask", question).from(&principal("ada"));
    refusal(&server, answer(&first)).await;
    done(&server, answer(&third)).await;
    done(&server, answer(&second)).await;
    // Without any, no question is asked if its answer could not be used.
    let server = serving(scripted(&[]).max_suspended(0)).await;
    let error = result(asking("ask").send(&server).await).await["structuredContent"]["error"].clone();
    assert!(
        error["message"].as_str().is_some_and(|text| text.contains("keeps no call that asks")),
        "{error}"
    );
    let question = asked(&server, asking("look")).await;
    done(&server, answering("look", &question)).await;
}

/// Otherwise one caller could end the calls of all others, with calls that it never answers.
#[tokio::test]
async fn a_caller_with_many_calls_that_wait_ends_its_own() {
    let server = serving(scripted(&[]).child_per(ChildPer::Principal).max_suspended(3)).await;
    let (ada, bob) = (principal("ada"), principal("bob"));
    let of_ada = asked(&server, asking("ask").from(&ada)).await;
    let first = asked(&server, asking("ask").from(&bob)).await;
    for _ in 0..3 {
        asked(&server, asking("ask").from(&bob)).await;
    }
    refusal(&server, answering("ask", &first).from(&bob)).await;
    done(&server, answering("ask", &of_ada).from(&ada)).await;
}

/// A question names no call, so while a call of one caller waits, that of another one could be taken for it.
#[tokio::test]
async fn the_call_of_another_caller_ends_those_that_wait_in_a_shared_process() {
    let server = serving(scripted(&[])).await;
    let (ada, bob) = (principal("ada"), principal("bob"));
    let question = asked(&server, asking("ask").from(&ada)).await;
    // What cannot ask does not end it.
    result(stateless("tools/list", json!({})).from(&bob).send(&server).await).await;
    done(&server, answering("ask", &question).from(&ada)).await;

    let question = asked(&server, asking("ask").from(&ada)).await;
    let of_bob = asked(&server, asking("ask").from(&bob)).await;
    refusal(&server, answering("ask", &question).from(&ada)).await;
    let cancelled = structured(&server, "await-cancel", json!({})).await["cancelled"].clone();
    assert!(cancelled.as_array().is_some_and(|all| !all.is_empty()), "{cancelled}");
    // That of bob has ended with the next call of ada.
    refusal(&server, answering("ask", &of_bob).from(&bob)).await;
}

#[tokio::test]
async fn a_call_that_waits_is_that_of_its_principal_alone() {
    let server = serving(scripted(&[]).child_per(ChildPer::Principal)).await;
    let (ada, bob) = (principal("ada"), principal("bob"));
    let question = asked(&server, asking("ask").from(&ada)).await;
    refusal(&server, answering("ask", &question).from(&bob)).await;
    refusal(&server, answering("ask", &question)).await;
    result(call("count", json!({})).from(&bob).send(&server).await).await;
    assert_eq!(done(&server, answering("ask", &question).from(&ada)).await["calls"], 1);
}

#[tokio::test]
async fn a_process_of_one_call_stays_as_long_as_its_call_waits_and_gives_way_when_there_are_too_many() {
    let server = serving(scripted(&[]).child_per(ChildPer::Invocation).max_children(1)).await;
    let question = asked(&server, asking("ask")).await;
    let pid = done(&server, answering("ask", &question)).await["pid"].clone();
    watched(&pid).ended().await;

    let question = asked(&server, asking("ask")).await;
    structured(&server, "count", json!({})).await;
    refusal(&server, answering("ask", &question)).await;
}

#[tokio::test]
async fn the_end_of_a_server_ends_the_processes_of_calls_that_wait() {
    for closes in [true, false] {
        let server = serving(scripted(&[])).await;
        let pid = structured(&server, "count", json!({})).await["pid"].clone();
        asked(&server, asking("ask")).await;
        let ended = watched(&pid);
        if closes {
            server.core().close_handler().await;
        }
        drop(server);
        ended.ended().await;
    }
}

#[tokio::test]
async fn a_process_that_ends_while_its_call_waits_fails_the_call_by_name() {
    let server = serving(scripted(&[]).child_per(ChildPer::Principal)).await;
    let ada = principal("ada");
    let question = asked(&server, asking("ask").from(&ada)).await;
    let crash = call("crash", json!({ "message": "out of luck" })).from(&ada);
    assert_eq!(refused(crash.send(&server).await).await.1, -32603);
    let (_, code, body) = refused(answering("ask", &question).from(&ada).send(&server).await).await;
    let text = body["error"]["message"].as_str().expect("a text");
    assert!(code == -32603 && text.contains("its last lines: out of luck"), "{text}");
}
