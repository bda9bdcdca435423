//! One deployment: a number of processes with a number of streams each, and events at a rate.

use std::{sync::Arc, time::Duration};

use futures::FutureExt;
use mcp_lambda_server::{
    Clock, Config, McpLambdaServer, MemoryStore, Server, Stores,
    events::{EventFilter, GlobalEvent},
    time::Timestamp,
};
use rmcp::ServerHandler;
use serde_json::json;
use tokio::{
    sync::mpsc,
    time::{self, Instant},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::dynamodb::{Client, Database, Tally};

/// The first seconds are not measured: every process polls at the pace of its start.
const WARM_UP: Duration = Duration::from_secs(10);
/// Polls per second of a process in the three seconds after an event.
const POLLS: f64 = 10.0;
/// Read units per second of a process without events.
const IDLE_UNITS: f64 = 0.4;
/// Read units per second that a partition should not exceed.
const HEADROOM: f64 = 2_000.0;
/// Replicas that fit into one transaction with the other items of an event, with room to spare.
const MAX_REPLICAS: usize = 64;

#[derive(Clone)]
struct Nothing;
impl ServerHandler for Nothing {}

pub(crate) struct Deployment {
    pub(crate) processes: usize,
    pub(crate) per_process: usize,
    pub(crate) rate: f64,
    pub(crate) replicas: usize,
    pub(crate) duration: Duration,
}

/// The result of a run.
pub(crate) struct Outcome {
    pub(crate) tally: Tally,
    /// Times from the call that publishes to each stream, sorted.
    pub(crate) latencies: Vec<Duration>,
    /// Time of each append, sorted.
    pub(crate) appends: Vec<Duration>,
    pub(crate) published: u64,
    pub(crate) refused: u64,
}

#[expect(clippy::cast_precision_loss, reason = "estimates")]
fn units(processes: usize, rate: f64, busy: f64) -> f64 {
    // Half a unit for each poll, and a unit for each four events of a read.
    let of_reads = rate.clamp(1.0, POLLS) * (rate / POLLS / 4.0).ceil().max(1.0);
    processes as f64 * (busy * (POLLS / 2.0 + of_reads) + (1.0 - busy) * IDLE_UNITS)
}

/// Returns the number of replicas that keeps every partition below two thirds of its limit in the seconds after an event,
/// when every process is busy.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small number")]
pub(crate) fn replicas(processes: usize, rate: f64) -> usize {
    ((units(processes, rate, if rate > 0.0 { 1.0 } else { 0.0 }) / HEADROOM).ceil() as usize)
        .clamp(1, MAX_REPLICAS)
}

/// Returns the simulated time in which a number of polls is made.
#[expect(clippy::cast_precision_loss, reason = "estimates")]
pub(crate) fn affordable(processes: usize, rate: f64, polls: u64) -> Duration {
    let per_second = units(processes, rate, (rate * 3.0).min(1.0)).max(1.0);
    Duration::from_secs_f64((polls as f64 / per_second).clamp(5.0, 3600.0))
}

impl Deployment {
    pub(crate) fn run(&self) -> Result<Outcome, Box<dyn std::error::Error>> {
        let runtime = paused_runtime()?;
        runtime.block_on(self.simulate())
    }

    async fn simulate(&self) -> Result<Outcome, Box<dyn std::error::Error>> {
        let began = Instant::now();
        let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
        let database = Arc::new(Database::new(MemoryStore::new(clock.clone()), self.replicas));
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let (received, latencies) = mpsc::unbounded_channel();
        let mut servers = Vec::with_capacity(self.processes);
        for process in 0..self.processes {
            let server = process_of(&database, process % self.replicas, began, &clock)?;
            for _ in 0..self.per_process {
                let mut stream = server.events().subscribe(EventFilter::default()).await?;
                let (received, stop) = (received.clone(), stop.clone());
                tasks.spawn(async move {
                    loop {
                        let event = tokio::select! {
                            () = stop.cancelled() => return,
                            event = stream.next() => event,
                        };
                        if let Ok(GlobalEvent::ExternalEvent { payload, .. }) = event {
                            let published = Duration::from_micros(payload.as_u64().unwrap_or_default());
                            if published >= WARM_UP {
                                let _ = received.send(began.elapsed().saturating_sub(published));
                            }
                        }
                    }
                });
            }
            // Environments do not start in step.
            if process % 64 == 63 {
                time::sleep(Duration::from_millis(5)).await;
            }
            servers.push(server);
        }
        drop(received);
        let publisher = process_of(&database, 0, began, &clock)?;
        time::sleep(WARM_UP.saturating_sub(began.elapsed())).await;
        database.reset();
        let published = self.publish(&publisher, &tasks, began).await;
        let tally = database.tally();
        // Time for the last events to arrive.
        time::sleep(Duration::from_secs(5)).await;
        stop.cancel();
        tasks.close();
        tasks.wait().await;
        let mut outcome = Outcome { tally, latencies: drained(latencies), ..published };
        outcome.latencies.sort_unstable();
        Ok(outcome)
    }

    async fn publish(&self, publisher: &Server, tasks: &TaskTracker, began: Instant) -> Outcome {
        let end = Instant::now() + self.duration;
        let (done, outcomes) = mpsc::unbounded_channel();
        let (mut published, mut refused) = (0, 0);
        if self.rate > 0.0 {
            let mut ticks = time::interval(Duration::from_secs_f64(1.0 / self.rate));
            while Instant::now() < end {
                tokio::select! {
                    _ = ticks.tick() => {}
                    () = time::sleep_until(end) => break,
                }
                published += 1;
                let (events, done) = (publisher.events().clone(), done.clone());
                tasks.spawn(async move {
                    let at = began.elapsed();
                    let micros = u64::try_from(at.as_micros()).unwrap_or(u64::MAX);
                    let event = GlobalEvent::external_event("simulation", "tick", json!(micros));
                    let appended = events.broadcast_global_event(event).await;
                    let _ = done.send(appended.is_ok().then(|| began.elapsed().saturating_sub(at)));
                });
            }
        } else {
            time::sleep_until(end).await;
        }
        drop(done);
        let mut appends = Vec::new();
        for appended in drained(outcomes) {
            match appended {
                Some(took) => appends.push(took),
                None => refused += 1,
            }
        }
        appends.sort_unstable();
        Outcome { tally: Tally::default(), latencies: Vec::new(), appends, published, refused }
    }
}

fn drained<T>(mut channel: mpsc::UnboundedReceiver<T>) -> Vec<T> {
    std::iter::from_fn(|| channel.try_recv().ok()).collect()
}

/// Builds the server of a process. Its log reads one replica.
fn process_of(
    database: &Arc<Database>,
    replica: usize,
    began: Instant,
    clock: &Clock,
) -> Result<Server, mcp_lambda_server::Error> {
    let client = Client { database: Arc::clone(database), replica, began };
    let stores = Stores::of(database.log.clone()).with_events(Arc::new(client));
    let builder =
        McpLambdaServer::builder(Nothing).config(Config::default()).stores(stores).clock(clock.clone());
    builder.build().now_or_never().expect("a build without a wait")
}

fn paused_runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()
}
