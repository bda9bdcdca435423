//! `requestState` is bound to its parameters, for all parameters and all ways to write them.

use mcp_lambda_server::Server;
use proptest::{collection, prelude::*};
use serde_json::{Value, json};
use test_support::{McpRequest, environment, refused, stateless_with, text};

fn any_arguments() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        collection::vec(any::<char>(), 0..6).prop_map(|text| String::from_iter(text).into()),
    ];
    let value = leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            collection::btree_map(any_key(), inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    });
    collection::btree_map(any_key(), value, 0..5).prop_map(|map| Value::Object(map.into_iter().collect()))
}

fn any_key() -> impl Strategy<Value = String> {
    prop_oneof!["[a-d]{1,2}", ".{0,3}"]
}

/// The same value with the keys of every object the other way round, and with blanks.
fn turned(value: &Value) -> String {
    let join = |parts: Vec<String>| parts.join(" , ");
    match value {
        Value::Object(map) => {
            let parts = map.iter().rev().map(|(key, value)| format!("{}:\n{}", json!(key), turned(value)));
            format!("{{ {} }}", join(parts.collect()))
        }
        Value::Array(items) => format!("[{}]", join(items.iter().map(turned).collect())),
        scalar => scalar.to_string(),
    }
}

fn post(arguments: &Value, state: Option<&str>) -> McpRequest {
    let params = json!({ "name": "sheds_load", "arguments": arguments });
    let post = stateless_with(json!(1), "tools/call", params, json!({}));
    match state {
        Some(state) => post.edit(|body| body["params"]["requestState"] = json!(state)),
        None => post,
    }
}

async fn state_of(server: &Server, arguments: &Value) -> String {
    let body = post(arguments, None).send(server).await.json().await;
    body["result"]["requestState"].as_str().expect("a state").to_owned()
}

fn paused() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().expect("a runtime")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_state_opens_for_the_same_parameters_in_any_order(arguments in any_arguments()) {
        paused().block_on(async {
            let world = environment();
            let state = state_of(world.at(0), &arguments).await;
            let again = post(&arguments, Some(&state));
            let body: Value = serde_json::from_slice(&again.body).expect("JSON");
            let again = McpRequest { body: turned(&body).into(), ..again };
            assert_eq!(text(again.send(world.at(0)).await).await, "came back with later");
        });
    }

    #[test]
    fn a_state_opens_for_no_other_parameters(arguments in any_arguments(), other in any_arguments()) {
        prop_assume!(arguments != other);
        paused().block_on(async {
            let world = environment();
            let state = state_of(world.at(0), &arguments).await;
            let (status, code, _) = refused(post(&other, Some(&state)).send(world.at(0)).await).await;
            assert_eq!((status, code), (200, -32602));
        });
    }
}
