//! A subscription receives each event once, in the order of the log, through repeated deliveries, dead writers, missed
//! wake-ups, freezes, lag and reconnects.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use proptest::prelude::*;
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

use super::{
    Appended, Event, EventKey, EventLog, LoggedEvent, NewEvent, NewestEvents, NewestLimits, Scope, ScopeEnd,
    Subscription, Tail,
};
use crate::{
    auth::Principal,
    error::StoreError,
    ids::SessionId,
    store::{MemoryStore, WakeUp},
    time::{Clock, Timestamp},
};

mod two_step;

use two_step::TwoStepLog;

/// The scopes of a GET stream of a known principal: global, the principal's and the session's.
const SCOPES: usize = 3;

#[derive(Debug, Clone)]
enum Step {
    /// Appends an event, without a source id or with one that other events have too, in the subscriber's process
    /// (`wakes`) or in another one.
    Append { scope: usize, source: Option<u8>, wakes: bool },
    /// A writer is assigned a position.
    Begin { scope: usize },
    /// A writer with a position writes its event.
    Finish(usize),
    /// A writer with a position dies.
    Die(usize),
    /// Appends more events than the broadcast holds.
    Flood { scope: usize },
    /// The subscriber receives up to so many events.
    Receive(usize),
    /// The subscriber drops the future of a receive.
    Interrupt,
    /// The subscriber disconnects and keeps its positions.
    Disconnect,
    /// The subscriber reconnects at its positions, in this process or in a new one.
    Reconnect { elsewhere: bool },
    /// A second subscription keeps the tail running, or ends.
    Neighbour(bool),
    /// The process is frozen: time passes, and nothing runs.
    Freeze,
    /// The tail has time to poll.
    Wait,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..SCOPES, proptest::option::of(0..4_u8), any::<bool>())
            .prop_map(|(scope, source, wakes)| Step::Append { scope, source, wakes }),
        2 => (0..SCOPES).prop_map(|scope| Step::Begin { scope }),
        2 => any::<usize>().prop_map(Step::Finish),
        1 => any::<usize>().prop_map(Step::Die),
        1 => (0..SCOPES).prop_map(|scope| Step::Flood { scope }),
        4 => (1..8_usize).prop_map(Step::Receive),
        1 => Just(Step::Interrupt),
        2 => Just(Step::Disconnect),
        3 => any::<bool>().prop_map(|elsewhere| Step::Reconnect { elsewhere }),
        1 => any::<bool>().prop_map(Step::Neighbour),
        1 => Just(Step::Freeze),
        3 => Just(Step::Wait),
    ]
}

struct World {
    log: Arc<TwoStepLog>,
    tail: Arc<Tail>,
    scopes: Vec<Scope>,
    /// Writers that have a position and have not written.
    writers: Vec<(usize, u64, NewEvent)>,
    /// The events that were received, by scope.
    received: Vec<Vec<(u64, Event)>>,
    subscriber: Option<Subscription>,
    neighbour: Option<Subscription>,
    appended: u64,
}

fn new(number: u64, source: Option<u8>) -> NewEvent {
    NewEvent {
        event: Event::ResourceUpdated { uri: format!("test://{number}") },
        source_id: source.map(|source| source.to_string()),
        at: Timestamp::from_millis(0),
        expires_at: Timestamp::from_millis(1),
    }
}

impl World {
    fn new() -> Self {
        let log = Arc::new(TwoStepLog::default());
        let tail = Tail::new(Arc::clone(&log) as _, WakeUp::default(), TaskTracker::new());
        let own = Scope::Session(SessionId::random());
        let scopes = Scope::visible_to(&Principal::new("issuer", "alice")).into_iter().chain([own]).collect();
        Self {
            log,
            tail,
            scopes,
            writers: Vec::new(),
            received: vec![Vec::new(); SCOPES],
            subscriber: None,
            neighbour: None,
            appended: 0,
        }
    }

    async fn run(&mut self, steps: Vec<Step>) {
        for step in steps {
            match step {
                Step::Append { scope, source, wakes } => self.append(scope, source, wakes).await,
                Step::Begin { scope } => {
                    self.appended += 1;
                    let seq = self.log.begin(&self.scopes[scope]);
                    self.writers.push((scope, seq, new(self.appended, None)));
                }
                Step::Finish(which) if !self.writers.is_empty() => {
                    let (at, seq, event) = self.writers.remove(which % self.writers.len());
                    // If the position is sealed the writer is assigned another one, as by the store.
                    if !self.log.finish(&self.scopes[at], seq, &event) {
                        self.log.append(&self.scopes[at], &event).await.expect("appended");
                    }
                }
                Step::Die(which) if !self.writers.is_empty() => {
                    self.writers.remove(which % self.writers.len());
                }
                Step::Finish(_) | Step::Die(_) => {}
                Step::Flood { scope } => {
                    for _ in 0..300 {
                        self.append(scope, None, true).await;
                    }
                }
                Step::Receive(times) => {
                    for _ in 0..times {
                        self.receive().await;
                    }
                }
                Step::Interrupt => self.interrupt(),
                Step::Disconnect => self.subscriber = None,
                Step::Reconnect { elsewhere } => self.reconnect(elsewhere).await,
                Step::Neighbour(false) => self.neighbour = None,
                Step::Neighbour(true) => {
                    let neighbour = Subscription::open(&self.tail, self.scopes.clone(), None).await;
                    self.neighbour = Some(neighbour.expect("subscribed"));
                }
                Step::Freeze => tokio::time::advance(Duration::from_secs(600)).await,
                Step::Wait => tokio::time::sleep(Duration::from_secs(3)).await,
            }
        }
        self.reconnect(false).await;
        while self.receive().await {}
        for (scope, received) in self.scopes.iter().zip(&self.received) {
            assert_eq!(*received, self.log.events(scope), "each event once, in the order of the log");
        }
    }

