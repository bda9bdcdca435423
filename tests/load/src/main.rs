//! Calls MCP servers over many connections: `scripts/load` starts the servers and runs it.
//!
//! Without `--soak` it calls `echo` of each server in turn, with each number of connections, and prints calls per second.
//! With `--soak` it sends the first server a mix of requests for some time, and watches its memory.

mod connection;
mod request;
mod soak;
mod throughput;

use std::{error::Error, fs, net::SocketAddr, process::ExitCode, time::Duration};

use clap::Parser;

use crate::request::Endpoint;

/// Calls MCP servers over many connections.
#[derive(Parser)]
struct Arguments {
    /// A server: its label, address, path, process id, and `2026` or `2025`, the era of its calls.
    #[arg(long = "server", value_name = "LABEL,ADDRESS,PATH,PID,ERA", required = true)]
    servers: Vec<String>,
    /// Numbers of connections.
    #[arg(long, value_delimiter = ',', default_value = "1,32,256")]
    connections: Vec<usize>,
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// Measurements of each server and number of connections, in turn.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Sends a mix of requests to the first server for this many seconds instead.
    #[arg(long)]
    soak: Option<u64>,
    /// CPU of the clients.
    #[arg(long, default_value_t = 0)]
    cpu: usize,
}

/// A server that runs.
#[derive(Clone)]
struct Server {
    label: String,
    address: SocketAddr,
    endpoint: Endpoint,
    process: i32,
    is_stateless: bool,
}

impl Server {
    fn parse(text: &str) -> Result<Self, Box<dyn Error>> {
        let parts: Vec<_> = text.split(',').collect();
        let [label, address, path, process, era] = parts[..] else {
            return Err(format!("--server {text}: expected LABEL,ADDRESS,PATH,PID,ERA").into());
        };
        Ok(Self {
            label: label.to_owned(),
            address: address.parse()?,
            endpoint: Endpoint { host: address.to_owned(), path: path.to_owned() },
            process: process.parse()?,
            is_stateless: era == "2026",
        })
    }

    /// Its resident memory, in MB.
    fn resident(&self) -> Option<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kilobytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kilobytes / 1024.0)
    }
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
    let servers: Vec<_> =
        arguments.servers.iter().map(|text| Server::parse(text)).collect::<Result<_, _>>()?;
    let mut own = nix::sched::CpuSet::new();
    own.set(arguments.cpu)?;
    nix::sched::sched_setaffinity(nix::unistd::Pid::from_raw(0), &own)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match arguments.soak {
        Some(seconds) => runtime.block_on(soak::run(&servers[0], Duration::from_secs(seconds))),
        None => runtime.block_on(throughput::run(
            &servers,
            &arguments.connections,
            Duration::from_secs(arguments.seconds),
            arguments.rounds,
        )),
    }
}
