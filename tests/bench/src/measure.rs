//! The measurements. All targets take turns in each round, and each round begins with another one: a neighbour on the
//! machine disturbs them alike.

use std::time::Duration;

use crate::{
    clock,
    connection::Acknowledge,
    cpus::Cpus,
    environment::{Environment, EnvironmentError, Target},
    event::{self, Event},
    stats::Series,
};

/// Invocations at the start of a turn that do not count: the caches still hold the neighbour's data.
const UNCOUNTED: usize = 10;

/// The number of measurements.
#[derive(Clone, Copy)]
pub(crate) struct Extent {
    /// Rounds of each measurement.
    pub(crate) rounds: usize,
    /// Invocations of each target in a round.
    pub(crate) block: usize,
    pub(crate) cpus: Cpus,
}

/// A target while it is warm.
#[derive(Default)]
pub(crate) struct Warm {
    /// Microseconds from event to last byte.
    pub(crate) latency: Series,
    /// Microseconds of CPU an invocation.
    pub(crate) cpu: Series,
    /// Bytes after the last invocation.
    pub(crate) rss: u64,
}

/// A target while it starts.
#[derive(Default)]
pub(crate) struct Cold {
    /// Microseconds from before the process to its first request for an event.
    pub(crate) init: Series,
    /// Microseconds from the first event to the last byte of its answer.
    pub(crate) first: Series,
}

/// Answers of running environments, one result a target.
pub(crate) fn warm(
    targets: &[Target],
    event: &Event,
    acknowledge: Acknowledge,
    extent: Extent,
) -> Result<Vec<Warm>, EnvironmentError> {
    let start = |target| Environment::start(target, extent.cpus, acknowledge);
    let mut environments = targets.iter().map(start).collect::<Result<Vec<_>, _>>()?;
    let mut results: Vec<Warm> = targets.iter().map(|_| Warm::default()).collect();
    for round in 0..extent.rounds {
        for at in turns(round, targets.len()) {
            let (environment, result) = (&mut environments[at], &mut results[at]);
            let uncounted = UNCOUNTED.min(extent.block);
            for _ in 0..uncounted {
                environment.invoke(event)?;
            }
            let before = environment.cpu()?;
            let mut samples = Vec::with_capacity(extent.block);
            for _ in 0..extent.block {
                samples.push(micros(environment.invoke(event)?.latency));
            }
            let cpu = environment.cpu()?.saturating_sub(before);
            result.cpu.round(vec![micros(cpu) / samples.len().max(1) as f64]);
            result.latency.round(samples);
        }
    }
    for (environment, result) in environments.iter().zip(&mut results) {
        result.rss = environment.rss()?;
    }
    Ok(results)
}

/// New environments and their first answers, one result a target.
pub(crate) fn cold(targets: &[Target], event: &Event, extent: Extent) -> Result<Vec<Cold>, EnvironmentError> {
    let mut results: Vec<Cold> = targets.iter().map(|_| Cold::default()).collect();
    for round in 0..extent.rounds {
        for at in turns(round, targets.len()) {
            let start = || Environment::start(&targets[at], extent.cpus, Acknowledge::AtOnce);
            // One that does not count goes before: two targets are one binary, and would find its pages at hand.
            drop(start()?);
            let mut environment = start()?;
            let first = environment.invoke(event)?.latency;
            results[at].init.round(vec![micros(environment.init)]);
            results[at].first.round(vec![micros(first)]);
        }
    }
    Ok(results)
}

/// Microseconds from a tool's progress notification to its arrival, one result a target.
pub(crate) fn progress(targets: &[Target], extent: Extent) -> Result<Vec<Series>, EnvironmentError> {
    let event = event::progress();
    let start = |target| Environment::start(target, extent.cpus, Acknowledge::AtOnce);
    let mut environments = targets.iter().map(start).collect::<Result<Vec<_>, _>>()?;
    let mut results: Vec<Series> = targets.iter().map(|_| Series::default()).collect();
    for round in 0..extent.rounds {
        for at in turns(round, targets.len()) {
            let mut samples = Vec::new();
            for _ in 0..extent.block {
                let answer = environments[at].invoke(&event)?;
                for (end, sent_ns) in sent(&answer.body) {
                    let arrival = answer.arrivals.iter().find(|arrival| arrival.length >= end);
                    let delay = arrival.map(|arrival| arrival.wall_ns.saturating_sub(sent_ns));
                    samples.extend(delay.map(|ns| ns as f64 / 1000.0));
                }
            }
            results[at].round(samples);
        }
    }
    Ok(results)
}

/// The progress notifications of the tool: the position of each in the body, and the time in it.
fn sent(body: &[u8]) -> Vec<(usize, u128)> {
    const MARK: &[u8] = b"sent at ";
    let finds = memchr::memmem::find_iter(body, MARK).map(|at| at + MARK.len());
    let found = finds.filter_map(|at| {
        let digits = body[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let number = std::str::from_utf8(&body[at..at + digits]).ok()?.parse().ok()?;
        Some((at + digits, number))
    });
    found.collect()
}

/// The order of a round.
fn turns(round: usize, targets: usize) -> impl Iterator<Item = usize> {
    (0..targets).map(move |turn| (turn + round) % targets)
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

/// Runs a measurement and says how long it took.
pub(crate) fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let start = clock::now();
    let result = work();
    eprintln!("measured {what} in {:.1} s", clock::now().duration_since(start).as_secs_f64());
    result
}