    async fn append(&mut self, scope: usize, source: Option<u8>, wakes: bool) {
        self.appended += 1;
        let event = new(self.appended, source);
        self.log.append(&self.scopes[scope], &event).await.expect("appended");
        if wakes {
            self.tail.poll_now();
        }
    }

    /// Receives one event. `false` if none arrives.
    async fn receive(&mut self) -> bool {
        let Some(subscriber) = &mut self.subscriber else { return false };
        let Ok(next) = tokio::time::timeout(Duration::from_secs(30), subscriber.next()).await else {
            return false;
        };
        self.record(next.expect("the log can be read"));
        true
    }

    /// Polls once and drops the future, as `select!` does when another branch completes.
    fn interrupt(&mut self) {
        use futures::FutureExt;
        let Some(subscriber) = &mut self.subscriber else { return };
        if let Some(next) = subscriber.next().now_or_never() {
            self.record(next.expect("the log can be read"));
        }
    }

    fn record(&mut self, (scope, event): (Scope, LoggedEvent)) {
        let at = self.scopes.iter().position(|known| *known == scope).expect("a scope of the subscription");
        assert_eq!(self.subscriber.as_ref().expect("it received the event").position(&scope), event.seq);
        self.received[at].push((event.seq, event.event));
    }

    async fn reconnect(&mut self, elsewhere: bool) {
        if self.subscriber.is_none() {
            let positions =
                self.received.iter().map(|received| received.last().map_or(0, |(seq, _)| *seq)).collect();
            if elsewhere {
                self.neighbour = None;
                self.tail = Tail::new(Arc::clone(&self.log) as _, WakeUp::default(), TaskTracker::new());
            }
            let subscriber = Subscription::open(&self.tail, self.scopes.clone(), Some(positions)).await;
            self.subscriber = Some(subscriber.expect("subscribed"));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_subscription_receives_each_event_once_in_the_order_of_the_log(steps in prop::collection::vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()
            .expect("a runtime");
        runtime.block_on(World::new().run(steps));
    }
}

/// A subscription without positions receives each event appended after `open` has returned, and none before it.
#[tokio::test(start_paused = true)]
async fn a_new_subscription_receives_later_events_only() {
    let mut world = World::new();
    world.append(0, None, true).await;
    let subscriber = Subscription::open(&world.tail, world.scopes.clone(), None).await;
    world.subscriber = Some(subscriber.expect("subscribed"));
    world.append(0, None, true).await;
    world.append(1, None, true).await;
    world.append(2, None, true).await;
    while world.receive().await {}
    let received: Vec<Vec<u64>> =
        world.received.iter().map(|events| events.iter().map(|(seq, _)| *seq).collect()).collect();
    assert_eq!(received, [vec![2], vec![1], vec![1]]);
}

/// No task runs without a subscription: on Lambda it would run during the next invocation.
#[tokio::test(start_paused = true)]
async fn the_tail_ends_with_its_last_subscription() {
    let tracker = TaskTracker::new();
    let log: Arc<dyn EventLog> = Arc::new(MemoryStore::new(Clock::manual(Timestamp::from_millis(0))));
    let tail = Tail::new(log, WakeUp::default(), tracker.clone());
    for _ in 0..3 {
        let one = Subscription::open(&tail, vec![Scope::Global], None).await.expect("subscribed");
        let two = Subscription::open(&tail, vec![Scope::Global], None).await.expect("subscribed");
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(tracker.len(), 1);
        drop(one);
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(tracker.len(), 1, "one subscription is left");
        drop(two);
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(tracker.len(), 0);
    }
}

/// A log whose first read of the ends takes until it is notified.
struct SlowLog {
    log: TwoStepLog,
    first: AtomicBool,
    arrive: Notify,
}

#[async_trait::async_trait]
impl EventLog for SlowLog {
    async fn append(&self, scope: &Scope, event: &NewEvent) -> Result<Appended, StoreError> {
        self.log.append(scope, event).await
    }

    async fn heads(&self, scopes: &[Scope]) -> Result<Vec<u64>, StoreError> {
        self.log.heads(scopes).await
    }

    async fn ends(&self, scopes: &[Scope]) -> Result<Vec<ScopeEnd>, StoreError> {
        let ends = self.log.ends(scopes).await;
        if self.first.swap(false, Ordering::SeqCst) {
            self.arrive.notified().await;
        }
        ends
    }

    async fn read(&self, scope: &Scope, after: u64, limit: usize) -> Result<Vec<LoggedEvent>, StoreError> {
        self.log.read(scope, after, limit).await
    }

    async fn seal_gap(&self, scope: &Scope, after: u64) -> Result<u64, StoreError> {
        self.log.seal_gap(scope, after).await
    }

    async fn event_keys(
        &self,
        _: &Scope,
        _: Option<&EventKey>,
        _: usize,
    ) -> Result<Vec<EventKey>, StoreError> {
        Ok(Vec::new())
    }

    async fn newest(&self, _: &Scope, _: &EventKey, _: NewestLimits) -> Result<NewestEvents, StoreError> {
        Ok(NewestEvents::default())
    }
}

/// A second subscription, opened while the first one reads its ends, moves the tail past the first one's position.
#[tokio::test(start_paused = true)]
async fn an_event_appended_while_a_subscription_opens_is_received() {
    let slow =
        Arc::new(SlowLog { log: TwoStepLog::default(), first: AtomicBool::new(true), arrive: Notify::new() });
    let tail = Tail::new(Arc::clone(&slow) as _, WakeUp::default(), TaskTracker::new());
    let mut subscribing = Box::pin(Subscription::open(&tail, vec![Scope::Global], None));
    assert!(futures::poll!(&mut subscribing).is_pending());
    slow.append(&Scope::Global, &new(1, None)).await.expect("appended");
    let _other = Subscription::open(&tail, vec![Scope::Global], None).await.expect("subscribed");
    slow.arrive.notify_one();
    let mut subscriber = subscribing.await.expect("subscribed");
    let next = tokio::time::timeout(Duration::from_secs(30), subscriber.next()).await;
    assert_eq!(next.expect("in time").expect("read").1.seq, 1);
}

/// A subscription that opens between a writer's position and its event receives the event.
#[tokio::test(start_paused = true)]
async fn an_event_being_written_while_a_subscription_opens_is_received() {
    let log = Arc::new(TwoStepLog::default());
    let tail = Tail::new(Arc::clone(&log) as _, WakeUp::default(), TaskTracker::new());
    let seq = log.begin(&Scope::Global);
    log.append(&Scope::Global, &new(2, None)).await.expect("appended");
    let mut subscriber = Subscription::open(&tail, vec![Scope::Global], None).await.expect("subscribed");
    assert!(log.finish(&Scope::Global, seq, &new(1, None)));
    for expected in [1, 2] {
        let next = tokio::time::timeout(Duration::from_secs(30), subscriber.next()).await;
        assert_eq!(next.expect("in time").expect("read").1.seq, expected);
    }
}

/// A dead writer delays later events for as long as a writer may take, and no longer.
#[tokio::test(start_paused = true)]
async fn the_gap_of_a_dead_writer_is_sealed_after_two_seconds() {
    let log = Arc::new(TwoStepLog::default());
    let tail = Tail::new(Arc::clone(&log) as _, WakeUp::default(), TaskTracker::new());
    let mut subscriber = Subscription::open(&tail, vec![Scope::Global], None).await.expect("subscribed");
    let seq = log.begin(&Scope::Global);
    log.append(&Scope::Global, &new(2, None)).await.expect("appended");
    let start = tokio::time::Instant::now();
    let next = tokio::time::timeout(Duration::from_secs(30), subscriber.next()).await;
    assert_eq!(next.expect("in time").expect("read").1.seq, 2);
    let waited = start.elapsed();
    assert!(waited >= Duration::from_secs(2) && waited < Duration::from_secs(5), "{waited:?}");
    assert!(!log.finish(&Scope::Global, seq, &new(1, None)), "the position is sealed");
}

/// An idle tail reads at once what another process has appended, if the store hears of it.
#[tokio::test(start_paused = true)]
async fn a_tail_that_is_woken_does_not_wait_for_its_poll() {
    let (log, wake_up) = (Arc::new(TwoStepLog::default()), WakeUp::new());
    let tail = Tail::new(Arc::clone(&log) as _, wake_up.clone(), TaskTracker::new());
    let mut subscriber = Subscription::open(&tail, vec![Scope::Global], None).await.expect("subscribed");
    // Idle for so long, the tail polls every second or so.
    let idle = tokio::time::timeout(Duration::from_secs(60), subscriber.next()).await;
    assert!(idle.is_err());
    for seq in 1..=3 {
        let start = tokio::time::Instant::now();
        log.append(&Scope::Global, &new(seq, None)).await.expect("appended");
        wake_up.wake("");
        assert_eq!(subscriber.next().await.expect("read").1.seq, seq);
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}
