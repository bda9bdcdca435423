//! The emulator as a program.

use std::process::Stdio;

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};

use crate::support::*;

async fn run(arguments: &[&str]) -> (Child, Value) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_lambda-emulator"))
        .arg("--binary")
        .arg(bare_function())
        .args(["--env", "FUNCTION=buffered"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut line = String::new();
    let stdout = program.stdout.take().unwrap();
    timeout(SOON, BufReader::new(stdout).read_line(&mut line)).await.expect("not ready").unwrap();
    (program, serde_json::from_str(&line).unwrap())
}

async fn pids(ready: &Value) -> Vec<u32> {
    let listed = get(format!("{}/environments", ready["control"].as_str().unwrap())).await.json().await;
    listed.as_array().unwrap().iter().map(|one| one["pid"].as_u64().unwrap() as u32).collect()
}

/// The program with two environments, both asleep.
async fn running() -> (Child, Vec<u32>) {
    let (program, ready) =
        run(&["--ingress", "http-api", "--environments", "2", "--routing", "spread"]).await;
    for _ in 0..2 {
        assert_eq!(get(ready["url"].as_str().unwrap()).await.status, 200);
    }
    let pids = pids(&ready).await;
    assert_eq!(pids.len(), 2);
    for pid in &pids {
        frozen(*pid).await;
    }
    (program, pids)
}

#[tokio::test]
async fn it_prints_its_addresses_and_ends_every_process_on_sigterm() {
    let (mut program, pids) = running().await;
    kill(Pid::from_raw(program.id().unwrap() as i32), Signal::SIGTERM).unwrap();
    assert!(timeout(SOON, program.wait()).await.unwrap().unwrap().success());
    assert!(pids.iter().all(|pid| process_state(*pid).is_none()));
}

#[tokio::test]
async fn killed_it_leaves_no_process_behind_either() {
    let (mut program, pids) = running().await;
    program.kill().await.unwrap();
    for pid in pids {
        gone(pid).await;
    }
}

#[tokio::test]
async fn killed_it_leaves_no_process_behind_that_was_awake() {
    let (mut program, ready) = run(&["--no-freeze"]).await;
    assert_eq!(get(ready["url"].as_str().unwrap()).await.status, 200);
    let pids = pids(&ready).await;
    program.kill().await.unwrap();
    gone(pids[0]).await;
}

#[tokio::test]
async fn it_ends_with_its_input_if_that_is_switched_on() {
    let (mut program, ready) = run(&["--until-stdin-ends", "--ingress", "alb", "--multi-value"]).await;
    assert_eq!(ready["url"], ready["ingresses"]["alb-multi-value"]);
    drop(program.stdin.take());
    assert!(timeout(SOON, program.wait()).await.unwrap().unwrap().success());
}

#[tokio::test]
async fn it_refuses_arguments_it_does_not_understand() {
    for bad in [["--routing", "nearest"], ["--timeout", "-1"], ["--env", "NAME"], ["--environments", "0"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lambda-emulator"));
        let output = command.arg("--binary").arg(bare_function()).args(bad).output().await.unwrap();
        assert!(!output.status.success(), "{bad:?}");
    }
}
