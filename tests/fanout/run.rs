//! One deployment: so many processes with so many streams each, and events at a rate.

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

/// The first seconds are not measured: new processes poll faster.
const WARM_UP: Duration = Duration::from_secs(10);
/// A process that has heard something looks ten times a second for some three seconds.
const LOOKS: f64 = 10.0;
/// The same while nothing happens.
const IDLE_UNITS: f64 = 0.4;
/// Where a partition should stay below.
const HEADROOM: f64 = 2_000.0;
/// Copies that one transaction can hold beside what else it writes, with room to spare.
const MOST_REPLICAS: usize = 64;

#[derive(Clone)]
struct Nothing;
impl ServerHandler for Nothing {}

pub(crate) struct Deployment {
    pub(crate) processes: usize,
    pub(crate) per_process: usize,
    pub(crate) rate: f64,
    pub(crate) replicas: usize,
    pub(crate) life: Duration,
}

/// What came of it.
pub(crate) struct Outcome {
    pub(crate) tally: Tally,
    /// From the call that publishes to each stream, sorted.
    pub(crate) latencies: Vec<Duration>,
    /// Of each publication, sorted.
    pub(crate) appends: Vec<Duration>,
    pub(crate) published: u64,
    pub(crate) refused: u64,
}

#[expect(clippy::cast_precision_loss, reason = "estimates")]
fn units(processes: usize, rate: f64, busy: f64) -> f64 {
    // Half a unit a poll; a unit for each four events a read finds, on pages of a hundred.
    let of_reads = rate.clamp(1.0, LOOKS) * (rate / LOOKS / 4.0).ceil().max(1.0);
    processes as f64 * (busy * (LOOKS / 2.0 + of_reads) + (1.0 - busy) * IDLE_UNITS)
}

/// As many copies as keep every partition below two thirds of what it bears in the seconds after an event, when
/// all processes are busy.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small number")]
pub(crate) fn replicas(processes: usize, rate: f64) -> usize {
    ((units(processes, rate, if rate > 0.0 { 1.0 } else { 0.0 }) / HEADROOM).ceil() as usize)
        .clamp(1, MOST_REPLICAS)
}

/// As much simulated time as so many polls buy.
#[expect(clippy::cast_precision_loss, reason = "estimates")]
pub(crate) fn affordable(processes: usize, rate: f64, polls: u64) -> Duration {
    let a_second = units(processes, rate, (rate * 3.0).min(1.0)).max(1.0);
    Duration::from_secs_f64((polls as f64 / a_second).clamp(5.0, 3600.0))
}

impl Deployment {
    pub(crate) fn run(&self) -> Result<Outcome, Box<dyn std::error::Error>> {
        let runtime = time_that_jumps()?;
        runtime.block_on(self.simulate())
    }

    async fn simulate(&self) -> Result<Outcome, Box<dyn std::error::Error>> {
        let began = Instant::now();
        let clock = Clock::manual(Timestamp(1_800_000_000_000));
        let database = Arc::new(Database::new(MemoryStore::new(clock.clone()), self.replicas));
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let (heard, latencies) = mpsc::unbounded_channel();
        let mut servers = Vec::with_capacity(self.processes);
        for process in 0..self.processes {
            let server = process_of(&database, process % self.replicas, began, &clock)?;
            for _ in 0..self.per_process {
                let mut stream = server.events().subscribe(EventFilter::default()).await?;
                let (heard, stop) = (heard.clone(), stop.clone());
                tasks.spawn(async move {
                    loop {
                        let event = tokio::select! {
                            () = stop.cancelled() => return,
                            event = stream.next() => event,
                        };
                        if let Ok(GlobalEvent::ExternalEvent { payload, .. }) = event {
                            let published = Duration::from_micros(payload.as_u64().unwrap_or_default());
                            if published >= WARM_UP {
                                let _ = heard.send(began.elapsed().saturating_sub(published));
                            }
                        }
                    }
                });
            }
            // Environments do not begin in step.
            if process % 64 == 63 {
                time::sleep(Duration::from_millis(5)).await;
            }
            servers.push(server);
        }
        drop(heard);
        let publisher = process_of(&database, 0, began, &clock)?;
        time::sleep(WARM_UP.saturating_sub(began.elapsed())).await;
        database.reset();
        let published = self.publish(&publisher, &tasks, began).await;
        let tally = database.tally();
        // What is on its way arrives.
        time::sleep(Duration::from_secs(5)).await;
        stop.cancel();
        tasks.close();
        tasks.wait().await;
        let mut outcome = Outcome { tally, latencies: drained(latencies), ..published };
        outcome.latencies.sort_unstable();
        Ok(outcome)
    }

    async fn publish(&self, publisher: &Server, tasks: &TaskTracker, began: Instant) -> Outcome {
        let end = Instant::now() + self.life;
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

/// A process as the runtime builds it, with a log of its own view.
fn process_of(
    database: &Arc<Database>,
    copy: usize,
    began: Instant,
    clock: &Clock,
) -> Result<Server, mcp_lambda_server::Error> {
    let client = Client { database: Arc::clone(database), copy, began };
    let stores = Stores { events: Arc::new(client), ..Stores::of(database.log.clone()) };
    let builder =
        McpLambdaServer::builder(Nothing).config(Config::default()).stores(stores).clock(clock.clone());
    builder.build().now_or_never().expect("a build that waits for nothing")
}

fn time_that_jumps() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()
}
