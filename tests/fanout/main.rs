//! `simulate-fanout`: how long an event takes to reach every stream, what the reads cost, and when a partition is full.
//!
//! The tail, the broadcast and the subscriptions of each process are those of the runtime. Simulated are the clock, which
//! jumps from one timer to the next, and DynamoDB: its latency, its billing, and the limits of a partition.

mod dynamodb;
mod report;
mod run;

use std::time::Duration;

use clap::Parser;
use run::Deployment;

/// Simulates deployments and prints a table.
#[derive(Debug, Parser)]
struct Arguments {
    /// Open streams.
    #[arg(long, value_delimiter = ',', default_value = "10,100,1000,10000,100000")]
    streams: Vec<usize>,
    /// Events per second.
    #[arg(long, value_delimiter = ',', default_value = "0,0.1,1,10,100,500,1000")]
    rates: Vec<f64>,
    /// Streams of one process: 1 on classic Lambda, more on Managed Instances.
    #[arg(long, value_delimiter = ',', default_value = "1,64")]
    per_process: Vec<usize>,
    /// `EVENT_FANOUT_REPLICAS`. Default: as many as are needed, up to 64.
    #[arg(long)]
    replicas: Option<usize>,
    /// Simulated seconds.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Number of polls after which a run is shortened, because they take real time.
    #[arg(long, default_value_t = 3_000_000)]
    polls: u64,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    report::head();
    for per_process in &arguments.per_process {
        for streams in arguments.streams.iter().filter(|streams| *streams >= per_process || *per_process == 1)
        {
            for rate in &arguments.rates {
                let processes = streams.div_ceil(*per_process);
                let replicas = arguments.replicas.unwrap_or_else(|| run::replicas(processes, *rate));
                let duration = run::affordable(processes, *rate, arguments.polls)
                    .min(Duration::from_secs(arguments.seconds));
                let deployment =
                    Deployment { processes, per_process: *per_process, rate: *rate, replicas, duration };
                report::line(&deployment, &deployment.run()?);
            }
        }
    }
    Ok(())
}
