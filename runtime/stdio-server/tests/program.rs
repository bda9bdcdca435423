//! The program as its users run it: from a shell, with a configuration file, and in each of the ways in which Lambda starts it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use lambda_emulator::{Emulator, Ingress};
use serde_json::{Value, json};
use test_support::{McpRequest, call, request::initialize_request, result, stateless, text, transport::Http};

use crate::support::*;

/// The names of the tools of a server.
async fn tools(server: &Http) -> Vec<String> {
    let list = result(stateless("tools/list", json!({})).send(server).await).await;
    list["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
}

/// A `tools/call` of 2025-11-25, in a session of its own.
async fn called_in_session(server: &Http, tool: &str, arguments: Value) -> String {
    let opened = initialize_request("2025-11-25", json!({})).send(server).await;
    let session = opened.header("mcp-session-id").unwrap().to_owned();
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": tool, "arguments": arguments } });
    let call = McpRequest::json(&message)
        .header("mcp-session-id", &session)
        .header("mcp-protocol-version", "2025-11-25");
    text(call.send(server).await).await
}

#[tokio::test]
async fn a_server_of_npm_is_served_in_both_eras_while_the_program_runs() {
    let program = Program::start(&[&["--"][..], &everything()[..]].concat()).await;
    let echo = json!({ "message": "hi" });
    assert_eq!(text(call("echo", echo.clone()).send(&program.server).await).await, "Echo: hi");
    assert_eq!(called_in_session(&program.server, "echo", echo).await, "Echo: hi");
    // One beside it waits for signals or files, on a machine with many CPUs too.
    assert!(test_support::process::threads(program.pid()) <= 2);
    // It ends when it is asked to, and the process of the server with it.
    let server = program.child_of_program();
    assert_eq!(program.stop().await, Some(0));
    test_support::process::gone(server).await;
}

#[tokio::test]
async fn a_server_of_pypi_is_served_in_both_eras() {
    let program = Program::start(&[&["--name", "time", "--"][..], &time()[..]].concat()).await;
    let arguments = json!({ "timezone": "Europe/Stockholm" });
    for text in [
        text(call("get_current_time", arguments.clone()).send(&program.server).await).await,
        called_in_session(&program.server, "get_current_time", arguments).await,
    ] {
        assert!(text.contains("Europe/Stockholm"), "{text}");
    }
}

#[tokio::test]
async fn the_servers_of_a_configuration_file_are_one_with_prefixes_or_the_one_that_is_named() {
    let folder = Folder::new("config");
    let (node, python) = (everything(), time());
    let file = folder.file(
        ".mcp.json",
        &json!({ "mcpServers": {
            "every.thing": { "command": node[0], "args": node[1..], "timeout": 60 },
            "time": { "type": "stdio", "command": "${PYTHON:-python3}", "args": python[1..] },
            "off": { "command": "no-such-program", "disabled": true },
        } }),
    );
    let all = Program::start_with(&["--config", &file], &[("PYTHON", python[0])]).await;
    let listed = tools(&all.server).await;
    for tool in ["every-thing_echo", "time_get_current_time"] {
        assert!(listed.iter().any(|listed| listed == tool), "{listed:?}");
    }
    assert_eq!(
        text(call("every-thing_echo", json!({ "message": "hi" })).send(&all.server).await).await,
        "Echo: hi"
    );
    let one = Program::start_with(&["--config", &file, "--server", "time"], &[("PYTHON", python[0])]).await;
    assert_eq!(tools(&one.server).await, ["get_current_time", "convert_time"]);
}

/// A function whose entry is the program, in the way that a shell script starts it.
async fn function(script: &str, variables: &[(&str, &str)]) -> Emulator {
    let builder = Emulator::builder().binary(script).timeout(std::time::Duration::from_secs(30));
    variables.iter().fold(builder, |builder, (name, value)| builder.env(*name, *value)).start().await.unwrap()
}

#[tokio::test]
async fn lambda_starts_it_as_a_custom_runtime_an_exec_wrapper_and_the_entry_of_a_container() {
    let folder = Folder::new("lambda");
    let command = json!(everything()).to_string();
    folder.file(
        "mcp-stdio.json",
        &json!({ "servers": { "all": { "command": everything()[0], "args": everything()[1..] } } }),
    );
    let root = folder.path();
    let words = everything().join("' '");
    for (name, arguments, variables) in [
        // The command of the function in a variable, and in the file beside it.
        ("bootstrap", String::new(), vec![("MCP_STDIO_COMMAND", command.as_str())]),
        ("packaged", String::new(), vec![("LAMBDA_TASK_ROOT", root.as_str())]),
        // The runtime's own command line is no command of a server.
        (
            "wrapper",
            "/var/lang/bin/node --experimental-require-module /var/runtime/index.mjs".to_owned(),
            vec![
                ("AWS_LAMBDA_EXEC_WRAPPER", "/opt/mcp-lambda-stdio"),
                ("MCP_STDIO_COMMAND", command.as_str()),
            ],
        ),
        ("container", format!("-- '{words}'"), vec![]),
    ] {
        let script = folder.script(name, &format!("exec '{PROGRAM}' {arguments}"));
        let emulator = function(&script, &variables).await;
        let server = Http(emulator.url(Ingress::FunctionUrl));
        let message = json!({ "message": name });
        assert_eq!(text(call("echo", message).send(&server).await).await, format!("Echo: {name}"));
        // Calls of an AgentCore Gateway, and the self-test, are served for a stdio server as for any other.
        let context = json!({ "custom": { "bedrockAgentCoreToolName": "all___echo" } }).to_string();
        let answer = emulator.invoke(json!({ "message": "gate" }).to_string(), Some(&context)).await.unwrap();
        assert_eq!(
            whole(answer).await["content"],
            json!([{ "type": "text", "text": "Echo: gate" }]),
            "{name}"
        );
        let test = json!({ "source": "mcp-lambda-server", "action": "self-test", "tool": "echo", "arguments": { "message": "on" } });
        let report = whole(emulator.invoke(test.to_string(), None).await.unwrap()).await;
        assert_eq!(report["result"]["content"][0]["text"], "Echo: on", "{name}");
    }
}

/// As the function of the login that the construct makes of the same package: the server that it names is not started.
#[tokio::test]
async fn on_lambda_it_signs_users_in_where_its_role_is_login_and_starts_no_server() {
    let folder = Folder::new("login");
    let idle = json!({ "servers": { "server": { "command": "/no/such/program", "start": "first-use" } } });
    let file = folder.file("mcp-stdio-idle.json", &idle);
    let script = folder.script("bootstrap", &format!("exec '{PROGRAM}'"));
    let keys = format!("one:{}", "a".repeat(64));
    let emulator = function(
        &script,
        &[
            ("MCP_ROLE", "login"),
            ("MCP_STDIO_CONFIG", file.as_str()),
            ("MCP_LOGIN_ISSUER", "https://login.example"),
            ("MCP_LOGIN_RESOURCES", "https://mcp.example/mcp"),
            ("MCP_LOGIN_KEYS", keys.as_str()),
            ("MCP_LOGIN_UPSTREAM", "oidc"),
            ("MCP_LOGIN_UPSTREAM_ISSUER", "https://accounts.example"),
            ("MCP_LOGIN_UPSTREAM_CLIENT_ID", "client"),
        ],
    )
    .await;
    let server = Http(emulator.url(Ingress::HttpApi));
    let get = McpRequest::of("GET".parse().unwrap()).path("/.well-known/oauth-authorization-server");
    let document = get.send(&server).await.json().await;
    assert_eq!(document["registration_endpoint"], "https://login.example/register");
    let register = McpRequest::json(&json!({ "redirect_uris": ["https://client.example/back"] }));
    let registered = register.path("/register").send(&server).await;
    assert_eq!(registered.status, 201);
}

#[tokio::test]
async fn the_tool_schema_of_an_agentcore_gateway_is_printed_with_what_it_cannot_express() {
    let output = run(&[&["schema", "--agentcore", "--"][..], &everything()[..]].concat()).await;
    assert_eq!(output.code, Some(0), "{}", output.errors);
    let schema: Value = serde_json::from_str(&output.text).unwrap();
    let echo = schema.as_array().unwrap().iter().find(|tool| tool["name"] == "echo").unwrap();
    assert_eq!(echo["inputSchema"]["properties"]["message"]["type"], "string");
    assert_eq!(echo["inputSchema"]["required"], json!(["message"]));
    let losses: Vec<&str> = output.errors.lines().collect();
    assert!(losses.iter().all(|line| line.contains(": $")), "{losses:#?}");
    assert!(losses.iter().any(|line| line.contains("enum: is put into the description")), "{losses:#?}");
}

#[tokio::test]
async fn what_cannot_be_run_is_said_in_one_sentence() {
    let folder = Folder::new("errors");
    let file = folder.file("bad.json", &json!({ "mcpServers": { "a": { "url": "https://example.com" } } }));
    for (arguments, code, text) in [
        (&[][..], 2, "nothing to run: expected a command behind --"),
        (&["--config", &file], 2, "bad.json: mcpServers.a.url: the server is reached over HTTP"),
        (&["schema", "--", "x"], 2, "schema: expected --agentcore"),
        (&["--config", "/no/such.json"], 2, "/no/such.json: cannot be read"),
        (&["--child-per", "user", "--", "x"], 2, "server, session, principal or invocation"),
        (&["--", "/no/such/program"], 2, "/no/such/program"),
    ] {
        let output = run(arguments).await;
        assert_eq!(output.code, Some(code), "{arguments:?}: {}", output.errors);
        assert!(output.errors.contains(text), "{arguments:?}: {}", output.errors);
    }
    let version = run(&["--version"]).await;
    assert_eq!(
        (version.code, version.text.trim()),
        (Some(0), concat!("mcp-lambda-stdio ", env!("CARGO_PKG_VERSION")))
    );
    let help = run(&["--help"]).await;
    assert!(help.text.contains("mcp-lambda-stdio -- npx -y"), "{}", help.text);
}

/// The README installs a package by its folder, and then runs its program: with a stand-in for npx, which would ask npm.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the program finds node where this test does")]
async fn the_commands_of_the_readme_install_this_package_and_run_its_program() {
    let package = "runtime/stdio-server";
    let readme = include_str!("../../../README.md");
    let mut lines = readme.lines().skip_while(|line| !line.starts_with("cargo install "));
    assert_eq!(lines.next(), Some(format!("cargo install --path {package}").as_str()));
    assert!(env!("CARGO_MANIFEST_DIR").ends_with(package));

    let line = lines.next().unwrap();
    let mut words = line.split('#').next().unwrap().split_whitespace();
    assert_eq!(words.next(), std::path::Path::new(PROGRAM).file_name().unwrap().to_str());
    let arguments: Vec<&str> = words.collect();
    assert_eq!(arguments[..3], ["--", "npx", "-y"]);
    let folder = Folder::new("readme");
    let [node, script] = everything();
    assert!(script.contains(&format!("/node_modules/{}/", arguments[3])), "{line}");
    folder.script("npx", &format!("exec {node} '{script}'"));
    let path = std::env::var("PATH").unwrap();
    let program = Program::start_with(&arguments, &[("PATH", &format!("{}:{path}", folder.path()))]).await;
    assert_eq!(text(call("echo", json!({ "message": "hi" })).send(&program.server).await).await, "Echo: hi");
}
