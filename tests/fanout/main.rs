//! `simulate-fanout`: how long an event takes to reach every stream, what that reads, and when a partition is full.
//!
//! What runs is the runtime's own: the log's trait, the tail of each process, its broadcast and its subscriptions. What
//! is simulated is the clock, which jumps from one thing that happens to the next, and DynamoDB: how long it takes,
//! what it bills, and how much one partition bears before it throttles.

mod dynamodb;
mod report;
mod run;

use std::time::Duration;

use clap::Parser;
use run::Deployment;

/// Runs one deployment after another and prints a table.
#[derive(Debug, Parser)]
struct Arguments {
    /// Open streams.
    #[arg(long, value_delimiter = ',', default_value = "10,100,1000,10000,100000")]
    streams: Vec<usize>,
    /// Events a second.
    #[arg(long, value_delimiter = ',', default_value = "0,0.1,1,10,100,500,1000")]
    rates: Vec<f64>,
    /// Streams of one process: 1 as on classic Lambda, more as on Managed Instances.
    #[arg(long, value_delimiter = ',', default_value = "1,64")]
    per_process: Vec<usize>,
    /// `EVENT_FANOUT_REPLICAS`; as many as are needed, up to 64, if left out.
    #[arg(long)]
    replicas: Option<usize>,
    /// Simulated seconds.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Polls after which a run is shortened: they are what costs real time.
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
                let life = run::affordable(processes, *rate, arguments.polls)
                    .min(Duration::from_secs(arguments.seconds));
                let deployment =
                    Deployment { processes, per_process: *per_process, rate: *rate, replicas, life };
                report::line(&deployment, &deployment.run()?);
            }
        }
    }
    Ok(())
}
