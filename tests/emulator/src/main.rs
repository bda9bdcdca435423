//! `lambda-emulator`: the emulator as a program, for scripts.

use std::{io, path::PathBuf, time::Duration};

use clap::{Parser, ValueEnum};
use lambda_emulator::{Acknowledge, Builder, Emulator, Ingress, Routing};
use serde_json::json;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::oneshot,
};

/// Runs a function's binary under Lambda's rules and prints one line of JSON when it can be reached.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The function's executable.
    #[arg(long)]
    binary: PathBuf,
    /// How many execution environments there may be.
    #[arg(long, default_value_t = 1)]
    environments: usize,
    /// Requests one environment serves at once; more than one as on Managed Instances.
    #[arg(long, default_value_t = 1)]
    concurrency: u32,
    /// Seconds an invocation may take.
    #[arg(long, default_value = "3", value_parser = seconds)]
    timeout: Duration,
    /// The ingress that `url` of the printed line leads to.
    #[arg(long, value_enum, default_value = "function-url")]
    ingress: Kind,
    /// The port of the ingress; 0 for any.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// A Function URL with the invoke mode BUFFERED.
    #[arg(long)]
    buffered: bool,
    /// A load balancer that sends multi-value headers.
    #[arg(long)]
    multi_value: bool,
    /// A variable of the function, as NAME=VALUE.
    #[arg(long, value_parser = variable)]
    env: Vec<(String, String)>,
    /// mru, round-robin, random:SEED, or spread: a new environment for each request until there are all, then in turn.
    #[arg(long, default_value = "mru", value_parser = route)]
    routing: Route,
    /// The port of the Invoke API and of commands; 0 for any.
    #[arg(long, default_value_t = 0)]
    control_port: u16,
    /// Requests that may wait when all environments are busy, instead of a 429.
    #[arg(long, default_value_t = 0)]
    queue: usize,
    /// The URL of an SQS queue whose messages trigger the function; its host serves the API of SQS.
    #[arg(long)]
    queue_trigger: Option<String>,
    /// How many messages of it are served at a time, each in an invocation of its own.
    #[arg(long, default_value_t = 2)]
    queue_concurrency: usize,
    /// `AWS_LAMBDA_FUNCTION_MEMORY_SIZE`.
    #[arg(long, default_value_t = 256)]
    memory: u32,
    /// `AWS_LAMBDA_FUNCTION_NAME`.
    #[arg(long, default_value = "function")]
    name: String,
    /// Let environments run between requests.
    #[arg(long)]
    no_freeze: bool,
    /// Leave acknowledgements to the kernel, which may delay them.
    #[arg(long)]
    kernel_acks: bool,
    /// End when standard input does.
    #[arg(long)]
    until_stdin_ends: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    FunctionUrl,
    Rest,
    RestStream,
    HttpApi,
    Alb,
}

#[derive(Clone, Copy, Debug)]
struct Route {
    routing: Routing,
    spread: bool,
}

impl Arguments {
    fn ingress(&self) -> Ingress {
        match self.ingress {
            Kind::FunctionUrl if self.buffered => Ingress::FunctionUrlBuffered,
            Kind::FunctionUrl => Ingress::FunctionUrl,
            Kind::Rest => Ingress::Rest,
            Kind::RestStream => Ingress::RestStream,
            Kind::HttpApi => Ingress::HttpApi,
            Kind::Alb if self.multi_value => Ingress::AlbMultiValue,
            Kind::Alb => Ingress::Alb,
        }
    }

    fn builder(&self) -> Builder {
        let builder = Emulator::builder()
            .binary(&self.binary)
            .function_name(&self.name)
            .environments(self.environments)
            .concurrency(self.concurrency)
            .timeout(self.timeout)
            .memory_mb(self.memory)
            .queue(self.queue)
            .routing(self.routing.routing)
            .spread(self.routing.spread)
            .freezing(!self.no_freeze)
            .port(self.ingress(), self.port)
            .control_port(self.control_port)
            .acknowledge(if self.kernel_acks { Acknowledge::Kernel } else { Acknowledge::AtOnce });
        let builder = match &self.queue_trigger {
            Some(url) => builder.queue_trigger(url, self.queue_concurrency),
            None => builder,
        };
        self.env.iter().fold(builder, |builder, (name, value)| builder.env(name, value))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    // Before the start, so that no signal is missed.
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let emulator = arguments.builder().start().await?;
    let ingresses: serde_json::Map<_, _> = Ingress::ALL
        .iter()
        .map(|ingress| (ingress.name().to_owned(), emulator.url(*ingress).into()))
        .collect();
    let ready = json!({
        "url": emulator.url(arguments.ingress()),
        "control": emulator.control_url(),
        "forward": emulator.forward_url(),
        "ingresses": ingresses,
    });
    println!("{ready}");
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        () = stdin_ends(), if arguments.until_stdin_ends => {}
    }
    emulator.shutdown().await;
    Ok(())
}

/// On a thread of its own, which does not keep the process from ending while it reads.
async fn stdin_ends() {
    let (ended, wait) = oneshot::channel();
    std::thread::spawn(move || {
        // An input that cannot be read counts as ended.
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        let _ = ended.send(());
    });
    let _ = wait.await;
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| format!("{text} is no number of seconds"))?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err(format!("{text} is not NAME=VALUE")),
    }
}

fn route(text: &str) -> Result<Route, String> {
    let (routing, spread) = match text {
        "mru" => (Routing::MostRecentlyUsed, false),
        "round-robin" => (Routing::RoundRobin, false),
        "spread" => (Routing::RoundRobin, true),
        _ => {
            let seed = text.strip_prefix("random:").and_then(|seed| seed.parse().ok());
            let seed =
                seed.ok_or_else(|| format!("{text} is not mru, round-robin, spread or random:SEED"))?;
            (Routing::Random { seed }, false)
        }
    };
    Ok(Route { routing, spread })
}
