//! Sends requests as a load wants them, and measures.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};

use super::{
    measured::Measured,
    work::{Outcome, Work},
};
use crate::check::Http;

/// How many seconds are counted one by one.
const SECONDS: usize = 86_400;
/// How many kinds of failures are counted one by one.
const KINDS: usize = 32;

/// How much is asked, and how fast.
#[derive(Debug, Clone)]
pub struct Load {
    /// How many requests. `None`: until the duration is over; 100 if that is `None` too. Default: `None`.
    pub requests: Option<u64>,
    /// For how long requests begin. Default: `None`, until all requests have begun.
    pub duration: Option<Duration>,
    /// How many requests may run at the same time. Default: 10.
    pub concurrency: usize,
    /// How many requests are to begin in each second. Default: `None`, each when another has ended.
    pub rate: Option<f64>,
    /// How long one request may take. Default: 30 seconds.
    pub timeout: Duration,
}

impl Default for Load {
    fn default() -> Self {
        Self { requests: None, duration: None, concurrency: 10, rate: None, timeout: Duration::from_secs(30) }
    }
}

impl Load {
    /// How many requests are to begin at all, if that is known.
    pub(crate) fn planned(&self) -> Option<u64> {
        let of_time = match (self.duration, self.rate) {
            (Some(duration), Some(rate)) => Some(whole(duration.as_secs_f64() * rate)),
            (Some(_), None) => None,
            (None, _) => Some(self.requests.unwrap_or(100)),
        };
        match (of_time, self.requests) {
            (Some(planned), Some(most)) => Some(planned.min(most)),
            (planned, most) => planned.or(most),
        }
    }
}

/// How far a measurement has come.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// How many requests have ended.
    pub ended: u64,
    /// How many of them failed.
    pub failed: u64,
    /// The latency of the request that ended last. `None` if it failed.
    pub latency: Option<Duration>,
}

/// What the workers of one measurement share.
struct Run {
    http: Arc<dyn Http>,
    work: Work,
    load: Load,
    began: Instant,
    next: AtomicU64,
    measured: Mutex<Measured>,
}

/// Measures a server under a load. Calls `seen` after each request.
pub async fn measure(
    http: Arc<dyn Http>,
    work: &Work,
    load: &Load,
    seen: impl Fn(Progress) + Send + Sync + 'static,
) -> Measured {
    let measured = Measured {
        title: work.title(),
        rate: load.rate,
        concurrency: load.concurrency.max(1),
        ..Measured::default()
    };
    let run = Arc::new(Run {
        http,
        work: work.clone(),
        load: load.clone(),
        began: Instant::now(),
        next: AtomicU64::new(0),
        measured: Mutex::new(measured),
    });
    let seen = Arc::new(seen);
    let mut workers = JoinSet::new();
    for _ in 0..load.concurrency.max(1) {
        let (run, seen) = (Arc::clone(&run), Arc::clone(&seen));
        workers.spawn(async move {
            while let Some(progress) = run.one().await {
                seen(progress);
            }
        });
    }
    while workers.join_next().await.is_some() {}
    let mut measured = run.lock().clone();
    measured.seconds = run.began.elapsed().as_secs_f64();
    measured.unsent = run.unsent(measured.requests);
    measured
}

impl Run {
    fn lock(&self) -> std::sync::MutexGuard<'_, Measured> {
        self.measured.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When the next request is to begin; `None` when none is.
    fn begin(&self) -> Option<(u64, Instant)> {
        let at = self.next.fetch_add(1, Ordering::Relaxed);
        if self.load.planned().is_some_and(|planned| at >= planned) {
            return None;
        }
        let now = Instant::now();
        // A server that cannot keep up gets the time of one request more to answer those that wait.
        let end = self.load.duration.map(|duration| self.began + duration);
        let Some(rate) = self.load.rate else {
            return end.is_none_or(|end| now < end).then_some((at, now));
        };
        let intended = self.began + Duration::from_secs_f64(at as f64 / rate.max(f64::MIN_POSITIVE));
        end.is_none_or(|end| now < end + self.load.timeout).then_some((at, intended))
    }

    async fn one(&self) -> Option<Progress> {
        let (id, intended) = self.begin()?;
        sleep_until(intended).await;
        let sent = Instant::now();
        let outcome = self.work.send(&*self.http, id, self.load.timeout).await;
        Some(self.record(intended, sent, Instant::now(), outcome))
    }

    fn record(&self, intended: Instant, sent: Instant, ended: Instant, outcome: Outcome) -> Progress {
        let mut measured = self.lock();
        measured.requests += 1;
        let second = usize::try_from((ended - self.began).as_secs()).unwrap_or(SECONDS);
        if second < SECONDS {
            if measured.each_second.len() <= second {
                measured.each_second.resize(second + 1, 0);
            }
            measured.each_second[second] += 1;
        }
        let latency = ended - intended;
        let is_success = outcome.failure.is_none();
        match outcome.failure {
            Some(kind) => {
                let is_new = !measured.failures.contains_key(&kind);
                let kind = if is_new && measured.failures.len() >= KINDS { "other".to_owned() } else { kind };
                *measured.failures.entry(kind).or_default() += 1;
            }
            None => {
                measured.succeeded += 1;
                measured.latency.add(latency);
                measured.service.add(ended - sent);
                if let Some(first) = outcome.first {
                    measured.first_event.add(first - intended);
                }
                match outcome.is_cold {
                    Some(true) => measured.cold.add(latency),
                    Some(false) => measured.warm += 1,
                    None => {}
                }
            }
        }
        Progress {
            ended: measured.requests,
            failed: measured.requests - measured.succeeded,
            latency: is_success.then_some(latency),
        }
    }

    fn unsent(&self, requests: u64) -> u64 {
        self.load.rate.and_then(|_| self.load.planned()).map_or(0, |planned| planned.saturating_sub(requests))
    }
}

fn whole(count: f64) -> u64 {
    count.max(0.0).round() as u64
}
