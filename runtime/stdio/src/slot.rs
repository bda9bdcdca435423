//! The place of one child: at most one runs in it, and it is started again when it has ended.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::{
    child::{Child, ChildParts, StartError},
    pool::{Pool, Wanted},
};

/// A child that ran for so long was sound: its end is no failed start.
const SOUND: Duration = Duration::from_secs(10);
/// The pause after the first failed start. It doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// The longest pause that a call waits for. Where more is left, it fails with the reason.
const PATIENCE: Duration = Duration::from_secs(1);

type Starting = Shared<BoxFuture<'static, Result<Arc<Child>, StartError>>>;

#[derive(Debug)]
pub(crate) struct Slot {
    wanted: Wanted,
    users: AtomicUsize,
    state: Mutex<State>,
    stop: CancellationToken,
}

#[derive(Debug)]
struct State {
    start: Option<Starting>,
    began: Instant,
    used: Instant,
    /// How many children have failed one after the other, and the reason of the last one.
    failures: u32,
    reason: Option<StartError>,
}

impl Slot {
    pub(crate) fn new(wanted: Wanted, stop: CancellationToken) -> Self {
        let now = Instant::now();
        let state = State { start: None, began: now, used: now, failures: 0, reason: None };
        Self { wanted, users: AtomicUsize::new(0), state: Mutex::new(state), stop }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The child that runs.
    pub(crate) fn running(&self) -> Option<Arc<Child>> {
        let child = self.state().start.as_ref()?.peek()?.as_ref().ok()?.clone();
        child.link.is_open().then_some(child)
    }

    /// The child. All who want it wait for one start, which goes on when they leave.
    pub(crate) async fn child(&self, pool: &Pool) -> Result<Arc<Child>, StartError> {
        let starting = self.starting(pool)?;
        starting.await
    }

    fn starting(&self, pool: &Pool) -> Result<Starting, StartError> {
        let mut state = self.state();
        if let Some(start) = state.start.take() {
            match start.peek() {
                None => return Ok(state.start.insert(start).clone()),
                Some(Ok(child)) if child.link.is_open() => return Ok(state.start.insert(start).clone()),
                Some(Ok(child)) => {
                    let is_sound = child.started.elapsed() >= SOUND;
                    state.failures = if is_sound { 0 } else { state.failures + 1 };
                    state.reason = child.link.ended().map(|reason| StartError::new(&pool.settings, reason));
                }
                Some(Err(error)) => {
                    state.failures += 1;
                    state.reason = Some(error.clone());
                }
            }
        }
        let pause = pause(state.failures).saturating_sub(state.began.elapsed());
        if pause > PATIENCE {
            return Err(again(&state, pause, pool));
        }
        state.began = Instant::now() + pause;
        Ok(state.start.insert(self.start(pool, pause)).clone())
    }

    fn start(&self, pool: &Pool, pause: Duration) -> Starting {
        let parts = ChildParts {
            settings: Arc::clone(&pool.settings),
            client: Arc::clone(&self.wanted.client),
            audience: self.wanted.audience.clone(),
            known: pool.speaks(),
            events: Arc::clone(&pool.events),
            tracker: pool.tracker.clone(),
            stop: self.stop.clone(),
        };
        let settings = Arc::clone(&pool.settings);
        let started = pool.tracker.spawn(async move {
            sleep(pause).await;
            let child = Arc::new(Child::start(parts).await.inspect_err(|error| {
                tracing::error!(server = error.server(), error = error.text(), "the server did not start");
            })?);
            child.listen_to_lists().await;
            Ok(child)
        });
        let stopped = move |_| Err(StartError::new(&settings, "was stopped"));
        started.map(move |started| started.unwrap_or_else(stopped)).boxed().shared()
    }

    /// A call begins to use the child.
    pub(crate) fn enter(&self) {
        self.users.fetch_add(1, Ordering::Relaxed);
        self.state().used = Instant::now();
    }

    /// A call no longer uses the child.
    pub(crate) fn leave(&self) {
        self.users.fetch_sub(1, Ordering::Relaxed);
        self.state().used = Instant::now();
    }

    /// When the child was used last. `None`: it is in use.
    pub(crate) fn unused_since(&self) -> Option<Instant> {
        (self.users.load(Ordering::Relaxed) == 0).then(|| self.state().used)
    }

    /// Ends the child.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }
}

fn pause(failures: u32) -> Duration {
    match failures.checked_sub(1) {
        None => Duration::ZERO,
        Some(doublings) => FIRST_PAUSE.saturating_mul(1 << doublings.min(16)).min(LONGEST_PAUSE),
    }
}

/// The error of a call that comes while the next start is not due.
fn again(state: &State, pause: Duration, pool: &Pool) -> StartError {
    let Some(reason) = &state.reason else { return StartError::new(&pool.settings, "is not started yet") };
    if reason.is_final {
        return reason.clone();
    }
    let (times, seconds) = (state.failures, pause.as_secs_f64());
    let text = format!(
        "{}; that was start {times} that failed in a row, the next one is due in {seconds:.1} s",
        reason.text()
    );
    StartError::new(&pool.settings, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pauses_double_to_a_limit() {
        let pauses: Vec<_> = (0..5).map(|failures| pause(failures).as_millis()).collect();
        assert_eq!(pauses, [0, 200, 400, 800, 1600]);
        assert_eq!(pause(u32::MAX), LONGEST_PAUSE);
    }
}
