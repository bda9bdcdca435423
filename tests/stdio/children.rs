//! The life of a process: how it starts, ends, crashes and is started again.

use std::{path::Path, time::Duration};

use test_support::{refused, text, waiting::eventually};

use super::*;

/// The error text of a call.
async fn error_of(server: &Server, request: McpRequest) -> String {
    let (_, code, body) = refused(request.send(server).await).await;
    assert_eq!(code, -32603, "{body}");
    body["error"]["message"].as_str().expect("a text").to_owned()
}

/// Whether a process runs. One that has ended and was not waited for counts as running.
fn runs(pid: &Value) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

#[tokio::test]
async fn one_process_answers_all_calls() {
    let server = serving(scripted(&[])).await;
    let first = structured(&server, "count", json!({})).await;
    let second = structured(&server, "count", json!({})).await;
    assert_eq!((&first["count"], &second["count"], &first["pid"]), (&json!(1), &json!(2), &second["pid"]));
}

#[tokio::test]
async fn a_command_that_does_not_exist_is_named_when_the_server_is_built() {
    let cases = [
        (StdioServer::new("no-such-program-here"), "was not found: no directory of PATH has it"),
        (StdioServer::new(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")), "may not be executed"),
        (StdioServer::new("true").cwd("/no/such/directory"), "the working directory \"/no/such/directory\""),
    ];
    for (stdio, expected) in cases {
        let error =
            McpLambdaServer::builder(stdio).config(Config::default()).build().await.expect_err(expected);
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[tokio::test]
async fn a_process_that_ends_at_once_is_a_crash_loop_with_its_last_lines() {
    let server = serving(scripted(&["--exits", "3"])).await;
    let text = error_of(&server, call("count", json!({}))).await;
    assert!(
        text.contains("exit status: 3") && text.contains("cannot find its database | please configure one"),
        "{text}"
    );
    let mut text = text;
    while !text.contains("failed in a row") {
        text = error_of(&server, call("count", json!({}))).await;
    }
    assert!(text.contains("the next one is due in"), "{text}");
    // The command itself is sound, and the server still answers.
    let hidden = serving(scripted(&["--exits", "3"]).show_stderr(false)).await;
    assert!(!error_of(&hidden, call("count", json!({}))).await.contains("database"));
}

#[tokio::test]
async fn a_process_that_answers_nothing_runs_out_of_time() {
    let server = serving(scripted(&["--silent"]).start_timeout(Duration::from_millis(300))).await;
    let text = error_of(&server, call("count", json!({}))).await;
    assert!(text.contains("has not answered within 0.3 s of its start"), "{text}");
}

#[tokio::test]
async fn a_call_that_takes_too_long_fails_and_is_cancelled() {
    let server = serving(scripted(&[]).call_timeout(Duration::from_millis(200))).await;
    let text = error_of(&server, call("hang", json!({}))).await;
    assert!(text.contains("has not answered within 0.2 s (the call time-out)"), "{text}");
    assert_eq!(
        structured(&server, "cancelled", json!({})).await["cancelled"].as_array().map(Vec::len),
        Some(1)
    );
}

#[tokio::test]
async fn a_crash_fails_the_calls_that_wait_and_the_next_call_finds_another_process() {
    let server = serving(scripted(&[])).await;
    let before = structured(&server, "count", json!({})).await;
    let waiting = error_of(&server, call("hang", json!({})));
    let crashing = error_of(&server, call("crash", json!({ "message": "out of luck" })));
    let (waiting, crashing) = futures::join!(waiting, crashing);
    for text in [waiting, crashing] {
        assert!(text.contains("has ended (exit status: 7; its last lines: out of luck)"), "{text}");
    }
    let after = structured(&server, "count", json!({})).await;
    assert_eq!(after["count"], 1);
    assert_ne!(before["pid"], after["pid"]);
    assert!(!runs(&before["pid"]), "it was waited for");
}

/// How many processes have this in their environment.
fn with_in_environment(mark: &str) -> usize {
    let processes = std::fs::read_dir("/proc").expect("the processes").flatten();
    let environments = processes.filter_map(|process| std::fs::read(process.path().join("environ")).ok());
    environments
        .filter(|environment| environment.split(|byte| *byte == 0).any(|one| one == mark.as_bytes()))
        .count()
}

#[tokio::test]
async fn a_process_that_starts_others_without_end_is_killed_with_all_of_them() {
    for apart in [false, true] {
        let mark = format!("{}-{apart}", std::process::id());
        let server = serving(scripted(&[]).env("STARTED_FOR", &mark).max_processes(32)).await;
        let mark = format!("STARTED_FOR={mark}");
        let before = structured(&server, "count", json!({})).await;
        assert_eq!(with_in_environment(&mark), 1);
        // On a busy machine the replies are streams meanwhile, and the process may end before it has answered the second call.
        let waiting = async { call("hang", json!({})).send(&server).await.messages().await };
        let forking = async { call("fork", json!({ "apart": apart })).send(&server).await.messages().await };
        let (waited, _) = futures::join!(waiting, forking);
        let text = waited[0]["error"]["message"].as_str().expect("an error");
        assert!(
            text.contains("was killed, as it had")
                && text.contains("where it may have 32 at most (max_processes)"),
            "{text}"
        );
        eventually("none of them is left", || with_in_environment(&mark) == 0).await;
        let after = structured(&server, "count", json!({})).await;
        assert_eq!(after["count"], 1);
        assert_ne!(before["pid"], after["pid"]);
    }
}

#[tokio::test]
async fn lines_that_are_no_messages_are_skipped() {
    let server = serving(scripted(&["--greets"])).await;
    assert_eq!(text(call("noise", json!({ "lines": 5000 })).send(&server).await).await, "done");
}

#[tokio::test]
async fn a_line_beyond_the_limit_fails_its_call_and_no_other() {
    let server = serving(scripted(&[]).max_line(100_000)).await;
    let text = error_of(&server, call("big", json!({ "bytes": 200_000 }))).await;
    assert!(text.contains("where at most 100000 are read (max_line)"), "{text}");
    assert_eq!(structured(&server, "count", json!({})).await["count"], 1);
}

#[tokio::test]
async fn more_requests_than_a_process_answers_at_once_are_refused() {
    let server = serving(scripted(&[]).max_pending(1)).await;
    let hanging = call("hang", json!({})).send(&server);
    tokio::select! {
        biased;
        _ = hanging => panic!("it hangs"),
        text = error_of(&server, call("count", json!({}))) => {
            assert!(text.contains("answers 1 requests already") && text.contains("max_pending"), "{text}");
        }
    }
}

#[tokio::test]
async fn the_end_of_the_server_ends_its_process_and_all_that_it_has_started() {
    for options in [&[][..], &["--stays"]] {
        let server = serving(scripted(options).stop_timeout(Duration::from_millis(200))).await;
        let process = structured(&server, "count", json!({})).await["pid"].clone();
        let grandchild = structured(&server, "spawn", json!({})).await["pid"].clone();
        assert!(runs(&process) && runs(&grandchild));
        let ended = watched(&grandchild);
        server.core().close_handler().await;
        assert!(!runs(&process), "it was waited for");
        ended.ended().await;
        let text = error_of(&server, call("count", json!({}))).await;
        assert!(text.contains("was stopped"), "{text}");
    }
}

#[tokio::test]
async fn a_server_that_is_dropped_leaves_no_process() {
    let server = serving(scripted(&[])).await;
    let process = structured(&server, "count", json!({})).await["pid"].clone();
    let ended = watched(&process);
    drop(server);
    ended.ended().await;
}

#[tokio::test]
async fn a_process_sees_what_is_listed_and_no_more() {
    let stdio = scripted(&[]).env("LISTED", "yes").pass_env(["CARGO_MANIFEST_DIR"]).cwd("/tmp");
    let seen = structured(&serving(stdio).await, "env", json!({})).await;
    assert_eq!((&seen["env"]["LISTED"], &seen["cwd"]), (&json!("yes"), &json!("/tmp")));
    assert!(seen["env"]["CARGO_MANIFEST_DIR"].is_string() && seen["env"]["PATH"].is_string());
    assert_eq!(seen["env"].get("CARGO_PKG_NAME"), None, "cargo sets it for this process");
}

#[tokio::test]
async fn a_server_that_fixes_its_era_with_the_first_message_is_asked_in_the_newer_one() {
    let server = serving(scripted(&["--speaks", "both"])).await;
    let received = result(call("echo", json!({})).send(&server).await).await["received"].clone();
    assert_eq!(received["_meta"]["io.modelcontextprotocol/protocolVersion"], "2026-07-28");
    // So is the next process of the command.
    error_of(&server, call("crash", json!({}))).await;
    let received = result(call("echo", json!({})).send(&server).await).await["received"].clone();
    assert_eq!(received["_meta"]["io.modelcontextprotocol/protocolVersion"], "2026-07-28");
}

#[tokio::test]
async fn revisions_from_2024_on_are_understood_and_others_named() {
    for version in ["2024-11-05", "2025-03-26", "2025-06-18"] {
        let server = serving(scripted(&["--speaks", version])).await;
        assert_eq!(structured(&server, "count", json!({})).await["count"], 1, "{version}");
    }
    let server = serving(scripted(&["--speaks", "1999-01-01"])).await;
    let text = error_of(&server, call("count", json!({}))).await;
    assert!(text.contains("with the version \"1999-01-01\""), "{text}");
}

#[tokio::test]
async fn a_process_is_started_with_the_first_call_where_that_is_chosen() {
    let server = serving(scripted(&[]).start(mcp_lambda_server::stdio::Start::FirstUse)).await;
    let discovered = result(stateless("server/discover", json!({})).send(&server).await).await;
    assert_eq!(
        discovered["capabilities"]["experimental"]["scripted"]["x"], 1,
        "what the process says: {discovered}"
    );
    assert_eq!(structured(&server, "count", json!({})).await["count"], 1);
}
