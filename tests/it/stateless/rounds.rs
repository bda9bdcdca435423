//! 2026-07-28: results that ask for input, and the `requestState` of their rounds.
//! <https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/mrtr> (read 2026-11-20).

use std::time::Duration;

use mcp_lambda_server::{Principal, Server};
use serde_json::{Value, json};
use test_support::{
    McpRequest, World, environment, environments, environments::key, environments_with, refused, result,
    stateless_with, text,
};

const INVALID: (u16, i64) = (200, -32602);

fn post(method: &str, params: Value) -> McpRequest {
    stateless_with(json!(1), method, params, json!({ "elicitation": {} }))
}

fn ask() -> McpRequest {
    post("tools/call", json!({ "name": "asks_input", "arguments": { "a": 1, "b": { "c": [2], "d": null } } }))
}

/// The same request again, with an id of its own, this state and these answers.
fn retry(first: McpRequest, state: &str, answers: Value) -> McpRequest {
    first.edit(|body| {
        body["id"] = json!(2);
        body["params"]["requestState"] = json!(state);
        body["params"]["inputResponses"] = answers;
    })
}

fn ada() -> Value {
    json!({ "name": { "action": "accept", "content": { "name": "ada" } } })
}

/// Sends a request that asks, and returns the state it gave.
async fn state_of(server: &Server, post: McpRequest) -> String {
    let result = result(post.send(server).await).await;
    assert_eq!(result["resultType"], "input_required", "{result}");
    // A result that asks for input cannot be cached.
    assert_eq!((result.get("ttlMs"), result.get("cacheScope")), (None, None));
    result["requestState"].as_str().expect("a state").to_owned()
}

async fn status_and_code(server: &Server, post: McpRequest) -> (u16, i64) {
    let (status, code, _) = refused(post.send(server).await).await;
    (status, code)
}

#[tokio::test(start_paused = true)]
async fn a_result_that_asks_carries_its_requests_and_its_signed_state() {
    let result = result(ask().send(environment().at(0)).await).await;
    assert_eq!(result["resultType"], "input_required");
    assert_eq!(result["inputRequests"]["name"]["method"], "elicitation/create");
    assert!(result["inputRequests"]["name"].get("id").is_none());
    let state = result["requestState"].as_str().expect("a state");
    assert_ne!(state, "1", "the state is signed");
    assert_eq!((result.get("ttlMs"), result.get("cacheScope")), (None, None));
    assert_eq!(result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "fixture");
}

#[tokio::test(start_paused = true)]
async fn the_three_methods_that_may_ask_finish_with_the_answer() {
    let world = environment();
    let asking = [
        (ask(), "/content/0/text", "ada after 1"),
        (post("prompts/get", json!({ "name": "asks" })), "/messages/0/content/text", "for ada"),
        (post("resources/read", json!({ "uri": "test://asks" })), "/contents/0/text", "content for ada"),
    ];
    for (first, at, expected) in asking {
        let state = state_of(world.at(0), first.clone()).await;
        let last = result(retry(first, &state, ada()).send(world.at(0)).await).await;
        assert_eq!((&last["resultType"], last.pointer(at)), (&json!("complete"), Some(&json!(expected))));
    }
}

