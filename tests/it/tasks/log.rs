//! What an operator sees of tasks in the log.

use std::collections::BTreeSet;

use mcp_lambda_server::tasks::TaskSupport;
use serde_json::{Value, json};
use test_support::{
    World,
    environments::world,
    logs::warnings::{self, requests},
    result, stateless_with,
};

/// Runs a tool of the fixture as a task, and returns the id of the task when it has ended.
async fn ended(world: &World, tool: &str) -> String {
    let declares = json!({ "extensions": { "io.modelcontextprotocol/tasks": {} } });
    let ask = |method: &str, params: Value| stateless_with(json!(1), method, params, declares.clone());
    let created = ask("tools/call", json!({ "name": tool, "arguments": {} })).send(world.at(0)).await;
    let id = result(created).await["taskId"].as_str().expect("a task").to_owned();
    loop {
        let get = ask("tasks/get", json!({ "taskId": id })).header("mcp-name", &id);
        if result(get.send(world.at(0)).await).await["status"] != "working" {
            return id;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

/// The fields of a line as it is captured.
fn fields(line: &str) -> BTreeSet<&str> {
    line.split_whitespace().filter_map(|word| word.split_once('=')).map(|(name, _)| name).collect()
}

#[tokio::test(start_paused = true)]
async fn a_task_that_has_ended_is_one_line_with_the_fields_of_the_contract() {
    warnings::capture();
    let tools = ["echo", "error"];
    let build = |builder: mcp_lambda_server::Builder<test_support::Fixture>| {
        tools.into_iter().fold(builder, |builder, tool| builder.task_tool(tool, TaskSupport::Optional))
    };
    let world = world(1, |_| {}, build);
    let contract: Value = serde_json::from_str(include_str!("../../contract/log.json")).expect("JSON");
    let known: BTreeSet<&str> =
        contract["taskFields"].as_object().expect("fields").keys().map(String::as_str).collect();
    for (tool, status) in [("echo", "completed"), ("error", "failed")] {
        requests();
        let id = ended(&world, tool).await;
        let lines: Vec<_> =
            requests().into_iter().filter(|line| line.contains("message=task ended")).collect();
        let [line] = &lines[..] else { panic!("{lines:#?}") };
        let here: BTreeSet<&str> = fields(line).into_iter().filter(|name| *name != "message").collect();
        assert_eq!(here, known, "{line}");
        for field in [
            format!("taskId={id}"),
            format!("tool=\"{tool}\""),
            format!("status=\"{status}\""),
            "attempt=1".into(),
        ] {
            assert!(line.contains(&field), "{field} of {line}");
        }
    }
}
