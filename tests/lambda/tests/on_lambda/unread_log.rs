//! Logging cannot stop the server: its standard error is a pipe that is not read, or not fast enough.

use std::{
    io::{BufRead, BufReader},
    net::TcpStream,
    process::{Child, ChildStderr, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
};

use http::Method;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::json;
use test_support::transport::Http;

use crate::support::*;

/// Enough refusals that their lines fill the pipe and the queue many times.
const REQUESTS: usize = 4_000;

/// A server on a local address, and the rest of its log.
struct Server {
    process: Child,
    log: Option<BufReader<ChildStderr>>,
    url: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Starts the fixture, and reads its log up to the line that has its address.
fn start() -> Server {
    let mut process = Command::new(env!("CARGO_BIN_EXE_fixture-function"))
        .env_clear()
        .env("MCP_LISTEN", "127.0.0.1:0")
        .env("MCP_LOG_FORMAT", "json")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(process.stderr.take().unwrap());
    let url = loop {
        let mut line = String::new();
        assert!(log.read_line(&mut line).unwrap() > 0, "the process ended");
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        if line["message"] == "listening" {
            break line["url"].as_str().unwrap().trim_end_matches("/mcp").to_owned();
        }
    };
    Server { process, log: Some(log), url }
}

async fn refuse(server: &Server, requests: usize) {
    let http = Http(server.url.clone());
    for number in 0..requests {
        let path = format!("/mcp?{number}");
        let reply = McpRequest::of(Method::PUT).path(&path).send(&http).await;
        assert_eq!(reply.status, 405, "request {number}");
        reply.bytes().await;
    }
}

#[tokio::test]
async fn a_server_whose_log_is_not_read_answers_and_ends() {
    let mut server = start();
    refuse(&server, REQUESTS).await;
    kill(Pid::from_raw(server.process.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
    let mut ended = None;
    eventually("the end of the process", || {
        ended = server.process.try_wait().unwrap();
        ended.is_some()
    })
    .await;
    assert!(ended.unwrap().success(), "{ended:?}");
}

/// The standard library writes the text of a panic itself, and would wait for the reader.
#[tokio::test]
async fn a_tool_that_panics_while_the_log_is_not_read_is_answered() {
    let server = start();
    refuse(&server, REQUESTS).await;
    let http = Http(server.url.clone());
    for number in 0..20 {
        let reply = call("panic", json!({})).send(&http).await;
        assert_eq!(reply.json().await["error"]["code"], -32603, "call {number}");
    }
    assert_eq!(call("echo", json!({ "message": "on" })).send(&http).await.tool_text().await, "on");
}

/// The lines that are read and the numbers of dropped lines are together the lines that were written.
#[tokio::test]
async fn the_log_says_how_many_lines_were_dropped() {
    let mut server = start();
    refuse(&server, REQUESTS).await;
    let lines = Arc::new(Mutex::new(Vec::new()));
    let read = Arc::clone(&lines);
    let server_log = server.log.take().unwrap();
    thread::spawn(move || {
        for line in server_log.lines() {
            let line: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
            read.lock().unwrap().push(line);
        }
    });
    let counted = || {
        let lines = lines.lock().unwrap();
        let served = lines.iter().filter(|line| line["message"] == "served").count();
        let dropped: u64 = lines.iter().filter_map(|line| line["dropped"].as_u64()).sum();
        (served, usize::try_from(dropped).unwrap())
    };
    eventually("every line, or its number", || {
        let (served, dropped) = counted();
        served + dropped >= REQUESTS
    })
    .await;
    let (served, dropped) = counted();
    assert!(served > 100 && dropped > 100, "{served} lines, {dropped} dropped");
    // A few of the dropped lines are the warnings that requests are refused, one each second.
    assert!((REQUESTS..REQUESTS + 100).contains(&(served + dropped)), "{served} lines, {dropped} dropped");
    let lines = lines.lock().unwrap();
    let notice = lines.iter().find(|line| line["dropped"].is_u64()).unwrap();
    assert_eq!(notice["level"], "WARN");
    assert_eq!(notice["message"], format!("{} log lines were dropped", notice["dropped"]));
    assert!(notice["timestamp"].as_str().unwrap().ends_with('Z'), "{notice}");
}

/// A reader that is slow: more lines wait than its pipe takes, and none is dropped.
#[tokio::test]
async fn lines_that_wait_are_written_before_the_process_ends() {
    const WAITING: usize = 500;
    let mut server = start();
    refuse(&server, WAITING).await;
    kill(Pid::from_raw(server.process.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
    let address = server.url.trim_start_matches("http://").to_owned();
    eventually("the server has ended", || TcpStream::connect(&address).is_err()).await;
    let lines: Vec<_> = server.log.take().unwrap().lines().map(Result::unwrap).collect();
    let served = lines.iter().filter(|line| line.contains(r#""message":"served""#)).count();
    let bytes: usize = lines.iter().map(String::len).sum();
    assert!(bytes > 96 * 1024, "{bytes} bytes fit into the pipe");
    assert_eq!(served, WAITING);
}

/// One caller cannot fill the log with one refusal.
#[tokio::test]
async fn equal_refusals_are_a_warning_once_a_second_with_their_count() {
    let emulator = function().start().await.unwrap();
    for _ in 0..50 {
        let reply = McpRequest::of(Method::PUT).send_to(&emulator).await;
        assert_eq!(reply.status, 405);
    }
    eventually("fifty lines", || logged(&emulator, r#""message":"served""#) == 50).await;
    let warnings = logged(&emulator, "a request was refused");
    assert!((1..25).contains(&warnings), "{warnings} warnings");
    assert_eq!(logged(&emulator, "method not allowed here"), 50 + warnings);
}
