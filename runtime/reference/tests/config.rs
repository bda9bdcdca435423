//! The command `config` of a program that is built with this library.

use std::{fs, path::PathBuf, time::Duration};

use serde_json::Value;

/// How long a run takes at most.
const SOON: Duration = Duration::from_secs(30);
const KEY: &str = "one:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

async fn run(args: &[&str], environment: &[(&str, &str)]) -> (bool, String, String) {
    let mut program = tokio::process::Command::new(env!("CARGO_BIN_EXE_mcp-lambda-reference"));
    program.args(args).env_clear().envs(environment.iter().copied()).kill_on_drop(true);
    let output =
        tokio::time::timeout(SOON, program.output()).await.expect("it ends by itself").expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (output.status.success(), text(output.stdout), text(output.stderr))
}

fn file(name: &str, text: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("{}-{name}", std::process::id()));
    fs::write(&path, text).expect("a file");
    path
}

#[tokio::test]
async fn it_prints_each_setting_with_its_value_and_its_source() {
    let path = file("config.toml", "[stream]\nseconds = 45\n");
    let path = path.to_str().expect("text");
    let environment =
        [("MCP_CONFIG_FILE", path), ("MCP_PATH", "/x"), ("LOG_LEVEL", "warn"), ("MCP_STATE_KEYS", KEY)];
    let (success, text, errors) = run(&["config"], &environment).await;
    assert!(success, "{errors}");
    let row = |name: &str| {
        let line = text.lines().find(|line| line.split_whitespace().next() == Some(name));
        line.unwrap_or_else(|| panic!("{name} is not in {text}"))
            .split_whitespace()
            .skip(1)
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(row("setting"), "value source");
    assert_eq!(row("MCP_PATH"), "/x environment: MCP_PATH");
    assert_eq!(row("AWS_LAMBDA_LOG_LEVEL"), "warn environment: LOG_LEVEL");
    assert_eq!(row("MCP_STREAM_SECONDS"), format!("45 {path}: stream.seconds"));
    assert_eq!(row("MCP_KEEP_ALIVE_SECONDS"), "12 default");
    // What the program sets itself: it receives events.
    assert_eq!(row("MCP_EVENTS"), "on program");
    assert_eq!(row("AWS_LAMBDA_RUNTIME_API"), "set by Lambda not on Lambda");
    assert_eq!(row("MCP_STATE_KEYS"), "(hidden) environment: MCP_STATE_KEYS");
    assert!(!text.contains(&KEY[4..]) && errors.is_empty(), "{text}{errors}");
    let names: Vec<_> = mcp_lambda_server::config::VARIABLES.iter().map(|variable| variable.name).collect();
    let listed: Vec<_> = text.lines().skip(1).filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(listed, names);
}

#[tokio::test]
async fn it_prints_the_same_as_json() {
    let (success, text, errors) = run(&["config", "--json"], &[("MCP_PATH", "/x")]).await;
    assert!(success, "{errors}");
    let rows: Vec<Value> = serde_json::from_str(&text).expect("a JSON array alone");
    let path = rows.iter().find(|row| row["name"] == "MCP_PATH").expect("a row");
    assert_eq!((&path["value"], &path["source"]), (&"/x".into(), &"environment: MCP_PATH".into()));
    assert!(rows.iter().all(|row| row["meaning"].is_string()));
}

#[tokio::test]
async fn an_invalid_setting_is_printed_and_is_the_error_in_one_line() {
    let (success, text, errors) = run(&["config"], &[("MCP_STREAM_SECONDS", "long")]).await;
    assert!(!success && text.contains("long"), "{text}");
    let expected = "Error: MCP_STREAM_SECONDS is \"long\": expected a whole number from 1 to 4294967295\n";
    assert_eq!(errors, expected);
}

#[tokio::test]
async fn an_unknown_setting_of_a_file_stops_the_server_with_its_nearest_name() {
    let path = file("unknown.json", r#"{ "stream": { "secnds": 45 } }"#);
    let path = path.to_str().expect("text");
    for args in [&["config"][..], &[]] {
        let (success, _, errors) =
            run(args, &[("MCP_CONFIG_FILE", path), ("MCP_LISTEN", "127.0.0.1:0")]).await;
        let expected =
            format!("Error: {path}: stream.secnds is an unknown setting: did you mean stream_seconds?\n");
        assert_eq!((success, errors), (false, expected));
    }
}

/// Other arguments are the program's own: it serves, which here fails as its address is taken.
#[tokio::test]
async fn other_arguments_do_not_print_the_settings() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("its address").port().to_string();
    for args in [&["config", "list"][..], &["--json", "config"], &["--config"]] {
        let (success, text, errors) = run(args, &[("PORT", &port)]).await;
        assert!(!success && text.is_empty(), "{args:?}: {errors}");
        let taken = format!("Error: cannot listen on 127.0.0.1:{port}: another program uses this port");
        assert!(errors.starts_with(&taken) && errors.lines().count() == 1, "{args:?}: {errors}");
    }
}
