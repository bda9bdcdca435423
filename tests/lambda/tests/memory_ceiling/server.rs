//! The server under test: a process with a local address.

use std::{net::SocketAddr, process::Stdio};

use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    process::{Child, Command},
    task::JoinSet,
};

use crate::action::call;

pub(crate) struct Server {
    process: Child,
    pub(crate) address: SocketAddr,
    /// Reads the log, so that its pipe does not fill.
    _log: JoinSet<()>,
}

impl Server {
    pub(crate) async fn start(variables: &[(&str, &str)]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_fixture-function"))
            .env_clear()
            .env("MCP_LISTEN", "127.0.0.1:0")
            .envs(variables.iter().copied())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("started");
        let mut lines = BufReader::new(process.stderr.take().expect("a pipe")).lines();
        let address = loop {
            let line = lines.next_line().await.expect("read").expect("it listens");
            if let Some((_, rest)) = line.split_once("http://") {
                let address = rest.split('/').next().expect("an address");
                break address.parse().expect("an address");
            }
        };
        let mut reader = JoinSet::new();
        reader.spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { process, address, _log: reader }
    }

    pub(crate) fn resident_mb(&self) -> f64 {
        let id = self.process.id().expect("it runs");
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("a running process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
        let kilobytes: f64 = line.trim().trim_end_matches("kB").trim().parse().expect("a number");
        kilobytes / 1024.0
    }

    /// An ordinary call of another client is answered while, or right after, a mix runs.
    pub(crate) async fn assert_serves(&self) {
        let mut socket = TcpStream::connect(self.address).await.expect("connected");
        let request = call("echo", &json!({ "message": "still here" }).to_string(), "{}");
        let request = String::from_utf8(request).expect("text");
        let request = request.replacen("\r\n", "\r\nconnection: close\r\n", 1);
        socket.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.expect("an answer");
        assert!(answer.contains("still here"), "{answer}");
    }
}
