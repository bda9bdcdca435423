//! The program as a process, files for it, and the servers that it runs.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf, process::Stdio, time::Duration};

use lambda_emulator::{Answer, Outcome};
use serde_json::Value;
use test_support::{transport::Http, waiting::SOON};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStderr, Command},
    time::timeout,
};

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_mcp-lambda-stdio");
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
/// A process of Node.js or Python starts, and a machine may be busy.
const START: Duration = Duration::from_secs(30);

/// The command of `@modelcontextprotocol/server-everything` of npm.
pub(crate) fn everything() -> [&'static str; 2] {
    [
        "node",
        concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../node_modules/@modelcontextprotocol/server-everything/dist/index.js"
        ),
    ]
}

/// The command of `mcp-server-time` of PyPI.
pub(crate) fn time() -> [&'static str; 3] {
    [concat!(env!("CARGO_MANIFEST_DIR"), "/../../.venv/bin/python"), "-m", "mcp_server_time"]
}

/// The program, while it serves on a free port.
pub(crate) struct Program {
    pub(crate) server: Http,
    child: Child,
    _errors: Lines<BufReader<ChildStderr>>,
}

impl Program {
    pub(crate) async fn start(arguments: &[&str]) -> Self {
        Self::start_with(arguments, &[]).await
    }

    pub(crate) async fn start_with(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut child = command(&[&["--listen", "127.0.0.1:0"][..], arguments].concat())
            .envs(variables.iter().copied())
            .env("MCP_LOG_FORMAT", "json")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut errors = BufReader::new(child.stderr.take().unwrap()).lines();
        let url = timeout(START, async {
            let mut seen = Vec::new();
            while let Some(line) = errors.next_line().await.unwrap() {
                let line: Value = serde_json::from_str(&line).unwrap_or(Value::String(line));
                if line["message"] == "listening" {
                    return line["url"].as_str().unwrap().to_owned();
                }
                seen.push(line);
            }
            panic!("it has ended: {seen:#?}")
        });
        let url = url.await.expect("it listens in time");
        Self { server: Http(url.replace("/mcp", "")), child, _errors: errors }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id().unwrap()
    }

    /// The first process that the program has started.
    pub(crate) fn child_of_program(&self) -> u32 {
        let pid = self.pid();
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
        let of_threads =
            threads.filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("children")).ok());
        let all = of_threads.fold(children, |all, more| format!("{all} {more}"));
        all.split_whitespace().next().expect("a process of the server").parse().unwrap()
    }

    /// Asks it to stop, as a terminal does. Returns its exit code.
    pub(crate) async fn stop(mut self) -> Option<i32> {
        let pid = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().await.unwrap().success());
        timeout(SOON, self.child.wait()).await.expect("it ends in time").unwrap().code()
    }
}

/// What a run of the program that ends by itself has printed.
pub(crate) struct Output {
    pub(crate) code: Option<i32>,
    pub(crate) text: String,
    pub(crate) errors: String,
}

pub(crate) async fn run(arguments: &[&str]) -> Output {
    let output = timeout(START, command(arguments).output()).await.expect("it ends by itself").unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Output { code: output.status.code(), text: text(output.stdout), errors: text(output.stderr) }
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).current_dir(ROOT).stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// The JSON of an invocation that has succeeded.
pub(crate) async fn whole(answer: Answer) -> Value {
    match answer.outcome {
        Outcome::Buffered(payload) => serde_json::from_slice(&payload).unwrap(),
        Outcome::Failed(error) => panic!("{}: {}", error.kind, String::from_utf8_lossy(&error.payload)),
        Outcome::Streaming(_) => panic!("a stream"),
    }
}

/// A folder of a test, which is removed with it.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let folder =
            PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    pub(crate) fn path(&self) -> String {
        self.0.to_str().unwrap().to_owned()
    }

    /// Writes a file, and returns its path.
    pub(crate) fn file(&self, name: &str, content: &Value) -> String {
        let path = self.0.join(name);
        fs::write(&path, content.to_string()).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Writes a shell script, and returns its path.
    pub(crate) fn script(&self, name: &str, content: &str) -> String {
        let path = self.0.join(name);
        fs::write(&path, format!("#!/bin/sh\n{content}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A test that failed has said why; what is left lies in the build folder.
        let _ = fs::remove_dir_all(&self.0);
    }
}