/// A state without input requests is load shedding: the client comes straight back.
#[tokio::test(start_paused = true)]
async fn a_state_without_requests_brings_the_client_straight_back() {
    let world = environments(2);
    let first = post("tools/call", json!({ "name": "sheds_load" }));
    let asked = result(first.clone().send(world.at(0)).await).await;
    assert_eq!((&asked["resultType"], asked.get("inputRequests")), (&json!("input_required"), None));
    let state = asked["requestState"].as_str().expect("a state");
    let again = first.edit(|body| body["params"]["requestState"] = json!(state));
    assert_eq!(text(again.send(world.at(1)).await).await, "came back with later");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_cannot_be_asked_gets_the_capability_it_lacks() {
    let params = json!({ "name": "asks_input" });
    let reply = stateless_with(json!(1), "tools/call", params, json!({ "sampling": {} }))
        .send(environment().at(0))
        .await;
    let (status, code, body) = refused(reply).await;
    assert_eq!((status, code), (400, -32021));
    assert_eq!(body["error"]["data"]["requiredCapabilities"], json!({ "elicitation": {} }));
}

/// The runtime stops a handler that does not look at the client's capabilities.
#[tokio::test(start_paused = true)]
async fn an_input_request_the_client_did_not_declare_never_leaves() {
    let undeclared = [json!({}), json!({ "sampling": {} }), json!({ "elicitation": { "url": {} } })];
    for capabilities in undeclared {
        let post = stateless_with(json!(1), "prompts/get", json!({ "name": "asks" }), capabilities.clone());
        let (status, code, body) = refused(post.send(environment().at(0)).await).await;
        assert_eq!((status, code), (400, -32021), "{capabilities}");
        assert!(body["error"]["data"]["requiredCapabilities"]["elicitation"].is_object(), "{body}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_state_that_was_altered_is_refused() {
    let world = environment();
    let state = state_of(world.at(0), ask()).await;
    let altered = (0..state.len()).map(|at| {
        let mut bytes = state.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).expect("ASCII")
    });
    let cut =
        [String::new(), "1".into(), state[1..].into(), state[..state.len() - 1].into(), format!("{state}A")];
    for forged in altered.chain(cut) {
        assert_eq!(status_and_code(world.at(0), retry(ask(), &forged, ada())).await, INVALID, "{forged}");
    }
    assert_eq!(text(retry(ask(), &state, ada()).send(world.at(0)).await).await, "ada after 1");
}

/// The codec reads the wall clock, so a state with no lifetime at all is tried until the clock has ticked.
#[tokio::test(start_paused = true)]
async fn a_state_that_has_expired_is_refused() {
    let world = environments_with(1, |config| config.state_ttl = Duration::ZERO);
    let state = state_of(world.at(0), ask()).await;
    while retry(ask(), &state, ada()).send(world.at(0)).await.json().await.get("error").is_none() {}
    assert_eq!(status_and_code(world.at(0), retry(ask(), &state, ada())).await, INVALID);
}

#[tokio::test(start_paused = true)]
async fn a_state_of_another_principal_is_refused() {
    let world = environment();
    let (ada_, bob) = (Principal::new("issuer", "ada"), Principal::new("issuer", "bob"));
    let state = state_of(world.at(0), ask().from(&ada_)).await;
    for post in [retry(ask(), &state, ada()), retry(ask(), &state, ada()).from(&bob)] {
        assert_eq!(status_and_code(world.at(0), post).await, INVALID);
    }
    assert_eq!(text(retry(ask(), &state, ada()).from(&ada_).send(world.at(0)).await).await, "ada after 1");
}

#[tokio::test(start_paused = true)]
async fn a_state_of_another_request_is_refused() {
    let world = environment();
    let state = state_of(world.at(0), ask()).await;
    let others = [
        ask().edit(|body| body["params"]["arguments"]["a"] = json!(2)),
        ask().edit(|body| body["params"]["arguments"]["a"] = json!("1")),
        ask().edit(|body| body["params"]["arguments"]["e"] = json!(null)),
        ask().edit(|body| body["params"]["arguments"]["b"]["c"] = json!([2, 2])),
        ask().edit(|body| drop(body["params"].as_object_mut().unwrap().remove("arguments"))),
        ask().edit(|body| body["params"]["task"] = json!({})),
        post(
            "tools/call",
            json!({ "name": "sheds_load", "arguments": { "a": 1, "b": { "c": [2], "d": null } } }),
        ),
        post("prompts/get", json!({ "name": "asks" })),
        post("resources/read", json!({ "uri": "test://asks" })),
    ];
    for other in others {
        let body = other.body.clone();
        assert_eq!(status_and_code(world.at(0), retry(other, &state, ada())).await, INVALID, "{body:?}");
    }
}

/// Parameters that two parsers read differently must not make a state valid for other arguments.
#[tokio::test(start_paused = true)]
async fn parameters_that_cannot_be_read_whole_bind_nothing_looser() {
    let world = environment();
    let with_junk = |post: McpRequest| {
        let text = String::from_utf8(post.body.to_vec()).expect("JSON");
        let body = text.replacen("\"params\":{", "\"params\":{\"junk\":\"\\ud800\",", 1);
        McpRequest { body: body.into(), ..post }
    };
    let reply = with_junk(ask()).send(world.at(0)).await.json().await;
    let Some(state) = reply["result"]["requestState"].as_str() else {
        assert_eq!(reply["error"]["code"], -32602, "{reply}");
        return;
    };
    let other = ask().edit(|body| body["params"]["arguments"]["a"] = json!(2));
    assert_eq!(status_and_code(world.at(0), with_junk(retry(other, state, ada()))).await, INVALID);
}

/// The same parameters in another order, and other metadata, are the same request.
#[tokio::test(start_paused = true)]
async fn the_order_of_keys_and_the_metadata_do_not_matter() {
    let world = environment();
    let state = state_of(world.at(0), ask()).await;
    let again = retry(ask(), &state, ada())
        .meta("progressToken", json!("t"))
        .meta("io.modelcontextprotocol/clientInfo", json!({ "name": "other", "version": "2" }));
    let body = String::from_utf8(again.body.to_vec()).expect("JSON");
    let turned = body.replace(r#"{"a":1,"b":{"c":[2],"d":null}}"#, r#"{"b":{"d":null, "c":[2]},"a":1}"#);
    assert_ne!(body, turned);
    assert_eq!(
        text(McpRequest { body: turned.into(), ..again }.send(world.at(0)).await).await,
        "ada after 1"
    );
}

#[tokio::test(start_paused = true)]
async fn missing_or_useless_answers_are_asked_for_again() {
    let world = environment();
    let mut state = state_of(world.at(0), ask()).await;
    let useless =
        [json!({}), json!({ "other": {} }), json!({ "name": { "action": "decline" } }), json!({ "name": 5 })];
    for answers in useless {
        state = state_of(world.at(0), retry(ask(), &state, answers)).await;
    }
    let state = state_of(world.at(0), retry(ask(), &state, json!(null))).await;
    assert_eq!(text(retry(ask(), &state, ada()).send(world.at(0)).await).await, "ada after 6");
}

#[tokio::test(start_paused = true)]
async fn unknown_keys_among_the_answers_are_ignored() {
    let world = environment();
    let state = state_of(world.at(0), ask()).await;
    let mut answers = ada();
    answers["unasked"] = json!({ "action": "accept" });
    assert_eq!(text(retry(ask(), &state, answers).send(world.at(0)).await).await, "ada after 1");
}

#[tokio::test(start_paused = true)]
async fn malformed_answers_or_states_are_invalid_params() {
    let world = environment();
    for answers in [json!(5), json!([]), json!("x")] {
        let state = state_of(world.at(0), ask()).await;
        assert_eq!(status_and_code(world.at(0), retry(ask(), &state, answers)).await, INVALID);
    }
    for state in [json!(5), json!({}), json!(["x"])] {
        let post = ask().edit(|body| body["params"]["requestState"] = state);
        assert_eq!(status_and_code(world.at(0), post).await, INVALID);
    }
}

#[tokio::test(start_paused = true)]
async fn a_round_finishes_on_another_environment_with_the_same_keys() {
    let world = environments(2);
    let state = state_of(world.at(0), ask()).await;
    assert_eq!(text(retry(ask(), &state, ada()).send(world.at(1)).await).await, "ada after 1");
}

fn with_keys(keys: &[(&str, u8)]) -> World {
    environments_with(1, |config| config.state_keys = keys.iter().map(|(id, byte)| key(id, *byte)).collect())
}

/// The two environments share the keys alone, not even a store.
#[tokio::test(start_paused = true)]
async fn keys_can_be_rotated_while_rounds_are_open() {
    let (old, both, new) =
        (with_keys(&[("old", 1)]), with_keys(&[("new", 2), ("old", 1)]), with_keys(&[("new", 2)]));
    let of_old = state_of(old.at(0), ask()).await;
    assert_eq!(text(retry(ask(), &of_old, ada()).send(both.at(0)).await).await, "ada after 1");
    assert_eq!(status_and_code(new.at(0), retry(ask(), &of_old, ada())).await, INVALID);
    let of_both = state_of(both.at(0), ask()).await;
    assert_eq!(text(retry(ask(), &of_both, ada()).send(new.at(0)).await).await, "ada after 1");
    assert_eq!(status_and_code(old.at(0), retry(ask(), &of_both, ada())).await, INVALID);
}

/// A key of the same name with other bytes is another key.
#[tokio::test(start_paused = true)]
async fn a_state_signed_with_other_key_bytes_is_refused() {
    let (ours, theirs) = (with_keys(&[("one", 1)]), with_keys(&[("one", 9)]));
    let state = state_of(theirs.at(0), ask()).await;
    assert_eq!(status_and_code(ours.at(0), retry(ask(), &state, ada())).await, INVALID);
}

/// Without keys each server makes its own, as its warning at start says.
#[tokio::test(start_paused = true)]
async fn without_configured_keys_a_state_is_accepted_only_by_the_process_that_made_it() {
    let world = environments_with(2, |config| config.state_keys.clear());
    let state = state_of(world.at(0), ask()).await;
    assert_eq!(text(retry(ask(), &state, ada()).send(world.at(0)).await).await, "ada after 1");
    assert_eq!(status_and_code(world.at(1), retry(ask(), &state, ada())).await, INVALID);
}
