//! The experimental tasks of 2025-11-25: what is declared, and what is refused.
//! <https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/tasks> (read 2026-11-27).

use mcp_lambda_server::Principal;
use serde_json::{Value, json};
use test_support::{
    request::initialize_request,
    result,
    session::{MIDDLE, NEWEST, OLDEST},
};

use super::{
    jobs::{undeclared, world},
    old_clients::{ada, as_task, client, created, error},
};

#[tokio::test(start_paused = true)]
async fn tasks_are_declared_in_2025_11_25_only_and_a_list_to_callers_that_have_a_name() {
    let world = world(1);
    let declares = async |version, principal: Option<Principal>| {
        let mut post = initialize_request(version, json!({}));
        if let Some(principal) = principal {
            post = post.extension(principal);
        }
        result(post.send(&world.servers[0]).await).await["capabilities"].get("tasks").cloned()
    };
    let calls = json!({ "tools": { "call": {} } });
    let all = json!({ "list": {}, "cancel": {}, "requests": calls });
    assert_eq!(declares(NEWEST, Some(ada())).await, Some(all));
    assert_eq!(declares(NEWEST, None).await, Some(json!({ "cancel": {}, "requests": calls })));
    for version in [MIDDLE, OLDEST] {
        assert_eq!(declares(version, Some(ada())).await, None, "{version}");
    }
    // A server that speaks no newer version with a session answers with the newest one.
    assert!(declares("2026-07-28", None).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_server_without_task_tools_declares_no_tasks() {
    let opened = initialize_request(NEWEST, json!({})).send(test_support::environment().at(0)).await;
    assert_eq!(result(opened).await["capabilities"].get("tasks"), None);
}

#[tokio::test(start_paused = true)]
async fn the_list_of_tools_says_which_run_as_tasks() {
    let world = world(1);
    let supports = |listed: Value| -> Vec<(String, Option<String>)> {
        let tools = listed["tools"].as_array().expect("tools").iter();
        let support = |tool: &Value| tool["execution"]["taskSupport"].as_str().map(str::to_owned);
        tools.map(|tool| (tool["name"].as_str().expect("a name").to_owned(), support(tool))).collect()
    };
    let of = async |version| {
        let client = client(&world, version, None).await;
        let listed = client.request(1, "tools/list", json!({})).send(&world.servers[0]).await;
        supports(result(listed).await)
    };
    for (name, support) in of(NEWEST).await {
        let expected = match name.as_str() {
            "only" => Some("required"),
            // It asks before there is a task, which this revision has no rounds for.
            "greets" => None,
            _ => Some("optional"),
        };
        assert_eq!(support.as_deref(), expected, "{name}");
    }
    assert!(of(MIDDLE).await.iter().all(|(_, support)| support.is_none()));
    let stateless = undeclared("tools/list", json!({})).send(&world.servers[0]).await;
    assert!(supports(result(stateless).await).iter().all(|(_, support)| support.is_none()));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_breaks_the_task_support_of_its_tool_is_method_not_found() {
    let world = world(1);
    let newest = client(&world, NEWEST, None).await;
    let call = newest.call(1, "only", json!({}));
    let (code, text) = error(call.send(&world.servers[0]).await).await;
    assert_eq!(code, -32601);
    assert!(text.contains("runs as a task only: add params.task"), "{text}");
    for tool in ["greets", "no_such_tool"] {
        let (code, text) = error(as_task(&newest, tool, json!({})).send(&world.servers[0]).await).await;
        assert_eq!(code, -32601, "{tool}");
        assert!(text.contains("leave params.task out"), "{text}");
    }
    // Revisions without tasks ignore the parameter, and cannot call a tool that needs it.
    let older = client(&world, MIDDLE, None).await;
    world.gate.add_permits(3);
    let reply = result(as_task(&older, "steps", json!({})).send(&world.servers[0]).await).await;
    assert_eq!((reply.get("task"), &reply["content"][0]["type"]), (None, &json!("text")));
    assert_eq!(error(older.call(1, "only", json!({})).send(&world.servers[0]).await).await.0, -32601);
}

#[tokio::test(start_paused = true)]
async fn anonymous_callers_have_no_list() {
    let world = world(1);
    let client = client(&world, NEWEST, None).await;
    created(&client, &world.servers[0], "deaf").await;
    let (code, _) = error(client.request(1, "tasks/list", json!({})).send(&world.servers[0]).await).await;
    assert_eq!(code, -32601);
}

#[tokio::test(start_paused = true)]
async fn methods_of_tasks_do_not_exist_in_earlier_revisions() {
    let world = world(1);
    let client = client(&world, MIDDLE, Some(ada())).await;
    for method in ["tasks/get", "tasks/result", "tasks/list", "tasks/cancel", "tasks/update"] {
        let params = json!({ "taskId": "t", "inputResponses": {} });
        let reply = client.request(1, method, params).send(&world.servers[0]).await;
        assert_eq!(error(reply).await.0, -32601, "{method}");
    }
}
