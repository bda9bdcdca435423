//! The command `schema --agentcore` of a program that is built with this library.

use std::time::Duration;

use serde_json::Value;

/// Runs the reference server with arguments, for at most this long.
const SOON: Duration = Duration::from_secs(30);

async fn run(args: &[&str], listen: &str) -> std::process::Output {
    let mut program = tokio::process::Command::new(env!("CARGO_BIN_EXE_mcp-lambda-reference"));
    program.args(args).env("MCP_LISTEN", listen).kill_on_drop(true);
    tokio::time::timeout(SOON, program.output()).await.expect("it ends by itself").expect("it runs")
}

#[tokio::test]
async fn the_arguments_schema_agentcore_print_the_tools_and_name_what_is_lost() {
    let output = run(&["schema", "--agentcore"], "127.0.0.1:0").await;
    let errors = String::from_utf8(output.stderr).expect("text");
    assert!(output.status.success(), "{errors}");
    let tools: Vec<Value> = serde_json::from_slice(&output.stdout).expect("a JSON array alone");
    let echo = tools.iter().find(|tool| tool["name"] == "echo").expect("the tool echo");
    assert_eq!(echo["inputSchema"]["type"], "object");
    assert_eq!(echo["inputSchema"]["properties"]["message"]["type"], "string");
    assert!(echo["description"].is_string());
    let known = ["type", "properties", "required", "items", "description"];
    for tool in &tools {
        let schema = tool["inputSchema"].as_object().expect("a schema");
        assert!(schema.keys().all(|key| known.contains(&key.as_str())), "{tool}");
    }
    // Each line is a tool, a path in it, and what happened there.
    assert!(errors.lines().all(|line| line.splitn(3, ": ").count() == 3), "{errors}");
    assert!(errors.lines().any(|line| line.starts_with("echo: $.")), "{errors}");
}

/// Other arguments are the program's own: it serves, which here fails as its address is taken.
#[tokio::test]
async fn other_arguments_do_not_print_the_tools() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its address").to_string();
    for args in [&["schema"][..], &["schema", "--agentcore", "tools.json"], &["--", "schema", "--agentcore"]]
    {
        let output = run(args, &address).await;
        let errors = String::from_utf8(output.stderr).expect("text");
        assert!(!output.status.success() && output.stdout.is_empty(), "{args:?}: {errors}");
        assert!(errors.contains(&address), "{args:?}: {errors}");
    }
}
